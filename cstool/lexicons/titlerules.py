"""What makes a pair of titles a useful entry of a lexicon."""

from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import regex

from cstool import words
from cstool.lexicons.titleindex import TitleIndex, bare, keys

# "Category:Rivers" has no space after the colon, "Dune: Part Two" has one.
_NAMESPACE = regex.compile(r"\p{L}[\p{L}\p{M} _]*:(?=\S)")
_DIGIT = regex.compile(r"\p{N}")
_LETTER = regex.compile(r"\p{L}")

# How lists and disambiguation pages are called in the larger Wikipedias.
_LISTS = {
    "ar": ("قائمة ", "قوائم "),
    "cs": ("Seznam ",),
    "da": ("Liste over ",),
    "de": ("Liste der ", "Liste des ", "Liste von ", "Liste deutscher ", "Liste "),
    "en": ("List of ", "Lists of ", "Outline of ", "Index of ", "Timeline of ", "Glossary of "),
    "es": ("Lista de ", "Listado de ", "Anexo:"),
    "fi": ("Luettelo ",),
    "fr": ("Liste des ", "Liste de ", "Liste d'", "Listes "),
    "it": ("Lista di ", "Lista dei ", "Lista delle ", "Elenco ", "Liste di "),
    "nl": ("Lijst van ", "Lijsten van "),
    "no": ("Liste over ",),
    "pl": ("Lista ",),
    "pt": ("Lista de ", "Lista dos ", "Lista das ", "Anexo:"),
    "ru": ("Список ", "Списки "),
    "sv": ("Lista över ",),
    "uk": ("Список ",),
}
_DISAMBIGUATION = regex.compile(
    r"\((disambiguation|Begriffsklärung|desambiguación|desambiguação|homonymie|disambigua"
    r"|doorverwijspagina|значения|значення|توضيح|曖昧さ回避|消歧义|消歧義|동음이의|ujednoznacznienie"
    r"|rozcestník|flertydig|olika betydelser|andre betydninger|täsmennyssivu|egyértelműsítő lap"
    r"|định hướng)\)$",
    regex.IGNORECASE,
)


@dataclass(frozen=True)
class Rules:
    """What makes a title a useful entry; `keep` names the rules that do not hold.

    `common` are keys of words that nobody means by a title that had parentheses.
    """

    source_lang: str
    target_lang: str
    max_words: int
    stop_words: Container[str] = frozenset()
    common: Container[str] = frozenset()
    keep: Container[str] = frozenset()
    keep_identical: bool = True
    running_case: bool = True

    @cached_property
    def lists(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Give how the titles of lists begin on either side."""
        return _LISTS.get(self.source_lang, ()), _LISTS.get(self.target_lang, ())


RULES = {
    "namespace": "pages outside the encyclopedia, such as Category:Rivers",
    "list": "List of ..., Index of ..., in either language",
    "disambiguation": "pages that say which other pages there are",
    "number": "numbers, years, dates, whatever else holds a digit",
    "unmatchable": "what no text can match, such as AT&T",
    "long": "of more words than --max-words",
    "stop-word": "nothing but stop words, such as It or The Who",
    "ambiguous": "X (film), if X is a title of its own, or X (song) is one as well",
    "common-word": "X (film), if X is a common word",
    "variant": "all but the one in lower case, if titles differ in case alone",
}


class Pair(NamedTuple):
    """Two titles as they were read, and as they would stand in a lexicon."""

    source: str
    target: str
    plain: str  # the source without parentheses at its end
    translation: str  # the target without
    phrase: str | None  # the key of the plain source as a phrase, None if no text can match it
    has_variant: bool  # whether another article's title differs from the source in case alone


class Kept(NamedTuple):
    """What is kept of some pairs of titles, in columns: an object for each pair takes its time."""

    sources: list[str]
    targets: list[str]
    keys: list[str]  # of the sources as words
    phrases: list[str | None]  # and as phrases


def keep(
    sources: Sequence[str],
    targets: Sequence[str],
    rules: Rules,
    index: TitleIndex,
    left_out: Counter[str],
) -> Kept:
    """Take parentheses away and leave out the pairs that break a rule, counted by rule."""
    tests = {rule: _BREAKS[rule] for rule in RULES if rule not in rules.keep}
    plain = list(map(bare, sources))
    found = keys(plain)
    phrases = map(_phrase, plain, found)
    columns = sources, targets, plain, map(bare, targets), phrases, index.have_variants(sources)
    kept = Kept([], [], [], [])
    for key, pair in zip(found, zip(*columns, strict=True), strict=True):
        fault = _at_once(rules, index, *pair)
        if fault is None or fault in rules.keep:
            full = Pair(*pair)
            fault = next((rule for rule, breaks in tests.items() if breaks(full, rules, index)), "")
        if fault:
            left_out[fault] += 1
            continue
        _, _, source, target, phrase, _ = pair
        kept.sources.append(source)
        kept.targets.append(target)
        kept.keys.append(key)
        kept.phrases.append(phrase)
    return kept


def _phrase(plain: str, key: str) -> str | None:
    if plain.isascii() and all(map(str.isalpha, key.split(" "))):  # most titles
        return key
    return words.phrase_key(plain)


def _at_once(
    rules: Rules,
    index: TitleIndex,
    source: str,
    target: str,
    plain: str,
    translation: str,
    phrase: str | None,
    has_variant: bool,
) -> str | None:
    """Tell of most pairs, by what is cheap to see, their fault, or "" for none; None for others."""
    if (
        phrase is None
        or has_variant
        or not translation[:1].isalpha()
        or (target[-1] == ")" and _DISAMBIGUATION.search(target))
        or ":" in target
        or phrase.partition(" ")[0] in rules.stop_words
        or source.startswith(rules.lists[0])
        or target.startswith(rules.lists[1])
        or (plain is not source and _DISAMBIGUATION.search(source))
    ):
        return None
    if phrase.count(" ") >= rules.max_words:
        return "long"
    return None if plain is not source and (phrase in rules.common or index.is_taken(plain)) else ""


def _namespace(pair: Pair, rules: Rules, index: TitleIndex) -> bool:
    return any([":" in title and _NAMESPACE.match(title) for title in pair[:2]])


def _list(pair: Pair, rules: Rules, index: TitleIndex) -> bool:
    return pair.source.startswith(rules.lists[0]) or pair.target.startswith(rules.lists[1])


def _disambiguation(pair: Pair, rules: Rules, index: TitleIndex) -> bool:
    return any([title[-1:] == ")" and _DISAMBIGUATION.search(title) for title in pair[:2]])


def _number(pair: Pair, rules: Rules, index: TitleIndex) -> bool:
    # No word holds a digit, so that what is words can have none.
    if pair.phrase is None and _DIGIT.search(pair.plain):
        return True
    return not (pair.translation[:1].isalpha() or _LETTER.search(pair.translation))


def _unmatchable(pair: Pair, rules: Rules, index: TitleIndex) -> bool:
    return pair.phrase is None


def _long(pair: Pair, rules: Rules, index: TitleIndex) -> bool:
    return pair.phrase is not None and pair.phrase.count(" ") >= rules.max_words


def _stop_word(pair: Pair, rules: Rules, index: TitleIndex) -> bool:
    return pair.phrase is not None and all(
        [word in rules.stop_words for word in pair.phrase.split(" ")]
    )


def _ambiguous(pair: Pair, rules: Rules, index: TitleIndex) -> bool:
    return pair.plain is not pair.source and index.is_taken(pair.plain)


def _common_word(pair: Pair, rules: Rules, index: TitleIndex) -> bool:
    return pair.plain is not pair.source and pair.phrase in rules.common


def _variant(pair: Pair, rules: Rules, index: TitleIndex) -> bool:
    return pair.has_variant and pair.source[1:] != pair.source[1:].lower()


_BREAKS: dict[str, Callable[[Pair, Rules, TitleIndex], bool]] = {
    "namespace": _namespace,
    "list": _list,
    "disambiguation": _disambiguation,
    "number": _number,
    "unmatchable": _unmatchable,
    "long": _long,
    "stop-word": _stop_word,
    "ambiguous": _ambiguous,
    "common-word": _common_word,
    "variant": _variant,
}

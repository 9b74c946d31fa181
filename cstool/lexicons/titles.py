"""Lexicons from the titles of the same articles in several Wikipedias: which make good entries.

Links between titles come from dumps, from Linguatools' XML or from TSV (`wikipedia`, `wikititles`,
`formats`). They are kept on disk until all titles are known, because whether one may lose its
"(film)" depends on all others; in memory stay 16 bytes a title and 8 a pair.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import regex
import xxhash

from cstool import words
from cstool.lexicons.casing import Casing, running
from cstool.lexicons.dictionaries import BROKEN, Account, ranked
from cstool.records import Entry

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# "Category:Rivers" has no space after the colon, "Dune: Part Two" has one.
_NAMESPACE = regex.compile(r"\p{L}[\p{L}\p{M} _]*:(?=\S)")
_QUALIFIER = regex.compile(r"\s+\([^()]*\)$")
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


class Link(NamedTuple):
    """The title of an article, and what the article is called in another language."""

    source: str
    language: str
    target: str


def links(
    rows: Iterable[Sequence[str]], languages: Sequence[str], index: "TitleIndex"
) -> Iterator[Link]:
    """Yield the links of rows: a title, and what it is in each of the languages, or nothing."""
    for source, *targets in rows:
        index.add(source)
        for language, target in zip(languages, targets, strict=True):
            if target:
                yield Link(source, language, target)


class TitleIndex:
    """Which titles a wiki has, as 64-bit hashes: 16 bytes for an article, 8 for a redirect.

    Titles that differ in case alone have one form.
    """

    def __init__(self) -> None:
        self._titles, self._forms, self._redirects = array("Q"), array("Q"), array("Q")
        self._qualified, self._bare = array("Q"), array("Q")
        self._free: frozenset[int] = frozenset()
        self._alike: frozenset[int] = frozenset()

    def add(self, title: str) -> None:
        """Take the title of an article; one that comes again changes nothing."""
        name = _hash(title)
        self._titles.append(name)
        self._forms.append(_form(title))
        if (plain := bare(title)) != title:
            self._qualified.append(name)
            self._bare.append(_form(plain))

    def add_redirect(self, title: str) -> None:
        """Take a title under which some article is found as well."""
        self._redirects.append(_form(title))

    def close(self) -> None:
        """Compare all titles; the index can be asked from then on."""
        import numpy as np

        values, counts = np.unique(_once(self._titles, self._forms), return_counts=True)
        self._alike = frozenset(values[counts > 1].tolist())
        taken = np.concatenate([values, np.asarray(self._redirects)])
        values, counts = np.unique(_once(self._qualified, self._bare), return_counts=True)
        self._free = frozenset(values[(counts == 1) & ~np.isin(values, taken)].tolist())

    def is_taken(self, plain: str) -> bool:
        """Tell whether a title without its parentheses is also that of something else."""
        return _form(plain) not in self._free

    def has_variant(self, title: str) -> bool:
        """Tell whether another article's title differs from this one in case alone."""
        return _form(title) in self._alike


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
    key: str | None  # of the plain source

    @classmethod
    def of(cls, source: str, target: str) -> "Pair":
        """Take the parentheses away."""
        plain = bare(source)
        return cls(source, target, plain, bare(target), words.phrase_key(plain))


def faults(pair: Pair, rules: Rules, index: "TitleIndex") -> Iterator[str]:
    """Name the rules, of RULES, that a pair of titles breaks."""
    sides = {rules.source_lang: pair.source, rules.target_lang: pair.target}
    if any(map(_NAMESPACE.match, sides.values())):
        yield "namespace"
    if any(title.startswith(_LISTS.get(language, ())) for language, title in sides.items()):
        yield "list"
    if any(map(_DISAMBIGUATION.search, sides.values())):
        yield "disambiguation"
    if _DIGIT.search(pair.plain) or not _LETTER.search(pair.translation):
        yield "number"
    yield from _faults_of_words(pair.key, rules)
    if pair.plain != pair.source:
        if index.is_taken(pair.plain):
            yield "ambiguous"
        if pair.key in rules.common:
            yield "common-word"
    if pair.source[1:] != pair.source[1:].lower() and index.has_variant(pair.source):
        yield "variant"


def _faults_of_words(key: str | None, rules: Rules) -> Iterator[str]:
    if key is None:
        yield "unmatchable"
        return
    parts = key.split(" ")
    if len(parts) > rules.max_words:
        yield "long"
    if all(part in rules.stop_words for part in parts):
        yield "stop-word"


def bare(title: str) -> str:
    """Take away a disambiguation in parentheses at the end of a title."""
    return _QUALIFIER.sub("", title) if title.endswith(")") else title


class Harvest:
    """The links of a wiki to some languages: gathered in one pass, cleaned when all are known.

    `scratch` opens an empty file, for what memory is too dear.
    """

    def __init__(
        self, source_lang: str, languages: Sequence[str], scratch: Callable[[], BinaryIO]
    ) -> None:
        self.source_lang, self.languages = source_lang, languages
        self.index = TitleIndex()
        self.casing = {language: Casing() for language in (source_lang, *languages)}
        self.left_out: dict[str, Counter[str]] = {language: Counter() for language in languages}
        self._pairs = {language: scratch() for language in languages}
        self._scratch = scratch

    def take(self, links: Iterable[Link]) -> None:
        """Keep links, learn from their titles how words are written, and close the index."""
        last = ""
        for source, language, target in links:
            if not target or BROKEN.search(source) or BROKEN.search(target):
                self.left_out[language]["broken"] += 1
                continue
            self._pairs[language].write(f"{source}\t{target}\n".encode())
            self.casing[language].see_title(target)
            if source != last:
                self.casing[self.source_lang].see_title(source)
                last = source
        self.index.close()

    def entries(self, rules: Rules, account: Account) -> Iterator[Entry]:
        """Yield the entries for one language; sources with several translations come last."""
        account.left_out += self.left_out[rules.target_lang]
        cleaned, keys = self._scratch(), array("Q")
        for pair, translation in self._cleaned(rules, account.left_out):
            cleaned.write(f"{pair.plain}\t{translation}\n".encode())
            keys.append(_hash(pair.key or words.key(pair.plain)))
            account.unmatchable += pair.key is None
        several = _repeated(keys)
        together: list[Entry] = []
        for key, (source, target) in zip(keys, _read(cleaned), strict=True):
            if key in several:
                together.append(Entry(source, target))
                continue
            same = words.key(source) == words.key(target)
            if same and not rules.keep_identical:
                account.left_out["identical"] += 1
                continue
            account.entries += 1
            account.sources += 1
            account.identical += same
            yield Entry(source, target)
        rest = Account(left_out=account.left_out)
        yield from ranked(together, rest, keep_identical=rules.keep_identical)
        account.entries += rest.entries
        account.sources += rest.sources
        account.identical += rest.identical

    def _cleaned(self, rules: Rules, left_out: Counter[str]) -> Iterator[tuple[Pair, str]]:
        languages = rules.source_lang, rules.target_lang
        for source, target in _read(self._pairs[rules.target_lang]):
            pair = Pair.of(source, target)
            found = faults(pair, rules, self.index)
            if fault := next((fault for fault in found if fault not in rules.keep), None):
                left_out[fault] += 1
                continue
            translation = pair.translation
            if rules.running_case:
                translation = running(pair.plain, translation, languages, self.casing, rules.common)
            yield pair, translation


def _read(pairs: BinaryIO) -> Iterator[tuple[str, str]]:
    pairs.seek(0)
    for line in pairs:
        source, _, target = line.decode("utf-8").rstrip("\n").partition("\t")
        yield source, target


def _form(title: str) -> int:
    return _hash(words.key(title))


def _hash(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode())


def _once(names: "array[int]", values: "array[int]") -> "npt.NDArray[np.uint64]":
    """Give the value of each name, however often it was taken."""
    import numpy as np

    _, first = np.unique(np.asarray(names), return_index=True)
    return np.asarray(values)[first]


def _repeated(keys: "array[int]") -> frozenset[int]:
    import numpy as np

    values, counts = np.unique(np.asarray(keys), return_counts=True)
    return frozenset(values[counts > 1].tolist())

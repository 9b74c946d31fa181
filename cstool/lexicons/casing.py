"""The case of a word in running text, for titles, whose first letter is always a capital.

What a language writes with a capital is learnt from words that stand within titles or sentences:
"Geschichte der Musik" against "Historia de la música".
"""

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

import regex

MAX_WORDS = 1 << 20  # counted for each language: rare ones go when there are more
# Where nouns have capitals, so that a title's says nothing about it and must not be lost.
CAPITAL_NOUNS = ("als", "bar", "de", "frr", "gsw", "ksh", "lb", "nds", "pdc", "pfl", "stq")
_DOTTED = ("tr", "az")
_DOTLESS = {"I": "\u0131", "\u0130": "i"}
_EDGES = "()[]«»„“”\"',.:;!?…"
_INNER = regex.compile(r"(?<=[\p{Ll},] )\p{L}[\p{L}\p{M}]+")


@dataclass
class Casing:
    """How often words begin with a small letter, and how often with a capital one."""

    small: Counter[str] = field(default_factory=Counter)
    capital: Counter[str] = field(default_factory=Counter)

    def see_titles(self, titles: Iterable[str]) -> None:
        """Count the words of titles but the first of each."""
        later = " ".join([title.partition(" ")[2] for title in titles])
        self._see(Counter(later.split(" ")))

    def see_text(self, text: str) -> None:
        """Count the words of a text that follow a small letter or a comma and one space."""
        self._see(Counter(_INNER.findall(text)))

    def is_small(self, word: str) -> bool | None:
        """Tell whether a word is mostly written with a small letter; None if it has not come."""
        small, capital = self.small.get(word.lower(), 0), self.capital.get(word.lower(), 0)
        return None if small == capital == 0 else small > capital

    def _see(self, counts: Mapping[str, int]) -> None:
        for edged, count in counts.items():
            word = edged.strip(_EDGES)
            if word.islower():
                self.small[word] += count
            elif word[:1].isupper() and word[1:].islower():
                self.capital[word.lower()] += count
        for counted in (self.small, self.capital):
            least = 1
            while len(counted) > MAX_WORDS:
                for rare in [word for word, count in counted.items() if count == least]:
                    del counted[rare]
                least += 1


def running(
    source: str,
    target: str,
    languages: tuple[str, str],
    casing: Mapping[str, Casing],
    common: Container[str] = (),
) -> str:
    """Give a translated title with the first letter that it has within a sentence.

    It becomes small if the first word is mostly small where else it was seen in its language; if
    it was not seen there, if the source's first word is, or is one of the common words. It stays if
    either title is a name of several words ("New York"), and what the source says does not count
    for a language that gives all nouns capitals.
    """
    source_lang, target_lang = languages
    first = target.partition(" ")[0]
    if not first[:1].isupper() or not first[1:].islower():
        return target
    if _is_name(source, source_lang) or _is_name(target, target_lang):
        return target
    small = casing[target_lang].is_small(first)
    if small is None and target_lang not in CAPITAL_NOUNS:
        original = source.partition(" ")[0]
        small = casing[source_lang].is_small(original) or original.casefold() in common
    if not small:
        return target
    dotless = _DOTLESS if target_lang in _DOTTED else {}
    return dotless.get(target[0], target[0].lower()) + target[1:]


def _is_name(title: str, language: str) -> bool:
    if title[1:].islower() or language in CAPITAL_NOUNS:  # most titles, at once
        return False
    return any(word[:1].isupper() for word in title.split(" ")[1:])

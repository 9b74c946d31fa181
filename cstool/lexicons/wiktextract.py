"""Translations from Wiktionary, as Wiktextract extracts them (kaikki.org, JSONL).

{"word": "dog", "lang_code": "en", "pos": "noun", "translations":
        [{"lang_code": "de", "sense": "animal", "word": "Hund", "tags": ["masculine"]}]}
"""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import regex

from cstool import formats
from cstool.records import Entry

# Language codes that Wiktionary has for one of ours.
_CODES = {"no": ("no", "nb"), "zh": ("zh", "cmn")}
_NO_WORDS = """
    affix character circumfix combining_form infix interfix letter prefix punct romanization suffix
    syllable symbol
"""  # parts of speech
_UNUSUAL = {"archaic", "dated", "misspelling", "nonstandard", "obsolete", "proscribed"}
# What dictionaries add and running text has not: stress, short vowels, the length of a word.
_ARABIC = regex.compile("[\u0640\u064b-\u0652\u0670]")
_HEBREW = regex.compile("[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]")
_STRESS = regex.compile("[\u0300\u0301]")
_ADDED = dict.fromkeys(("be", "bg", "mk", "ru", "uk"), _STRESS) | {"he": _HEBREW, "yi": _HEBREW}
_ADDED |= dict.fromkeys(("ar", "fa", "ps", "ur"), _ARABIC)


class Wiktextract:
    """Parses lines of Wiktextract's JSONL; `left_out` counts by language and reason."""

    def __init__(
        self, source_lang: str, languages: Sequence[str], left_out: Mapping[str, Counter[str]]
    ) -> None:
        self._source_codes = _codes(source_lang)
        self._languages = {code: language for language in languages for code in _codes(language)}
        self._left_out = left_out

    def __call__(self, line: str) -> list[tuple[str, Entry]]:
        """Give the translations of one line: language, and word with translation.

        ValueError if the line is no JSON object as Wiktextract writes it.
        """
        row = formats.parse_object(line)
        if "word" not in row and "redirect" not in row:
            raise ValueError(f"keys {', '.join(row)[:60]}, expected an entry of Wiktextract: word")
        if row.get("lang_code") not in self._source_codes:
            for reasons in self._left_out.values():
                reasons["other-language"] += 1
            return []
        found = []
        for language, translation in self._translations(row):
            source, target = _text(row), plain(_text(translation), language)
            if reason := _unfit(row, translation, target):
                self._left_out[language][reason] += 1
            else:
                found.append((language, Entry(source, target)))
        return found

    def _translations(self, row: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the translations to our languages: of the word, then of its senses."""
        for one in (row, *_objects(row, "senses")):
            for translation in _objects(one, "translations"):
                # The older key is "code".
                code = translation.get("lang_code") or translation.get("code") or ""
                if language := self._languages.get(code):
                    yield language, translation


def plain(word: str, language: str) -> str:
    """Give a word as running text has it: in NFC, without marks that only dictionaries write."""
    word = unicodedata.normalize("NFC", word)
    added = _ADDED.get(language)
    return added.sub("", word) if added else word


def _unfit(row: Mapping[str, Any], translation: Mapping[str, Any], target: str) -> str | None:
    if row.get("pos") in _NO_WORDS.split():
        return "affix"
    if not target:
        return "no-word"
    return "obsolete" if _UNUSUAL.intersection(translation.get("tags") or ()) else None


def _objects(row: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    found = row.get(key) or ()
    if not isinstance(found, list | tuple) or not all(isinstance(one, dict) for one in found):
        raise ValueError(f"{key} is {str(found)[:60]}, expected a list of objects")
    return found


def _text(row: Mapping[str, Any]) -> str:
    word = row.get("word") or ""
    if not isinstance(word, str):
        raise ValueError(f"word is {word!r}, expected a string")
    return word.strip()


def _codes(language: str) -> tuple[str, ...]:
    return _CODES.get(language, (language.replace("_", "-"),))

"""Text to words and where they stand; phrases to the keys under which a lexicon knows them.

A word is a run of letters with their marks, apostrophes between letters included ("don't",
"l'homme"); an English possessive 's is left outside ("Germany's" is the word "Germany"), the 's of
"it's", "that's" or "let's" is not. A hyphen ends a word, a soft hyphen or a zero-width joiner does
not. URLs (with a scheme, or names such as example.com), e-mail addresses and whatever holds a digit
or an underscore are no words. Scripts that write no spaces (Chinese, Japanese, Thai) give one word
per run of letters, which a digit ends; `units` takes such a run apart.

Nothing here looks across a space (U+0020), so that a text may be read piece by piece.
"""

import unicodedata
from collections.abc import Sequence
from itertools import pairwise

import regex

# What a letter may be followed by within a word: letters, marks, soft hyphen, zero-width joiners.
_INNER = r"\p{L}\p{M}\u00ad\u200c\u200d"
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_SOLID = rf"{_UNSPACED}\p{{Katakana}}"  # may touch digits and letters of other scripts
_RUN = rf"[\p{{L}}\p{{M}}]&&[{_SOLID}\p{{M}}]"
_JOINED = rf"[{_INNER}]--[{_SOLID}]"  # what may not
# Where 's is short for "is", "has" or "us", and no possessive.
_BEFORE_IS = "it he she that this there here what who where when why how let"
SHORTENED = frozenset(_BEFORE_IS.split())
_DOMAINS = r"com | org | net | edu | gov | co \. [a-z]{2}"
# Names and addresses are tried only where a run of their characters begins, and never given back
# (++), or a line of a thousand dashes would be read a thousand times.
_TOKEN = regex.compile(
    rf"""(?P<word> [A-Za-z]++ (?= [\ ,;!?)\n] | \. (?: \s | \Z ) | \Z ) )  # most words, at once
      | (?: (?i: https?:// | ftp:// | www\. ) \S+
          | (?<! [\w.+-] ) [\w.+-]++ @ [\w-]++ (?: \. [\w-]++ )+
          | (?<! [\w.-] ) (?: [\w-]++ \. ){{1,5}} (?i: {_DOMAINS} ) \b (?: / \S* )?
          | [{_JOINED}]*+ [\p{{N}}_] (?: [{_JOINED}] | [\p{{N}}_] )*+
          | (?P<word> (?i: {"|".join(sorted(SHORTENED))} ) ['’] [sS] ) \b (?! ['’] [{_INNER}] )
          | (?P<word> (?= \p{{L}} ) [{_SOLID}] [[{_RUN}]\u00ad\u200c\u200dー]*+ )
          | (?P<word> \p{{L}} [{_JOINED}]*+
              (?: ['’] (?! [sS] \b ) [{_JOINED}]++ (?! [\p{{N}}_] ) )* )
        )
        (?: ['’] [sS] \b )?
    """,
    regex.VERBOSE | regex.V1,  # V1 knows the difference of sets
)
_DOTTED = ("tr", "az")
SPACE = " \t\xa0"  # what may stand between the words of a phrase
_GAP = regex.compile(rf"[{SPACE}]+|[-‐‑]|")
_UNIT = regex.compile(rf"[{_UNSPACED}][\p{{M}}\u00ad\u200c\u200d]*|[^{_UNSPACED}]+")


def spans(text: str) -> list[tuple[int, int]]:
    """Find the words of a text: (start, end) of each, in order."""
    return [match.span(1) for match in _TOKEN.finditer(text) if match[1]]


def units(text: str) -> list[tuple[int, int]]:
    """Find the smallest pieces that entries of a lexicon are made of: (start, end) of each.

    They are the words of `spans`, but in scripts that write no spaces every letter with its marks:
    an entry matches there inside a run of letters. Katakana, which writes foreign words, is kept
    together as letters of other scripts are.
    """
    found = spans(text)
    if text.isascii():
        return found
    return [
        (start + unit.start(), start + unit.end())
        for start, end in found
        for unit in _UNIT.finditer(text[start:end])
    ]


def key(word: str) -> str:
    """Give the form under which a word is looked up.

    It is NFC and casefolded, with straight apostrophes and without soft hyphens.
    """
    if not word.isascii():
        word = unicodedata.normalize("NFC", word).replace("’", "'").replace("\u00ad", "")
    return word.casefold()


def phrase_key(phrase: str) -> str | None:
    """Give the key of a word or phrase, or None if a text could never match it.

    A phrase can be matched when it is words with nothing but spaces or a hyphen between them.
    """
    if phrase.isascii() and all(map(str.isalpha, phrase.split(" "))):  # most entries
        return phrase.lower()
    found = spans(phrase)
    if not found or found[0][0] != 0 or found[-1][1] != len(phrase):
        return None
    if not one_phrase(phrase, found):
        return None
    return joined([key(phrase[start:end]) for start, end in found], found)


def one_phrase(text: str, found: Sequence[tuple[int, int]]) -> bool:
    """Tell whether nothing but spaces or single hyphens stands between these words or units."""
    return all(_GAP.fullmatch(text, left[1], right[0]) for left, right in pairwise(found))


def joined(keys: Sequence[str], found: Sequence[tuple[int, int]]) -> str:
    """Give the key of a phrase from those of its units and from where these stand."""
    pieces = [keys[0]]
    for number, (left, right) in enumerate(pairwise(found), start=1):
        pieces += [" ", keys[number]] if left[1] < right[0] else [keys[number]]
    return "".join(pieces)


def with_case_of(source: str, target: str, language: str = "") -> str:
    """Give the translation the capitals of the word it replaces; it never loses any of its own.

    `language` is the translation's: the capital of a Turkish i is İ.
    """
    if source.isupper() and sum(map(str.isalpha, source)) > 1:
        return (target.replace("i", "İ") if language in _DOTTED else target).upper()
    if source[:1].isupper():
        # title, not upper: Georgian has capitals only for words that are all capitals
        first = "İ" if target[:1] == "i" and language in _DOTTED else target[:1].title()
        return first + target[1:]
    return target

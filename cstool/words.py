"""Text to words and where they stand; phrases to the keys under which a lexicon knows them.

A word is a run of letters with their marks, apostrophes between letters included ("don't",
"l'homme"); an English possessive 's is left outside ("Germany's" is the word "Germany"). A hyphen
ends a word. URLs, e-mail addresses and whatever holds a digit or an underscore are no words.
Scripts that write no spaces (Chinese, Japanese, Thai) give one word per run of letters.
"""

import unicodedata
from collections.abc import Sequence
from itertools import pairwise

import regex

_TOKEN = regex.compile(
    r"""(?: https?:// | ftp:// | www\. ) \S+
      | [\w.+-]+ @ [\w-]+ (?: \. [\w-]+ )+
      | [\p{L}\p{M}]* [\p{N}_] [\p{L}\p{M}\p{N}_]*
      | (?P<word> \p{L} [\p{L}\p{M}]* (?: ['’] (?! s \b ) [\p{L}\p{M}]+ )* ) (?: ['’] s \b )?
    """,
    regex.VERBOSE,
)
_GAP = regex.compile(r"[ \t\xa0]+|[-‐‑]")


def spans(text: str) -> list[tuple[int, int]]:
    """Find the words of a text: (start, end) of each, in order."""
    return [match.span("word") for match in _TOKEN.finditer(text) if match.group("word")]


def key(word: str) -> str:
    """Give the form under which a word is looked up: NFC, casefolded, straight apostrophes."""
    if not word.isascii():
        word = unicodedata.normalize("NFC", word).replace("’", "'")
    return word.casefold()


def phrase_key(phrase: str) -> str | None:
    """Give the key of a word or phrase, or None if a text could never match it.

    A phrase can be matched when it is words with nothing but spaces or a hyphen between them.
    """
    found = spans(phrase)
    if not found or found[0][0] != 0 or found[-1][1] != len(phrase):
        return None
    if not one_phrase(phrase, found):
        return None
    return " ".join(key(phrase[start:end]) for start, end in found)


def one_phrase(text: str, found: Sequence[tuple[int, int]]) -> bool:
    """Tell whether nothing but spaces or single hyphens stands between these words."""
    return all(_GAP.fullmatch(text, left[1], right[0]) for left, right in pairwise(found))


def with_case_of(source: str, target: str) -> str:
    """Give the translation the capitals of the word it replaces; it never loses any of its own."""
    if source.isupper() and sum(map(str.isalpha, source)) > 1:
        return target.upper()
    if source[:1].isupper():
        return target[:1].upper() + target[1:]
    return target

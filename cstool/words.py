"""Text to words and where they stand; phrases to the keys under which a lexicon knows them.

A word is a run of letters with their marks, apostrophes between letters included ("don't",
"l'homme"); an English possessive 's is left outside ("Germany's" is the word "Germany"). A hyphen
ends a word, a soft hyphen or a zero-width joiner does not. URLs (with a scheme, or names such as
example.com), e-mail addresses and whatever holds a digit or an underscore are no words.
Scripts that write no spaces (Chinese, Japanese, Thai) give one word per run of letters.
"""

import unicodedata
from collections.abc import Sequence
from itertools import pairwise

import regex

# What a letter may be followed by within a word: letters, marks, soft hyphen, zero-width joiners.
_INNER = r"\p{L}\p{M}\u00ad\u200c\u200d"
_DOMAINS = r"com | org | net | edu | gov | co \. [a-z]{2}"
# Names and addresses are tried only where a run of their characters begins, and never given back
# (++), or a line of a thousand dashes would be read a thousand times.
_TOKEN = regex.compile(
    rf"""(?P<word> [A-Za-z]++ (?= [\ ,;!?)\n] | \. (?: \s | \Z ) | \Z ) )  # most words, at once
      | (?: (?i: https?:// | ftp:// | www\. ) \S+
          | (?<! [\w.+-] ) [\w.+-]++ @ [\w-]++ (?: \. [\w-]++ )+
          | (?<! [\w.-] ) (?: [\w-]++ \. ){{1,5}} (?i: {_DOMAINS} ) \b (?: / \S* )?
          | [{_INNER}]*+ [\p{{N}}_] [{_INNER}\p{{N}}_]*+
          | (?P<word> \p{{L}} [{_INNER}]*+ (?: ['’] (?! [sS] \b ) [{_INNER}]++ (?! [\p{{N}}_] ) )* )
        )
        (?: ['’] [sS] \b )?
    """,
    regex.VERBOSE,
)
_DOTTED = ("tr", "az")
_GAP = regex.compile(r"[ \t\xa0]+|[-‐‑]")


def spans(text: str) -> list[tuple[int, int]]:
    """Find the words of a text: (start, end) of each, in order."""
    return [match.span(1) for match in _TOKEN.finditer(text) if match[1]]


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
    found = spans(phrase)
    if not found or found[0][0] != 0 or found[-1][1] != len(phrase):
        return None
    if not one_phrase(phrase, found):
        return None
    return " ".join(key(phrase[start:end]) for start, end in found)


def one_phrase(text: str, found: Sequence[tuple[int, int]]) -> bool:
    """Tell whether nothing but spaces or single hyphens stands between these words."""
    return all(_GAP.fullmatch(text, left[1], right[0]) for left, right in pairwise(found))


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

"""Does a passage hold an answer? Answer-string matching as DPR does it.

Karpukhin et al. 2020 (arXiv 2004.04906): text is decomposed (NFD) and lower-cased, a run of
letters, marks and digits is a token, every other sign but spaces and controls is one by itself, and
an answer is there if its tokens follow each other. So "ten" is not found in "tennis", but "2017" is
in every passage that names the year for whatever reason: a match is a hint, no judgement.
"""

import unicodedata
from collections.abc import Iterable

import regex

_TOKEN = regex.compile(r"[\p{L}\p{N}\p{M}]+|[^\p{Z}\p{C}]")
_BETWEEN = "\0"  # a control: never part of a token


def tokens(text: str) -> str:
    """Give the tokens of a text, each with a mark before and behind it; "" if there is none."""
    found = [token.lower() for token in _TOKEN.findall(unicodedata.normalize("NFD", text))]
    return _BETWEEN.join(("", *found, "")) if found else ""


def holds(passage: str, answers: Iterable[str]) -> bool:
    """Tell whether one of the answers stands in a passage, both as `tokens` gives them.

    An answer without any token stands nowhere (in DPR's code it stands everywhere).
    """
    return any(answer and answer in passage for answer in answers)

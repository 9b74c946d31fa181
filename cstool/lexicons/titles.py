"""Lexicons from the titles of the same articles in two Wikipedias.

This covers pairs that are already together, one to a line; no dumps, no redirects.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import regex

from cstool import words
from cstool.records import Entry

# "Category:Rivers" has no space after the colon, "Dune: Part Two" has one.
_NAMESPACE = regex.compile(r"\p{L}[\p{L}\p{M} _]*:(?=\S)")
_DISAMBIGUATION = regex.compile(r"\s+\([^()]*\)$")

_STOP_WORDS = """
a about above after again all also am an and any are as at be because been before being below
between both but by can could did do does doing down during each few for from further had has have
having he her here hers herself him himself his how i if in into is it its itself just me might more
most must my myself no nor not now of off on once only or other our ours ourselves out over own same
shall she should so some such than that the their theirs them themselves then there these they this
those through to too under until up us very was we were what when where which while who whom whose
why will with would you your yours yourself yourselves
"""
# A title such as "The" or "It" is that of a film or a novel, not the translation of the word.
STOP_WORDS = frozenset(_STOP_WORDS.split())


def clean(pairs: Iterable[Entry], left_out: Counter[str], *, max_words: int) -> Iterator[Entry]:
    """Yield the pairs whose source can be a word or phrase of a text, without "(disambiguation)".

    The title in parentheses goes only if the bare form is not the source title of another article:
    "Java (island)" is not what a text means by "Java". `left_out` counts by reason.
    """
    given = list(pairs)
    titles = {pair.source for pair in given}
    for pair in given:
        source, target = bare(pair.source), bare(pair.target)
        reason = (
            "namespace"
            if _NAMESPACE.match(pair.source) or _NAMESPACE.match(pair.target)
            else "ambiguous"
            if source != pair.source and source in titles
            else _unfit(source, max_words)
        )
        if reason:
            left_out[reason] += 1
        else:
            yield Entry(source, target)


def bare(title: str) -> str:
    """Take away a disambiguation in parentheses at the end of a title."""
    return _DISAMBIGUATION.sub("", title)


def _unfit(source: str, max_words: int) -> str | None:
    key = words.phrase_key(source)
    if key is None:
        return "unmatchable"
    if len(words.spans(source)) > max_words:
        return "too long"
    return "stop word" if key in STOP_WORDS else None

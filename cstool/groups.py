"""Groups of language pairs that a table has means of: kind of retrieval, seen, script, or own.

A pair may be in several groups, and in none. Groups without a pair in the table are left out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cstool.errors import CstoolError
from cstool.pairs import SEEN, parse_pairs

Pair = tuple[str, str]
KINDS = ("MoIR", "CLIR", "MLIR")
MIXED = "xx"  # how the name of a set of mixed languages begins

# ISO 15924 in words. A code with a script or region (`zh_hant`) has the script of its language.
_SCRIPTS = {
    "Latin": "af az bs ca ceb cs cy da de en eo es et eu fi fil fr ga gl ha hr hu id is it jv la "
    "lb lt lv mg ms mt nb nl nn no pl pt ro sk sl so sq su sv sw tl tr uz vi xh yo zu",
    "Cyrillic": "be bg kk ky mk mn ru sr tg tt uk",
    "Arabic": "ar arz ckb fa ks ps sd ug ur",
    "Devanagari": "bh hi mr ne sa",
    "Han": "zh yue wuu",
    "Japanese": "ja",
    "Hangul": "ko",
    "Hebrew": "he yi",
    "Greek": "el",
    "Thai": "th",
    "Armenian": "hy",
    "Georgian": "ka",
    "Bengali": "bn as",
    "Tamil": "ta",
    "Telugu": "te",
    "Kannada": "kn",
    "Malayalam": "ml",
    "Gujarati": "gu",
    "Gurmukhi": "pa",
    "Odia": "or",
    "Sinhala": "si",
    "Burmese": "my",
    "Khmer": "km",
    "Lao": "lo",
    "Tibetan": "bo",
    "Ethiopic": "am ti",
}
SCRIPTS = {code: script for script, codes in _SCRIPTS.items() for code in codes.split()}


@dataclass(frozen=True)
class Group:
    """Pairs of languages that a mean is taken over, under one name."""

    name: str
    pairs: Sequence[Pair]


def kind(pair: Pair) -> str | None:
    """Tell monolingual, cross-lingual and multilingual retrieval apart; None without languages."""
    if not all(language[:1].isalpha() for language in pair):
        return None
    if any(map(is_mixed, pair)):
        return "MLIR"
    return "MoIR" if pair[0] == pair[1] else "CLIR"


def is_mixed(language: str) -> bool:
    """Tell whether a name stands for a set of mixed languages."""
    return language.startswith(MIXED)


def kinds(pairs: Iterable[Pair]) -> list[Group]:
    """Group into MoIR, CLIR and MLIR."""
    return _grouped(pairs, kind, KINDS)


def seen(pairs: Iterable[Pair], languages: Iterable[str] = SEEN) -> list[Group]:
    """Group by whether both languages (or mixed sets) are among those of the training."""
    known = set(languages)

    def name(pair: Pair) -> str | None:
        return kind(pair) and ("seen" if known.issuperset(pair) else "unseen")

    return _grouped(pairs, name, ("seen", "unseen"))


def scripts(pairs: Iterable[Pair]) -> list[Group]:
    """Group cross-lingual pairs by whether both languages are written in the same script.

    CstoolError for a language whose script is not known here.
    """

    def name(pair: Pair) -> str | None:
        if kind(pair) != "CLIR":
            return None
        query, passage = map(script, pair)
        return "same script" if query == passage else "distant script"

    return _grouped(pairs, name, ("same script", "distant script"))


def script(language: str) -> str:
    """Name the script of a language; CstoolError if it is not known here."""
    known = SCRIPTS.get(language.partition("_")[0])
    if known is None:
        raise CstoolError(
            f"the script of {language!r} is not known; group the pairs by a YAML file of your own"
        )
    return known


def own(pairs: Iterable[Pair], named: Mapping[str, Sequence[str]]) -> list[Group]:
    """Take groups as somebody named them: `{Romance: [en-it, es-fr]}`, sets of pairs as well.

    CstoolError for a name that is no pair, and for a group of which no pair is there.
    """
    there = list(pairs)
    found = []
    for name, members in named.items():
        try:
            wanted = parse_pairs(",".join(members))
        except ValueError as problem:
            raise CstoolError(f"group {name!r}: {problem}") from problem
        if not set(wanted) & set(there):
            raise CstoolError(f"group {name!r}: none of its pairs has a run")
        found.append(Group(name, wanted))
    return found


GROUPINGS: Mapping[str, Callable[[Sequence[Pair], Sequence[str]], list[Group]]] = {
    "kind": lambda pairs, _: kinds(pairs),
    "seen": seen,
    "script": lambda pairs, _: scripts(pairs),
}


def _grouped(
    pairs: Iterable[Pair], name: Callable[[Pair], str | None], order: Sequence[str]
) -> list[Group]:
    there = list(pairs)
    groups = [Group(one, [pair for pair in there if name(pair) == one]) for one in order]
    return [group for group in groups if group.pairs]

"""Make one multilingual set of the same texts in several languages (MLIR; arXiv 2305.05295).

The language of a text depends on the seed, its id and the languages' names, through a fixed hash,
and on nothing else: the languages race for an id, so that a further one moves only the ids that
it wins.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from cstool.errors import CstoolError
from cstool.records import Text


@dataclass(frozen=True, slots=True)
class Drawn:
    """A text in the language that was drawn for it."""

    text: Text
    language: str


def mix(
    texts: Mapping[str, Iterable[Text]], seed: int, *, where: Callable[[str], object] = str
) -> list[Drawn]:
    """Draw a language for each id, and give the texts in the order of the first language.

    `texts` are the same texts by language, each id once; they are read one language after the
    other, and only what was drawn is kept. CstoolError if an id is missing in one of them, which
    is named as `where` names its language.
    """
    languages = list(texts)
    drawn: dict[str, str] = {}
    kept: dict[str, Drawn] = {}
    for language in languages:
        found: dict[str, None] = {}
        for text in texts[language]:
            found[text.id] = None
            if language == languages[0]:
                drawn[text.id] = draw(text.id, languages, seed)
            if drawn.get(text.id) == language:
                kept[text.id] = Drawn(text, language)
        _check_ids(found, drawn, where(language), where(languages[0]))
        _check_ids(drawn, found, where(languages[0]), where(language))
    return [kept[name] for name in drawn]


def draw(name: str, languages: Iterable[str], seed: int) -> str:
    """Draw the language of an id."""

    def race(language: str) -> tuple[bytes, str]:
        return hashlib.sha256(repr((seed, name, language)).encode()).digest(), language

    return max(languages, key=race)


def _check_ids(
    found: Collection[str], wanted: Collection[str], place: object, other: object
) -> None:
    missing = [name for name in wanted if name not in found]
    if missing:
        rest = f", and {len(missing) - 1} more are missing" if len(missing) > 1 else ""
        raise CstoolError(f"{place}: lacks id {missing[0]}, which {other} has{rest}")

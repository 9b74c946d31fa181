"""Code-switched records for a person to look at: each text, and below it what became of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import cycle, islice
from typing import TYPE_CHECKING

from cstool.codeswitch import Switcher
from cstool.records import Example, Text
from cstool.replacements import Replacement, Sides

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text as Row

_COLOURS = ("green", "magenta", "cyan", "yellow", "blue", "red")
# Where there are more languages than colours, these come again with another look.
_STYLES = tuple(f"{look}{colour}" for look in ("", "underline ", "reverse ") for colour in _COLOURS)
# What would command a terminal is shown as unknown; the text keeps its length.
_CONTROLS = dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - set(b"\t\n"), "\ufffd")


def find(
    records: Iterable[Example | Text], switcher: Switcher, count: int
) -> list[tuple[Example | Text, Sides]]:
    """Find the first records in which something is replaced; those that follow are not read."""
    found = ((record, switcher.sides(record)) for record in records)
    return list(islice(((record, sides) for record, sides in found if any(sides.values())), count))


def lines(
    found: Iterable[tuple[Example | Text, Sides]], languages: Sequence[str], console: "Console"
) -> Iterator[str]:
    """Draw records: a line with the languages, then each side as it was and as it is.

    A replacement has the colour of its language, or reads [Haus|de] where there are no colours.
    Lines are wrapped if the console is a terminal.
    """
    styles = dict(zip(languages, cycle(_STYLES), strict=False))
    with console.capture() as captured:
        for row in _rows(found, styles, console):
            console.print(row, soft_wrap=True)  # what is too long is wrapped already
    yield from captured.get().split("\n")[:-1]


def _rows(
    found: Iterable[tuple[Example | Text, Sides]], styles: Mapping[str, str], console: "Console"
) -> Iterator["Row"]:
    from rich.text import Text as Row

    coloured = console.color_system is not None and not console.no_color
    for number, (record, sides) in enumerate(found):
        if number == 0:
            names = [Row(name, styles[name]) for name in styles]
            yield Row("languages: ").append_text(Row(" ").join(names))
        yield Row()
        extra = record.extra or {}
        for side, made in sides.items():
            name = getattr(record, {"query": "qid", "passage": "pid"}.get(side, "id"))
            copy = f", copy {extra['copy']}" if "copy" in extra else ""
            text = getattr(record, side).translate(_CONTROLS)
            yield Row(f"{side} {name}{copy}".translate(_CONTROLS), "bold")
            yield from _indented(Row(text), console)
            yield from _indented(_switched(text, made, styles if coloured else None), console)


def _switched(text: str, made: Iterable[Replacement], styles: Mapping[str, str] | None) -> "Row":
    from rich.text import Text as Row

    row = Row()
    done = 0
    for item in made:
        target = item.target.translate(_CONTROLS)
        row.append(text[done : item.start])
        if styles is None:
            row.append(f"[{target}|{item.language}]")
        else:
            row.append(target, styles[item.language])
        done = item.end
    return row.append(text[done:])


def _indented(row: "Row", console: "Console") -> Iterator["Row"]:
    from rich.text import Text as Row

    indent = "  "
    width = max(1, console.width - len(indent))
    for line in row.wrap(console, width) if console.is_terminal else row.split("\n"):
        yield Row(indent).append_text(line)

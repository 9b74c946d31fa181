from io import StringIO

import pytest
from rich.console import Console

from cstool import preview
from cstool.codeswitch import Switcher
from cstool.lexicons.store import Table
from cstool.records import Entry, Example, Text

TABLES = {
    "de": Table.of([Entry("house", "Haus"), Entry("red sea", "Rotes Meer")]),
    "ar": Table.of([Entry("river", "نهر")]),
}
EXAMPLE = Example("q1", "The house", "p1", "By the river.", 1)


def drawn(*records, width=80, languages=("ar", "de"), **console):
    """Draw all records as a terminal with colours gets them, unless told otherwise."""
    settings = {"force_terminal": True, "color_system": "standard", "no_color": False}
    made = Console(file=StringIO(), width=width, **{**settings, **console})
    switcher = Switcher(TABLES, dict.fromkeys(("query", "passage", "text"), tuple(TABLES)), 1, 1)
    found = [(record, switcher.sides(record)) for record in records]
    return list(preview.lines(found, languages, made))


def test_replacements_are_in_the_colour_of_their_language():
    green, magenta, bold, off = "\x1b[32m", "\x1b[35m", "\x1b[1m", "\x1b[0m"
    assert drawn(EXAMPLE) == [
        f"languages: {green}ar{off} {magenta}de{off}",
        "",
        f"{bold}query q1{off}",
        "  The house",
        f"  The {magenta}Haus{off}",
        f"{bold}passage p1{off}",
        "  By the river.",
        f"  By the {green}نهر{off}.",
    ]


@pytest.mark.parametrize(
    "console",
    [
        {"color_system": None},
        {"no_color": True},
        {"force_terminal": False, "color_system": None},
    ],
)
def test_without_colours_they_are_marked(console):
    lines = [
        line.replace("\x1b[1m", "").replace("\x1b[0m", "") for line in drawn(EXAMPLE, **console)
    ]
    assert lines == [
        "languages: ar de",
        "",
        "query q1",
        "  The house",
        "  The [Haus|de]",
        "passage p1",
        "  By the river.",
        "  By the [نهر|ar].",
    ]


def test_a_line_fits_the_terminal():
    text = "The house by the red sea is the house of all 漢字漢字漢字漢字漢字漢字."
    lines = drawn(Text("1", text), width=20, no_color=True)
    assert lines[3:] == [
        *(
            "  The house by the ",
            "  red sea is the ",
            "  house of all ",
            "  漢字漢字漢字漢字漢",
            "  字漢字.",
        ),
        *("  The [Haus|de] by ", "  the [Rotes ", "  Meer|de] is the ", "  [Haus|de] of all "),
        *("  漢字漢字漢字漢字漢", "  字漢字."),
    ]
    long = drawn(Text("1", "house " * 100), width=20, force_terminal=False, color_system=None)
    assert long[3:] == ["  " + "house " * 100, "  " + "[Haus|de] " * 100]


def test_what_looks_like_markup_is_text():
    """A sequence that commands the terminal is not obeyed, and moves nothing."""
    text = "[bold]house[/bold] :smile: \x1b[2J\x9b2J\ahouse"
    lines = drawn(Text("1", text), color_system=None)
    assert lines[3:] == [
        "  [bold]house[/bold] :smile: �[2J�2J�house",
        "  [bold][Haus|de][/bold] :smile: �[2J�2J�[Haus|de]",
    ]


def test_line_breaks_of_a_text_stay():
    lines = drawn(Text("1", "house\n\nriver"), color_system=None)
    assert lines[3:] == ["  house", "  ", "  river", "  [Haus|de]", "  ", "  [نهر|ar]"]


def test_more_languages_than_colours_look_different():
    names = [f"l{number}" for number in range(18)]
    legend = drawn(EXAMPLE, languages=["ar", "de", *names[:16]], width=500)[0]
    looks = [word.rpartition("m")[0] for word in legend.replace("\x1b[0m", "").split()[1:]]
    assert len(set(looks)) == 18


def test_nothing_to_show_is_nothing():
    assert drawn() == []


def test_reading_stops_when_enough_is_found():
    switcher = Switcher(TABLES, {"text": ["de"]}, 1, 1)
    records = [
        Text("1", "sky"),
        Text("2", "house"),
        Text("3", ""),
        Text("4", "house"),
        Text("5", ""),
    ]
    rest = iter(records)
    found = preview.find(rest, switcher, 2)
    assert [record.id for record, _ in found] == ["2", "4"]
    assert [record.id for record in rest] == ["5"]
    assert preview.find(records, switcher, 3) == found

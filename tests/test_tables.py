import re
from pathlib import Path

from cstool import tables
from cstool.records import Score
from cstool.results import ALL, Cell, Column, Listing, Results, Row, Table
from cstool.significance import Interval

PAIR, GROUP = Column("en", "de"), Column("CLIR", ALL)
TABLE = Table(
    "mrr@10",
    [PAIR, GROUP],
    [
        Row("chance", {PAIR: Cell(0.1)}, {PAIR: {"-": 0.1}}, reference=True),
        Row("a", {PAIR: Cell(0.25), GROUP: Cell(0.5)}, {PAIR: {"1": 0.2, "2": 0.3}}),
        Row(
            "b|c",
            {PAIR: Cell(0.75, 0.0001, 0.0002), GROUP: Cell(1.0, 0.03, 0.06)},
            {PAIR: {"1": 0.75}},
        ),
    ],
    "a",
    ["Means over all 3 queries.", "* differs from a."],
)


def test_text():
    assert "\n".join(tables.text([TABLE])) == (
        "mrr@10\n"
        "system  seeds   en-de    CLIR\n"
        "─────────────────────────────\n"
        "chance      -   0.100       -\n"
        "a           2   0.250   0.500\n"
        "b|c         1  0.750*   1.000\n"
        "\n"
        "mrr@10: p against a, corrected\n"
        "system  seeds  en-de   CLIR\n"
        "───────────────────────────\n"
        "b|c         1  <.001  0.060\n"
        "\n"
        "Means over all 3 queries.\n"
        "* differs from a.\n"
    )


def test_text_that_is_too_wide_is_cut_between_columns():
    lines = list(tables.text([TABLE], width=22))
    assert max(len(line) for line in lines if "p against" not in line) <= 22
    headers = [line.split() for line in lines if line.startswith("system")]
    assert headers == [["system", "seeds", title] for title in ("en-de", "CLIR")] * 2


def test_a_column_that_is_too_wide_alone_is_not_lost():
    drawn = "\n".join(tables.text([TABLE], width=5))
    assert all(number in drawn for number in ("0.100", "0.500", "0.750*", "1.000"))


def test_a_terminal_shows_the_best_system_of_a_column_bold():
    drawn = "\n".join(tables.text([TABLE], bold=True))
    assert re.findall(r"\x1b\[1m *([\d.]+)", drawn) == ["0.750", "1.000"]
    assert re.sub(r"\x1b\[\d*m", "", drawn) == "\n".join(tables.text([TABLE]))


def test_a_p_that_is_not_significant_stands_beside_what_could_have_been_seen():
    cells = {
        PAIR: Cell(0.5, 0.2, 0.4, difference=0.1, detectable=0.25),
        GROUP: Cell(0.5, 0.01, 0.02, detectable=0.1),
    }
    rows = [
        Row("a", {PAIR: Cell(0.4), GROUP: Cell(0.4)}, {PAIR: {"1": 0.4}}),
        Row("b", cells, {PAIR: {"1": 0.5}}),
    ]
    drawn = "\n".join(tables.text([Table("map", [PAIR, GROUP], rows, "a")]))
    assert "b           1  0.400 (.250)  0.020\n" in drawn
    # Without intervals the difference stands alone.
    assert "map: difference to a\n" in drawn and "b           1  +.100     -\n" in drawn


def test_seeds_as_mean_and_standard_deviation():
    row = Row(
        "a", {PAIR: Cell(0.25, corrected=0.01, deviation=0.0707)}, {PAIR: {"1": 0.2, "2": 0.3}}
    )
    assert (
        "a           2  0.250±.071*\n"
        in "\n".join(tables.text([Table("map", [PAIR], [row])])) + "\n"
    )


def test_listings_follow_the_tables():
    found = Results(
        [TABLE], [Listing("ties", ["system", "share"], [["a", "5%"], ["b", "10%"]], ["Why."])]
    )
    text = "\n".join(tables.document(found, "table"))
    assert text.endswith(
        "ties\nsystem  share\n─────────────\na          5%\nb         10%\n\nWhy.\n"
    )
    markdown = "\n".join(tables.document(found, "markdown"))
    assert markdown.endswith(
        "**ties**\n\n| system | share |\n| --- | ---: |\n| a | 5% |\n| b | 10% |\n\nWhy.\n"
    )
    assert list(tables.document(found, "tsv")) == list(tables.tsv([TABLE]))


def test_names_with_brackets_are_no_markup():
    row = Row("[red]x[/red]", {PAIR: Cell(1.0)}, {PAIR: {"-": 1.0}})
    assert "[red]x[/red]" in "\n".join(tables.text([Table("map", [PAIR], [row])]))


def test_markdown():
    assert "\n".join(tables.markdown([TABLE])) == (
        "**mrr@10**\n"
        "\n"
        "| system | seeds | en-de | CLIR |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| chance | - | 0.100 | - |\n"
        "| a | 2 | 0.250 | 0.500 |\n"
        "| b&#124;c | 1 | 0.750* | 1.000 |\n"
        "\n"
        "**mrr@10: p against a, corrected**\n"
        "\n"
        "| system | seeds | en-de | CLIR |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| b&#124;c | 1 | <.001 | 0.060 |\n"
        "\n"
        "Means over all 3 queries.\n"
        "\n"
        "\\* differs from a.\n"
    )


TSV = """\
system query_lang passage_lang seed measure qid value p p_corrected \
low high difference difference_low difference_high deviation detectable p_not_worse p_equivalent
chance en de - mrr@10 all 0.100000 - - - - - - - - - - -
chance en de all mrr@10 all 0.100000 - - - - - - - - - - -
a en de 1 mrr@10 all 0.200000 - - - - - - - - - - -
a en de 2 mrr@10 all 0.300000 - - - - - - - - - - -
a en de all mrr@10 all 0.250000 - - - - - - - - - - -
a CLIR all all mrr@10 all 0.500000 - - - - - - - - - - -
b|c en de 1 mrr@10 all 0.750000 - - - - - - - - - - -
b|c en de all mrr@10 all 0.750000 0.0001 0.0002 - - - - - - - - -
b|c CLIR all all mrr@10 all 1.000000 0.03 0.06 - - - - - - - - -
"""


def test_tsv():
    assert list(tables.tsv([TABLE])) == TSV.replace(" ", "\t").splitlines()


WITH_INTERVALS = Table(
    "mrr@10",
    [PAIR, GROUP],
    [
        Row("a", {PAIR: Cell(0.455, interval=Interval(0.412, 0.498))}, {PAIR: {"1": 0.455}}),
        Row(
            "b",
            {
                PAIR: Cell(
                    0.506,
                    0.0005,
                    0.001,
                    Interval(0.463, 0.5494),
                    0.051,
                    Interval(0.0196, 0.083),
                ),
                GROUP: Cell(0.5, 1.0, 1.0, Interval(0.0, 1.0), -1e-9, Interval(-1.0, -0.0004)),
            },
            {PAIR: {"1": 0.506}},
        ),
    ],
    "a",
    intervals=True,
)


def test_text_with_intervals():
    assert "\n".join(tables.text([WITH_INTERVALS])) == (
        "mrr@10\n"
        "system  seeds   en-de    CLIR\n"
        "─────────────────────────────\n"
        "a           1   0.455       -\n"
        "b           1  0.506*   0.500\n"
        "\n"
        "mrr@10: 95 % intervals\n"
        "system  seeds      en-de        CLIR\n"
        "────────────────────────────────────\n"
        "a           1  .412-.498           -\n"
        "b           1  .463-.549  .000-1.000\n"
        "\n"
        "mrr@10: difference to a, 95 % interval\n"
        "system  seeds                en-de                  CLIR\n"
        "────────────────────────────────────────────────────────\n"
        "b           1  +.051 [+.020,+.083]  +.000 [-1.000,+.000]\n"
        "\n"
        "mrr@10: p against a, corrected\n"
        "system  seeds  en-de   CLIR\n"
        "───────────────────────────\n"
        "b           1  0.001  1.000\n"
        "\n"
    )


def test_text_with_intervals_is_cut_as_well():
    lines = list(tables.text([WITH_INTERVALS], width=40))
    assert max(len(line) for line in lines) <= 40
    assert sum("+.051 [+.020,+.083]" in line for line in lines) == 1


def test_markdown_with_intervals():
    drawn = "\n".join(tables.markdown([WITH_INTERVALS]))
    assert (
        "**mrr@10: 95 % intervals**\n"
        "\n"
        "| system | seeds | en-de | CLIR |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| a | 1 | .412-.498 | - |\n"
        "| b | 1 | .463-.549 | .000-1.000 |\n"
        "\n"
        "**mrr@10: difference to a, 95 % interval**\n"
        "\n"
        "| system | seeds | en-de | CLIR |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| b | 1 | +.051 [+.020,+.083] | +.000 [-1.000,+.000] |\n"
    ) in drawn


def test_tsv_with_intervals():
    lines = [line.split("\t") for line in tables.tsv([WITH_INTERVALS])]
    assert len({len(line) for line in lines}) == 1
    assert [line[9:14] for line in lines] == [
        ["low", "high", "difference", "difference_low", "difference_high"],
        ["-"] * 5,
        ["0.412000", "0.498000", "-", "-", "-"],
        ["-"] * 5,
        ["0.463000", "0.549400", "0.051000", "0.019600", "0.083000"],
        ["0.000000", "1.000000", "0.000000", "-1.000000", "-0.000400"],
    ]


def test_values_per_query():
    found = list(tables.scores([Score("a", "en", "de", "1", "map", "q1", 1 / 3)]))
    assert found == [
        "system\tquery_lang\tpassage_lang\tseed\tmeasure\tqid\tvalue",
        "a\ten\tde\t1\tmap\tq1\t0.333333",
    ]


def test_name_of_the_file_tells_the_format():
    names = ["a.tsv", "a.tsv.gz", "a.md", "a.txt", "-"]
    formats = [tables.format_of(Path(name)) for name in names]
    assert formats == ["tsv", "tsv", "markdown", "table", "table"]

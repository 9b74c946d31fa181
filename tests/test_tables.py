from pathlib import Path

from cstool import tables
from cstool.comparison import ALL, Cell, Column, Row, Table
from cstool.records import Score

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
system query_lang passage_lang seed measure qid value p p_corrected
chance en de - mrr@10 all 0.100000 - -
chance en de all mrr@10 all 0.100000 - -
a en de 1 mrr@10 all 0.200000 - -
a en de 2 mrr@10 all 0.300000 - -
a en de all mrr@10 all 0.250000 - -
a CLIR all all mrr@10 all 0.500000 - -
b|c en de 1 mrr@10 all 0.750000 - -
b|c en de all mrr@10 all 0.750000 0.0001 0.0002
b|c CLIR all all mrr@10 all 1.000000 0.03 0.06
"""


def test_tsv():
    assert list(tables.tsv([TABLE])) == TSV.replace(" ", "\t").splitlines()


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

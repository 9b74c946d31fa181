import re
import shutil
import subprocess

import pytest

from cstool import latex, tables
from cstool.results import ALL, Cell, Column, Listing, Results, Row, Table
from cstool.significance import Interval

PAIR, GROUP = Column("en", "de"), Column("CLIR", ALL)
STRANGE = r"a_b & 50% $x$ #1 {y} ~z^2 \end{table} <s> |±| -- \"q\""
TABLE = Table(
    "mrr@10",
    [PAIR, GROUP],
    [
        Row("chance", {PAIR: Cell(0.1)}, {PAIR: {"-": 0.1}}, reference=True),
        Row("a", {PAIR: Cell(0.25), GROUP: Cell(0.5)}, {PAIR: {"1": 0.25}}),
        Row(
            STRANGE,
            {
                PAIR: Cell(0.75, 0.0001, 0.0002, difference=0.5, deviation=0.012, not_worse=0.01),
                GROUP: Cell(0.4, 0.3, 0.6, Interval(0.3, 0.5), -0.1, Interval(-0.2, 0.0),
                            equivalent=0.01, detectable=0.2),
            },
            {PAIR: {"1": 0.7, "2": 0.8}},
        ),
    ],
    "a",
    ["* differs from a, 100 %."],
    intervals=True,
)  # fmt: skip
LISTING = Listing("by_length", ["words", "share"], [["1 & 2", "10%"]], ["Note #1."])


def lines():
    return list(tables.document(Results([TABLE], [LISTING]), "latex"))


def test_best_is_bold_and_marks_are_raised():
    found = "\n".join(lines())
    row = next(line for line in lines() if line.lstrip().startswith(r"a\_b"))
    assert row.endswith(
        r" & 2 & \textbf{0.750\textpm{}.012}\textsuperscript{\textasteriskcentered{}} & "
        r"0.400\textsuperscript{=} \\"
    )
    assert r"a & 1 & 0.250 & \textbf{0.500} \\" in found
    # A rule under the header, and one between chance and the systems.
    first = found[: found.index(r"\bottomrule")]
    assert first.count(r"\midrule") == 2 and first.count(r"\toprule") == 1
    assert r"\caption{mrr@10. \textasteriskcentered{} differs from a, 100 \%.}" in found


def test_everything_special_is_escaped():
    """Nothing of the data is left that LaTeX would read: all commands are ours."""
    escaped = latex.escape(STRANGE)
    commands = set(re.findall(r"\\(?:[a-zA-Z]+|.)", escaped))
    assert commands == {
        *(r"\_", r"\&", r"\%", r"\$", r"\#", r"\{", r"\}", r"\textasciitilde"),
        *(r"\textasciicircum", r"\textbackslash", r"\textless", r"\textgreater", r"\textbar"),
        *(r"\textpm", r"\textquotedbl"),
    }
    assert not re.search(r"(?<!\\)[&%$#_~^]", escaped)
    assert latex.escape("a\nb\x07c") == "a b c"


def test_many_columns_are_cut():
    columns = [Column("en", f"l{letter}") for letter in "abcdefghij"]
    wide = Table(
        "map",
        columns,
        [Row("a", {column: Cell(0.5) for column in columns}, {columns[0]: {"1": 0.5}})],
    )
    found = list(latex.tables([wide]))
    shapes = [line.strip() for line in found if "begin{tabular}" in line]
    assert shapes == [r"\begin{tabular}{lr" + "r" * count + "}" for count in (8, 2)]


@pytest.mark.latex
def test_it_compiles(tmp_path):
    program = shutil.which("pdflatex")
    assert program
    start = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{textcomp,booktabs}"
    page = "\n".join([start, r"\begin{document}", *lines(), r"\end{document}"])
    (tmp_path / "page.tex").write_text(page, encoding="utf-8")
    done = subprocess.run(
        [program, "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode("latin-1")[-2000:]

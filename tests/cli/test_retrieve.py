import gzip

import orjson
import pytest
from typer.testing import CliRunner

from cstool.cli import app

QUERIES = "q1\tred Houses\nq2\t?\nq3\tnothing\n"
PASSAGES = "p2\tA house.\np10\tThe house\np1\tred red house\np3\tblue\n"


@pytest.fixture
def texts(tmp_path):
    (tmp_path / "queries.tsv").write_text(QUERIES)
    (tmp_path / "passages.tsv").write_text(PASSAGES)
    return ["--queries", f"{tmp_path}/queries.tsv", "--passages", f"{tmp_path}/passages.tsv"]


def retrieve(*arguments, code=0, **extra):
    result = CliRunner().invoke(app, ["retrieve", *map(str, arguments)], **extra)
    assert result.exit_code == code, result.output
    return result


def hits(run):
    return [tuple(line.split()[i] for i in (0, 2, 3, 5)) for line in run.splitlines()]


def test_run_goes_to_stdout_and_the_summary_to_stderr(texts):
    result = retrieve(*texts)
    # A house. and The house are as long as each other: pid ascending, p10 before p2.
    assert hits(result.stdout) == [
        ("q1", "p1", "1", "bm25"),
        ("q1", "p10", "2", "bm25"),
        ("q1", "p2", "3", "bm25"),
    ]
    assert result.stderr == (
        "cstool: 3 hits for 3 queries in 4 passages; 2 queries without hits, 1 without words\n"
    )


def test_run_goes_to_a_file_with_an_account(texts, tmp_path):
    out = tmp_path / "run.trec.gz"
    assert retrieve(*texts, "--depth", 1, "--tag", "mine", "-o", out).stdout == ""
    assert hits(gzip.decompress(out.read_bytes()).decode()) == [("q1", "p1", "1", "mine")]
    account = orjson.loads((tmp_path / "run.trec.gz.meta.json").read_bytes())
    assert account["settings"]["depth"] == 1
    assert [one["lines"] for one in account["inputs"]] == [4, 3]
    assert account["counts"]["without_hits"] == 2


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("", 1),
        ("--lang en", 1),
        ("--lang fil", 0),
        ("--lang fil --query-lang en", 1),
        ("--lang fil --passage-lang en", 0),
        ("--passage-lang fil", 1),
    ],
)
def test_languages_choose_the_stemmers(texts, options, found):
    # Snowball makes "reds" to "red"; Filipino it does not know.
    result = retrieve("--queries", "-", *texts[2:], *options.split(), input="q1\treds\n")
    assert len(hits(result.stdout)) == found


def test_queries_from_stdin(texts):
    result = retrieve("--queries", "-", *texts[2:], input=QUERIES)
    assert result.stdout == retrieve(*texts).stdout


def test_relevant_passages_are_among_the_hits(texts, tmp_path):
    (tmp_path / "qrels.tsv").write_text("q1 0 p3 1\nq2 0 p1 1\nq3 0 p9 1\nq1 0 p2 0\n")
    result = retrieve(*texts, "--depth", 2, "--with-relevant", tmp_path / "qrels.tsv")
    assert [hit[:3] for hit in hits(result.stdout)] == [
        ("q1", "p1", "1"),
        ("q1", "p3", "2"),
        ("q2", "p1", "1"),
    ]
    assert result.stderr.endswith(
        "2 relevant passages added, 0 left out for lack of room, 1 not among the passages\n"
    )


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("queries", "q1\ta\nq1\tb\n", "query q1 comes a second time"),
        ("passages", "p1\ta\np1\tb\n", "passage p1 comes a second time"),
        ("passages", "p1\ta\np2\n", "passages.tsv:2: 'p2', expected id<TAB>text or a JSON object"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_no_file(texts, tmp_path, name, content, problem):
    (tmp_path / f"{name}.tsv").write_text(content)
    result = retrieve(*texts, "-o", tmp_path / "run.trec", code=1)
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1 and result.stderr.endswith(f"{problem}\n")
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".tsv", ".tsv"]


@pytest.mark.parametrize(
    "options", [["--depth", "0"], ["--lang", "en,de"], ["--lang", "english"], ["--b", "2"],
                ["--k1", "-1"], ["--tag", "two words"]],
)  # fmt: skip
def test_wrong_options(texts, options):
    assert retrieve(*texts, *options, code=2).stdout == ""

import json

import pytest
from typer.testing import CliRunner

from cstool.cli import app


def examples(*arguments, **how):
    return CliRunner().invoke(app, ["examples", *map(str, arguments)], **how)


@pytest.fixture
def files(tmp_path):
    texts = {
        "q.tsv": "q1\tone?\nq2\ttwo?\n",
        "p.tsv": "p1\ta\np2\tb\np3\tc\np4\ta\n",
        "r.tsv": "q1 0 p1 1\n",
        "run": "q1 Q0 p1 1 9 bm25\nq1 Q0 p3 2 8 bm25\nq1 Q0 p2 3 7 bm25\nq7 Q0 p2 1 7 bm25\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def texts(files):
    return ["--queries", files / "q.tsv", "--passages", files / "p.tsv"]


def rows(text):
    return [json.loads(line) for line in text.splitlines()]


def test_from_qrels_to_stdout(files, texts):
    result = examples(*texts, "--qrels", files / "r.tsv", "--negatives", 2)
    assert result.exit_code == 0, result.stderr
    first, *negatives = result.stdout.splitlines()
    assert first == '{"qid":"q1","query":"one?","pid":"p1","passage":"a","label":1}'
    assert {(row["pid"], row["label"]) for row in rows("\n".join(negatives))} == {
        ("p2", 0),
        ("p3", 0),
    }
    assert result.stderr == (
        "cstool: warning: 1 queries have no relevant passage\n"
        "cstool: 3 examples: 1 positives, 2 negatives\n"
    )


def test_hard_negatives_and_the_sidecar(files, texts):
    out = files / "out.jsonl"
    hard = ["--hard-from", files / "run", "--negatives", 1, "--hard-depth", 2]
    result = examples(*texts, "--qrels", files / "r.tsv", *hard, "-o", out)
    assert (result.exit_code, result.stdout) == (0, "")
    assert [row["pid"] for row in rows(out.read_text())] == ["p1", "p3"]
    assert "2 examples: 1 positives, 1 negatives, 1 of them hard" in result.stderr
    account = json.loads((files / "out.jsonl.meta.json").read_text())
    assert [item["path"] for item in account["inputs"]] == [
        str(files / name) for name in ("q.tsv", "p.tsv", "r.tsv", "run")
    ]
    assert account["counts"] == {
        "examples": 2,
        "positives": 1,
        "negatives": 1,
        "hard": 1,
        "queries_without_positive": 1,
        "lacking": 0,
        "lacking_hard": 0,
        "too_near": 0,
        "repeated_hits": 0,
    }


def test_switched_texts_take_the_place_of_the_others(files, texts):
    """p4 has the text of p1, which answers: it is no negative, however it was switched."""
    (files / "q.de.tsv").write_text("q2\tzwei?\nq1\teins?\n", encoding="utf-8")
    (files / "p.de.tsv").write_text("p4\tD\np1\tA\np2\tB\np3\tC\n", encoding="utf-8")
    options = [*texts, "--qrels", files / "r.tsv", "--negatives", 2]
    plain = rows(examples(*options).stdout)
    queries = ["--switched-queries", files / "q.de.tsv"]
    passages = ["--switched-passages", files / "p.de.tsv"]
    written = {
        "": examples(*options, *queries, *passages),
        "query": examples(*options, *passages),
        "passage": examples(*options, *queries),
    }
    for side, result in written.items():
        assert result.exit_code == 0, result.stderr
        for row, was in zip(rows(result.stdout), plain, strict=True):
            query = was["query"] if side == "query" else "eins?"
            passage = was["passage"] if side == "passage" else was["passage"].upper()
            assert row == {**was, "query": query, "passage": passage}
    # Joined the other way, as texts like any others, the copy is not known as one.
    found = ["--queries", files / "q.tsv", "--passages", files / "p.de.tsv"]
    joined = examples(*found, "--qrels", files / "r.tsv", "--negatives", 3)
    assert {row["pid"] for row in rows(joined.stdout)} == {"p1", "p2", "p3", "p4"}


def test_triples_can_be_joined_with_switched_texts(files):
    (files / "t.tsv").write_text("q1\tp1\tp2\nq2\tp2\tp3\n", encoding="utf-8")
    (files / "p.de.tsv").write_text("p1\tA\np2\tB\np3\tC\n", encoding="utf-8")
    triples = ["--from-triples", files / "t.tsv", "--queries", files / "q.tsv"]
    found = ["--passages", files / "p.tsv", "--switched-passages", files / "p.de.tsv"]
    joined = examples(*triples, *found)
    assert [row["passage"] for row in rows(joined.stdout)] == ["A", "C"]
    assert examples(*triples, "--passages", files / "p.de.tsv").stdout == joined.stdout


def test_a_text_that_was_not_switched_is_named(files, texts):
    (files / "p.de.tsv").write_text("p2\tB\n", encoding="utf-8")
    options = [*texts, "--qrels", files / "r.tsv", "-o", files / "out.jsonl"]
    result = examples(*options, "--switched-passages", files / "p.de.tsv")
    assert result.exit_code == 1
    assert result.stderr == f"cstool: passage p1 is not in {files}/p.de.tsv\n"
    assert not (files / "out.jsonl").exists()
    result = examples(*options, "--switched-queries", files / "no.tsv")
    assert result.stderr == f"cstool: {files}/no.tsv: no such file\n"


def test_half_of_the_negatives_are_hard_and_a_lack_is_told(files, texts):
    result = examples(*texts, "--qrels", files / "r.tsv", "--hard-from", files / "run")
    assert [row["label"] for row in rows(result.stdout)] == [1, 0, 0]
    assert "too few passages: 2 negatives are missing, and random ones stand for 0" in result.stderr
    three = ["--hard-from", files / "run", "--negatives", 3, "--hard-depth", 1]
    result = examples(*texts, "--qrels", files / "r.tsv", *three)
    assert "1 negatives are missing, and random ones stand for 2 hard ones" in result.stderr


@pytest.mark.parametrize(
    ("name", "line", "problem"),
    [
        ("r.tsv", "q9 0 p1 1", "{0}/r.tsv:2: query q9 is not in {0}/q.tsv"),
        ("r.tsv", "q1 0 p9 1", "{0}/r.tsv:2: passage p9 is not in {0}/p.tsv"),
        ("run", "q1 Q0 p9 4 1 x", "{0}/run:5: passage p9 is not in {0}/p.tsv"),
        ("q.tsv", "q1\tagain", "{0}/q.tsv:3: query q1 comes a second time"),
        ("p.tsv", "p1\tagain", "{0}/p.tsv:5: passage p1 comes a second time"),
    ],
)
def test_unknown_and_repeated_ids_are_wrong_lines(files, texts, name, line, problem):
    with (files / name).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    out = files / "out.jsonl"
    run = ["--hard-from", files / "run"]
    result = examples(*texts, "--qrels", files / "r.tsv", *run, "-o", out)
    assert result.exit_code == 1
    assert result.stderr == f"cstool: {problem.format(files)}\n"
    assert not out.exists()


def test_no_relevant_passage_at_all_is_an_error(files, texts):
    (files / "r.tsv").write_text("q1 0 p1 0\n", encoding="utf-8")
    out = files / "out.jsonl"
    result = examples(*texts, "--qrels", files / "r.tsv", "-o", out)
    assert result.exit_code == 1
    assert result.stderr == f"cstool: {files}/r.tsv: no query has a relevant passage\n"
    assert not out.exists()


IDS = "q1\tp1\tp2\nq2\tp3\tp4\nq1\tp1\tp3\n"


@pytest.mark.parametrize("source", ["file", "stdin"])
def test_triples_of_ids(files, texts, source):
    (files / "t.tsv").write_text(IDS, encoding="utf-8")
    triples = files / "t.tsv" if source == "file" else "-"
    result = examples(*texts, "--from-triples", triples, "--negatives", 1, input=IDS)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == (
        '{"qid":"q1","query":"one?","pid":"p1","passage":"a","label":1}\n'
        '{"qid":"q2","query":"two?","pid":"p4","passage":"a","label":0}\n'
        '{"qid":"q1","query":"one?","pid":"p1","passage":"a","label":1}\n'
    )


def test_triples_of_unknown_ids_are_wrong_lines(files, texts):
    (files / "t.tsv").write_text(IDS + "q1\tp1\tp9\n", encoding="utf-8")
    result = examples(*texts, "--from-triples", files / "t.tsv", "-o", files / "out")
    assert result.exit_code == 1
    assert result.stderr == f"cstool: {files}/t.tsv:4: passage p9 is not in {files}/p.tsv\n"
    skip = ["--on-error", "skip", "--rejects", files / "rejects"]
    result = examples(*texts, "--from-triples", files / "t.tsv", "-o", files / "out", *skip)
    assert result.exit_code == 0, result.stderr
    assert (files / "rejects").read_text() == "q1\tp1\tp9\n"
    assert len(rows((files / "out").read_text())) == 3


def test_triples_of_texts_have_the_ids_of_pairs(files):
    triples = "who?\ta  b\tx\nwho?\ta b\tx\n"
    result = examples("--from-triples", "-", input=triples)
    assert result.exit_code == 0, result.stderr
    # printf 'who?' | sha256sum, and so on; the spaces of a text are kept, but make no other id
    assert rows(result.stdout) == [
        {
            "qid": "q1d8176d17935a44c",
            "query": "who?",
            "pid": "pc8687a08aa5d6ed2",
            "passage": "a  b",
            "label": 1,
        },
        {
            "qid": "q1d8176d17935a44c",
            "query": "who?",
            "pid": "p2d711642b726b044",
            "passage": "x",
            "label": 0,
        },
    ]


@pytest.mark.parametrize(
    ("triples", "problem"),
    [
        ("a\tb\n", "-:1: 2 tab-separated fields, expected query, positive, negative"),
        ("a\t\tb\n", "-:1: an empty text, expected query, positive, negative"),
        ("", "-: holds no triple"),
    ],
)
def test_wrong_triples(triples, problem):
    result = examples("--from-triples", "-", input=triples)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"cstool: {problem}\n"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "give --queries, --passages and --qrels"),
        (["--queries", "q", "--qrels", "r"], "give --queries, --passages and --qrels"),
        (["--from-triples", "t", "--qrels", "r"], "--from-triples goes without"),
        (["--from-triples", "t", "--queries", "q"], "need --queries and --passages"),
        (["--queries", "q", "--passages", "p", "--qrels", "r", "--hard", 1], "need --hard-from"),
    ],
)
def test_options_that_do_not_go_together(arguments, problem):
    result = examples(*arguments)
    assert result.exit_code == 2
    assert problem in " ".join(result.stderr.split())

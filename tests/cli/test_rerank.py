import pytest
import torch
from typer.testing import CliRunner

from cstool.cli import app
from cstool.crossencoder import CrossEncoder


@pytest.fixture(scope="module")
def model(bert, tmp_path_factory) -> str:
    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("model")
    CrossEncoder.begin(bert, max_length=16, default=512).save(folder, {})
    return str(folder)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "q.tsv").write_text("q1\twho wrote faust\nq2\twhere is paris\n", encoding="utf-8")
    (tmp_path / "p.tsv").write_text(
        "p1\tgoethe\np2\tparis lies on the river\np3\t\np4\t" + "a long novel " * 20 + "\n",
        encoding="utf-8",
    )
    (tmp_path / "run.trec").write_text(
        "".join(
            f"{qid} Q0 {pid} {rank} {9 - rank} bm25\n"
            for qid in ("q1", "q2")
            for rank, pid in enumerate(("p1", "p2", "p3", "p4"), start=1)
        ),
        encoding="utf-8",
    )
    return tmp_path


def invoke(model, files, *args, **extra):
    texts = ["--queries", files / "q.tsv", "--passages", files / "p.tsv"]
    return CliRunner().invoke(app, ["rerank", model, *map(str, [*texts, *args])], **extra)


def test_a_run_in_and_a_run_out(model, files):
    output = files / "out.trec"
    result = invoke(model, files, "--run", files / "run.trec", "-o", output, "--tag", "mine")
    assert result.exit_code == 0, result.output
    assert "scored 8 pairs of 2 queries; 2 passages and 0 queries cut at 16 tokens" in result.stderr
    rows = [line.split() for line in output.read_text(encoding="utf-8").splitlines()]
    assert [(row[0], row[3], row[5]) for row in rows] == [
        (qid, str(rank), "mine") for qid in ("q1", "q2") for rank in (1, 2, 3, 4)
    ]
    for qid in ("q1", "q2"):
        scores = [float(row[4]) for row in rows if row[0] == qid]
        assert scores == sorted(scores, reverse=True)
    scorer = CrossEncoder.load(model)
    [score] = scorer.logits([("who wrote faust", "goethe")])
    [written] = [float(row[4]) for row in rows if (row[0], row[2]) == ("q1", "p1")]
    assert written == pytest.approx(score, abs=1e-5)


def test_stdin_to_stdout_and_the_order_of_the_lines_does_not_matter(model, files):
    lines = (files / "run.trec").read_text(encoding="utf-8").splitlines(keepends=True)
    forward = invoke(model, files, input="".join(lines))
    backward = invoke(model, files, input="".join([*lines[4:], *lines[:4]]))
    assert forward.exit_code == 0, forward.output
    assert forward.stdout == backward.stdout
    assert len(forward.stdout.splitlines()) == 8


def test_depth_and_tail(model, files):
    kept = invoke(model, files, "--run", files / "run.trec", "--depth", "2")
    assert [line.split()[2] for line in kept.stdout.splitlines()][2:4] == ["p3", "p4"]
    dropped = invoke(model, files, "--run", files / "run.trec", "--depth", "2", "--tail", "drop")
    assert len(dropped.stdout.splitlines()) == 4


def test_a_passage_listed_twice_is_scored_once(model, files):
    once = (files / "run.trec").read_text(encoding="utf-8")
    twice = invoke(model, files, input=once + "q1 Q0 p1 9 0.5 bm25\n")
    assert twice.exit_code == 0, twice.output
    assert twice.stdout == invoke(model, files, input=once).stdout


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("q1 Q0 p9 1 1 x\n", "passage p9 is in the run but has no text"),
        ("q9 Q0 p1 1 1 x\n", "query q9 is in the run but has no text"),
        ("q1 Q0 p1 1 nan x\n", "-:1: score is 'nan', expected a finite number"),
        ("q1 p1 1\n", "-:1: 3 fields, expected 6"),
    ],
)
def test_wrong_input_writes_nothing(line, told, model, files):
    result = invoke(model, files, "-o", files / "out.trec", input=line)
    assert result.exit_code == 1
    assert told in result.stderr
    assert not (files / "out.trec").exists()


def test_a_query_with_two_texts_is_refused(model, files):
    with (files / "q.tsv").open("a", encoding="utf-8") as lines:
        lines.write("q1\tanother text\n")
    result = invoke(model, files, "--run", files / "run.trec")
    assert result.exit_code == 1
    assert "q.tsv:3: query q1 comes a second time" in result.stderr


def test_an_empty_run_gives_an_empty_run(model, files):
    result = invoke(model, files, input="")
    assert (result.exit_code, result.stdout) == (0, "")

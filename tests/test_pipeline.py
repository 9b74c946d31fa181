"""The whole chain, offline: in one shell pipeline, and in a Makefile that does nothing twice."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PASSAGES = {
    "p1": "the red house lies on the river",
    "p2": "goethe wrote faust",
    "p3": "the war in the city of moscow",
    "p4": "tolstoy wrote a novel about peace",
}
QUERIES = {"q1": "where is the red house", "q2": "who wrote faust", "q3": "who wrote about peace"}
RELEVANT = {"q1": "p1", "q2": "p2", "q3": "p4"}


@pytest.fixture
def data(tmp_path) -> Path:
    for name, texts in (("q.tsv", QUERIES), ("p.tsv", PASSAGES)):
        lines = "".join(f"{key}\t{text}\n" for key, text in texts.items())
        (tmp_path / name).write_text(lines, encoding="utf-8")
    judged = "".join(f"{qid} 0 {pid} 1\n" for qid, pid in RELEVANT.items())
    (tmp_path / "qrels.tsv").write_text(judged, encoding="utf-8")
    pairs = "red rot\nhouse Haus\nriver Fluss\nwar Krieg\npeace Frieden\ncity Stadt\n"
    (tmp_path / "en-de.txt").write_text(pairs, encoding="utf-8")
    return tmp_path


def shell(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_five_commands_in_a_pipeline(data, bert):
    script = """
    cat en-de.txt | cstool induce-lexicon dictionary - --target-lang de -o - | gzip > en-de.tsv.gz
    cstool examples --queries q.tsv --passages p.tsv --qrels qrels.tsv --negatives 2 |
      cstool codeswitch - --lexicon en-de.tsv.gz --ratio 1 |
      tee switched.jsonl |
      cstool train - -o model --base "$BASE" --max-steps 2 --batch-size 2
    cstool retrieve --queries q.tsv --passages p.tsv --with-relevant qrels.tsv -o bm25.trec.gz
    gzip -dc bm25.trec.gz |
      cstool rerank model --queries q.tsv --passages p.tsv --run - |
      cstool evaluate qrels.tsv - --measures mrr@10 --format tsv
    """
    result = shell(script, data, BASE=bert)
    assert result.returncode == 0, result.stderr
    switched = (data / "switched.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in switched.splitlines()]
    assert len(rows) == 9
    assert rows[0]["query"] == "where is the rot Haus"
    assert rows[0]["passage"] == "the rot Haus lies on the Fluss"
    assert "mrr@10" in result.stdout


def test_gz_everywhere_gives_the_same_bytes(data):
    script = """
    cstool examples --queries q.tsv --passages p.tsv --qrels qrels.tsv -o e.jsonl.gz
    cstool codeswitch e.jsonl.gz --ratio 0.5 --seed 3 -o a.jsonl.gz
    gzip -dc e.jsonl.gz | cstool codeswitch --ratio 0.5 --seed 3 > b.jsonl
    gzip -dc a.jsonl.gz | cmp - b.jsonl
    """
    result = shell(script, data)
    assert result.returncode == 0, result.stderr
    with gzip.open(data / "e.jsonl.gz", "rt", encoding="utf-8") as lines:
        assert sum(1 for _ in lines) == 3 * (1 + 3)  # three other passages, not four negatives


def test_make_runs_nothing_twice(data):
    (data / "Makefile").write_text(
        "switched.jsonl: train.jsonl\n"
        "\tcstool codeswitch $< --ratio 0.5 -o $@\n"
        "train.jsonl: q.tsv p.tsv qrels.tsv\n"
        "\tcstool examples --queries q.tsv --passages p.tsv --qrels qrels.tsv -o $@\n",
        encoding="utf-8",
    )
    first = shell("make", data)
    assert first.returncode == 0, first.stderr
    assert "up to date" in shell("make", data).stdout
    os.utime(data / "qrels.tsv")
    assert "cstool codeswitch" in shell("make", data).stdout


@pytest.mark.realdata
def test_the_xquad_r_example_on_real_data(real_data, bert, tmp_path):
    """Cut down to a tiny random encoder and a few steps, every stage runs."""
    example = Path(__file__).parents[1] / "examples" / "xquad-r"
    few = "FIRST='NR % 700 == 0' THEN='NR % 700 == 3' EPOCHS=0.5 BATCH=10 QUERIES=5 DEPTH=20"
    few += " LENGTH=32 TEST_LENGTH=32"
    script = (
        f"""make -j2 -C {example} OUT={tmp_path} MODEL={bert} {few} PAIRS="en-en en-ru de-en" """
    )
    result = shell(script, tmp_path, CSTOOL_REAL_DATA=str(real_data))
    assert result.returncode == 0, result.stderr
    table = (tmp_path / "test" / "table.txt").read_text(encoding="utf-8")
    systems = ("zero-shot", "bl-cs", "half-english", "on-the-fly", "consistent", "distilled")
    for name in (*systems, "ml-cs", "first stage", "chance", "oracle"):
        assert f"\n{name} " in table
    again = shell(f"{script} -n", tmp_path, CSTOOL_REAL_DATA=str(real_data))
    assert "table.txt" in again.stdout
    assert "cstool" not in again.stdout, "an unchanged stage would run again"
    more = shell(f"{script} -n SEEDS='1 2'", tmp_path, CSTOOL_REAL_DATA=str(real_data))
    assert "models/ml-cs/2" in more.stdout, "the table lacks a seed"

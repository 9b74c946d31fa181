"""A killed `cstool rerank` goes on at its window and writes what an unkilled one writes."""

import json
import math
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from cstool.cli import app
from cstool.crossencoder import CrossEncoder

TEXT = "who wrote the long novel about war and peace paris lies on the river seine"
WORDS = TEXT.split()
QUERIES, DEPTH = 150, 8


@pytest.fixture(scope="module")
def folder(bert, tmp_path_factory):
    """A model, and a run of many small windows."""
    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("resume")
    CrossEncoder.begin(bert, max_length=32, default=512).save(folder / "model", {})
    rows = [
        (f"q{q}", f"p{q}-{i}", " ".join(WORDS[: q % 6]), " ".join((WORDS * 3)[i : i * 3 + q % 7]))
        for q in range(QUERIES)
        for i in range(DEPTH)
    ]
    (folder / "candidates.tsv").write_text(
        "".join("\t".join(row) + "\n" for row in rows), encoding="utf-8"
    )
    return folder


def command(folder, output, *more):
    given = ["--run", folder / "candidates.tsv", "-o", folder / output, "--window", DEPTH * 2]
    return ["rerank", str(folder / "model"), *map(str, [*given, *more])]


def call(folder, output, *more, code=0):
    result = CliRunner().invoke(app, command(folder, output, *more))
    assert result.exit_code == code, result.output
    return result


def kill_on_the_way(folder, output, *more):
    """Kill a real process, by no signal that it could hear, when it has done three windows."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cstool", *command(folder, output, *more)],
        stderr=subprocess.PIPE,
        text=True,
    )
    kept = folder / f"{output}.reranking"
    with process:
        while not (kept / "window-2.json").exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.002)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not (folder / output).exists()
    return kept


def test_a_killed_run_ends_with_the_same_bytes(folder):
    call(folder, "whole.trec")
    kept = kill_on_the_way(folder, "killed.trec")
    done = sorted(kept.glob("window-*.json"))
    assert 3 <= len(done) < QUERIES // 2
    call(folder, "killed.trec", "--resume")
    assert not kept.exists()
    assert (folder / "killed.trec").read_bytes() == (folder / "whole.trec").read_bytes()
    counts = [
        json.loads((folder / f"{name}.trec.meta.json").read_text("utf-8"))["counts"]
        for name in ("whole", "killed")
    ]
    assert counts[0] == counts[1]


def test_what_is_kept_is_used_only_for_the_same_work(folder):
    kept = kill_on_the_way(folder, "other.trec")
    result = call(folder, "other.trec", "--resume", "--max-length", "16", code=1)
    assert "was begun with other max_length; without --resume it begins anew" in result.stderr
    first = kept / "window-0.json"
    first.write_bytes(json.dumps({"values": [5.0] * DEPTH * 2}).encode())
    call(folder, "other.trec", "--resume")
    lines = (folder / "other.trec").read_text("utf-8").splitlines()
    assert [line.split()[4] for line in lines[: DEPTH * 2]] == ["5"] * DEPTH * 2
    call(folder, "whole.trec")
    kept.mkdir()
    first.write_bytes(json.dumps({"values": [5.0] * DEPTH * 2}).encode())
    call(folder, "other.trec")  # without --resume
    assert (folder / "other.trec").read_bytes() == (folder / "whole.trec").read_bytes()


def test_windows_of_another_model_are_not_used(folder, bert, tmp_path):
    """The path says nothing: other weights may lie there now."""
    kept = kill_on_the_way(folder, "model.trec")
    shutil.copytree(folder / "model", tmp_path / "before")
    torch.manual_seed(4)
    CrossEncoder.begin(bert, max_length=32, default=512).save(folder / "model", {})
    result = call(folder, "model.trec", "--resume", code=1)
    assert "was begun with other model; without --resume it begins anew" in result.stderr
    (kept / "plan.json").unlink()  # as if it had been killed while it removed them
    call(folder, "model.trec", "--resume")
    call(folder, "anew.trec")
    assert (folder / "model.trec").read_bytes() == (folder / "anew.trec").read_bytes()
    shutil.copytree(tmp_path / "before", folder / "model", dirs_exist_ok=True)


def test_a_folder_of_somebody_else_is_left_alone(folder):
    there = folder / "mine.trec.reranking"
    there.mkdir()
    (there / "thesis.tex").touch()
    result = call(folder, "mine.trec", code=1)
    assert f"{there}: is in use, and not by windows of a run" in result.stderr
    assert (there / "thesis.tex").exists()
    assert not (folder / "mine.trec").exists()


def test_a_pair_that_is_done_is_not_scored_again(folder, tmp_path, monkeypatch):
    """As long as one pair of languages is not done, the windows of all others are kept."""
    rows = [line.split("\t") for line in (folder / "candidates.tsv").read_text("utf-8").split("\n")]
    for lang in ("en", "de"):
        (tmp_path / f"q.{lang}.tsv").write_text(
            "".join(f"{q}\t{t}\n" for q, t in {r[0]: r[2] for r in rows[:-1]}.items())
        )
        (tmp_path / f"p.{lang}.tsv").write_text("".join(f"{r[1]}\t{r[3]}\n" for r in rows[:-1]))
    (tmp_path / "run.trec").write_text(
        "".join(f"{r[0]} Q0 {r[1]} 0 {-i} x\n" for i, r in enumerate(rows[:-1]))
    )
    monkeypatch.chdir(tmp_path)
    given = ["rerank", str(folder / "model"), "--queries", "q.{lang}.tsv"]
    given += ["--passages", "p.{lang}.tsv", "--run", "run.trec", "--window", "100"]
    given += ["--pairs", "en-en,en-de"]
    scored = []
    score = CrossEncoder._forward

    def until(limit):
        def counted(self, joined, batch):
            scored.append(len(batch))
            if sum(scored) > limit:
                raise KeyboardInterrupt
            return score(self, joined, batch)

        monkeypatch.setattr(CrossEncoder, "_forward", counted)

    until(math.inf)
    assert CliRunner().invoke(app, [*given, "-o", "whole"]).exit_code == 0
    pairs = QUERIES * DEPTH
    assert sum(scored) == 2 * pairs
    scored.clear()
    until(pairs * 3 // 2)
    assert CliRunner().invoke(app, [*given, "-o", "killed"]).exit_code == 130
    scored.clear()
    until(math.inf)
    assert CliRunner().invoke(app, [*given, "-o", "killed", "--resume"]).exit_code == 0
    assert pairs // 2 <= sum(scored) < pairs
    for name in ("en-en.trec", "en-de.trec"):
        assert Path("killed", name).read_bytes() == Path("whole", name).read_bytes()
    assert not list(Path("killed").glob("*.reranking"))


def test_resume_needs_a_file(folder):
    arguments = ["rerank", str(folder / "model"), "--run", str(folder / "candidates.tsv")]
    result = CliRunner().invoke(app, [*arguments, "--resume"])
    assert result.exit_code == 2
    assert "--resume needs a run and a file as --output" in result.stderr


def test_candidates_with_texts_give_what_a_run_with_files_gives(folder, tmp_path):
    rows = [line.split("\t") for line in (folder / "candidates.tsv").read_text("utf-8").split("\n")]
    rows = rows[:-1]
    (tmp_path / "q.tsv").write_text(
        "".join(f"{q}\t{t}\n" for q, t in {r[0]: r[2] for r in rows}.items())
    )
    (tmp_path / "p.tsv").write_text("".join(f"{r[1]}\t{r[3]}\n" for r in rows))
    (tmp_path / "run.trec").write_text(
        "".join(f"{r[0]} Q0 {r[1]} 0 {-i} x\n" for i, r in enumerate(rows))
    )
    call(folder, "a.trec", "--depth", 3)
    texts = ("--queries", tmp_path / "q.tsv", "--passages", tmp_path / "p.tsv")
    call(folder, "b.trec", "--depth", 3, *texts, "--run", tmp_path / "run.trec")
    assert (folder / "a.trec").read_bytes() == (folder / "b.trec").read_bytes()


def test_a_sample_of_queries(folder):
    def drawn(*more):
        call(folder, "sample.trec", "--sample-queries", 7, *more)
        lines = (folder / "sample.trec").read_text("utf-8").splitlines()
        assert len(lines) == 7 * DEPTH
        return {line.split()[0] for line in lines}

    assert drawn() == drawn()
    assert drawn() != drawn("--seed", 2)


def test_a_missing_classifier_is_drawn_only_if_asked_for(folder, bert):
    given = ["--run", str(folder / "candidates.tsv"), "-o", str(folder / "drawn.trec")]
    result = CliRunner().invoke(app, ["rerank", bert, *given])
    assert result.exit_code == 1
    assert "has no trained classifier on top of its encoder; --init-head would" in result.stderr
    outcomes = []
    for _ in range(2):
        result = CliRunner().invoke(app, ["rerank", bert, *given, "--init-head"])
        assert result.exit_code == 0, result.output
        outcomes.append((folder / "drawn.trec").read_bytes())
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("q1\tp1\tone\n", ":1: 3 tab-separated fields, expected qid, pid, query, passage; a run"),
        ("q1 Q0 p1 1 2.0 x\n", "; a run without texts goes with --queries and --passages"),
        ("q1\tp1\ta\tb\nq1\tp2\tc\td\n", ":2: query q1 has another text than before"),
        ("q1\tp1\ta\tb\nq2\tp1\tc\td\n", ":2: passage p1 has another text than before"),
    ],
)
def test_wrong_candidates(line, told, folder, tmp_path):
    path = tmp_path / "wrong.tsv"
    path.write_text(line, encoding="utf-8")
    result = CliRunner().invoke(app, ["rerank", "./no-model", "--run", str(path)])
    assert result.exit_code == 1
    assert told in result.stderr


def test_two_processes_write_what_one_writes(folder):
    """Started by torchrun, which would take --run for its own without the two dashes."""
    call(folder, "whole.trec")
    launch = [*("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")]
    done = subprocess.run(
        [sys.executable, *launch, "-m", "--", "cstool", *command(folder, "two.trec")],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "two.trec").read_bytes() == (folder / "whole.trec").read_bytes()
    assert done.stderr.count("cstool: scored") == 1
    metas = [(folder / f"{name}.trec.meta.json").read_text("utf-8") for name in ("two", "whole")]
    assert metas[0] == metas[1].replace("whole.trec", "two.trec")


def test_ray_writes_what_one_process_writes(folder, monkeypatch):
    for name, value in (
        ("OMP_NUM_THREADS", "1"),
        ("RAY_raylet_start_wait_time_s", "300"),
        ("RAY_agent_register_timeout_ms", "300000"),
    ):
        monkeypatch.setenv(name, value)
    launch = [sys.executable, "-m", "cstool"]
    for output, more in (("one.trec", ()), ("ray.trec", ("--engine", "ray", "--workers", "2"))):
        done = subprocess.run(
            [*launch, *command(folder, output, *more)], capture_output=True, text=True, timeout=400
        )
        assert done.returncode == 0, done.stderr
    assert (folder / "ray.trec").read_bytes() == (folder / "one.trec").read_bytes()
    assert not (folder / "ray.trec.reranking").exists()

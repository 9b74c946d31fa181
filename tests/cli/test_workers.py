"""codeswitch with --workers, --shard and --engine: the same bytes, however the work is shared."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cstool import files
from cstool.cli import app

PROGRAM = str(Path(sys.executable).with_name("cstool"))
ROW = '{"qid":"q%d","query":"the red house","pid":"p%d","passage":"a red, red house","label":1}\n'
MANY = (ROW % (1, 1)).replace("a red,", "x" * 1000) * 6000  # soon done, and more than can wait
LINES = "".join(ROW % (n, n % 7) if n % 5 else f"{n}\tred house, the red one\n" for n in range(300))
OPTIONS = ("--lexicon", "mini", "--on-error", "skip", "--rejects", "bad.txt")
MADE = ("out.jsonl", "trace.jsonl", "bad.txt")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a lexicon and texts, some lines of which are wrong; blocks are small."""
    lexicon = tmp_path / "lexicons" / "mini"
    lexicon.mkdir(parents=True)
    (lexicon / "en-de.tsv").write_text("house\tHaus\nred\trot\n", encoding="utf-8")
    (lexicon / "en-it.tsv").write_text("house\tcasa\nred\trosso\n", encoding="utf-8")
    lines = LINES.splitlines(keepends=True)
    lines[100:100], lines[250:250] = ["bad\n"], ["worse\n", "worst\n"]
    (tmp_path / "in.jsonl").write_text("".join(lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "_BLOCK", 1000)
    return tmp_path


def run(*args, expected=0, **more):
    result = CliRunner().invoke(app, ["codeswitch", *args], **more)
    assert result.exit_code == expected, result.output
    return result


def made(folder):
    """Give what was written, and the counts."""
    content = [(folder / name).read_bytes() for name in MADE]
    return *content, json.loads((folder / "out.jsonl.meta.json").read_bytes())["counts"]


@pytest.fixture
def alone(folder):
    """What one process makes."""
    result = run("in.jsonl", *OPTIONS, "-o", "out.jsonl", "--trace", "trace.jsonl")
    content = made(folder)
    assert content[2] == b"bad\nworse\nworst\n"
    assert content[0].count(b"\n") == content[3]["records"] == 300
    assert content[1].count(b"\n") > 300
    for name in MADE:
        (folder / name).unlink()
    return result.stderr, content


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_make_the_same_files(folder, alone, workers):
    options = ("-o", "out.jsonl", "--trace", "trace.jsonl", "--workers", f"{workers}")
    result = run("in.jsonl", *OPTIONS, *options)
    assert (result.stderr, made(folder)) == alone
    assert result.stdout == ""
    sidecar = json.loads((folder / "out.jsonl.meta.json").read_bytes())
    assert sidecar["inputs"][-1]["lines"] == 303
    assert sidecar["inputs"][-1]["sha256"] is not None


def test_workers_on_stdin_and_stdout(alone):
    result = run(*OPTIONS, "--workers", "2", input=Path("in.jsonl").read_bytes())
    assert result.stdout_bytes == alone[1][0]
    assert result.stderr == alone[0].replace("in.jsonl:", "-:")


def test_copies_with_workers():
    texts = "".join(line for line in LINES.splitlines(keepends=True) if line.startswith("{"))
    written = [
        run("--lexicon", "mini", "--copies", "3", "--workers", workers, input=texts).stdout
        for workers in ("1", "2")
    ]
    assert written[0] == written[1]
    assert written[0].count("\n") == 3 * texts.count("\n")


def test_shards_are_put_together_as_documented(folder, alone):
    for index in range(3):
        shard = f"shard.{index}.jsonl"
        run("in.jsonl", *OPTIONS, "--shard", f"{index}/3", "--workers", "2", "-o", shard)
    counts = [json.loads(path.read_bytes())["counts"] for path in folder.glob("shard*.meta.json")]
    assert sum(count["records"] for count in counts) == 300
    for side in ("query", "passage", "text"):
        for what in ("texts", "words", "matched", "replaced"):
            total = sum(count[side][what] for count in counts)
            assert total == alone[1][3][side][what], (side, what)
    # Lines that a shard left out would shift it against the others.
    (folder / "good.jsonl").write_text(LINES, encoding="utf-8")
    for index in range(3):
        run("good.jsonl", "--lexicon", "mini", "--shard", f"{index}/3", "-o", f"{index}.jsonl")
    join = "paste -d '\\n' [0-2].jsonl | sed '/^$/d'"
    done = subprocess.run(join, shell=True, capture_output=True, check=True)
    assert done.stdout == alone[1][0]


def test_a_wrong_line_of_a_shard_has_its_number_in_the_file():
    result = run("in.jsonl", "--lexicon", "mini", "--shard", "2/3", expected=1)
    assert result.stderr.startswith("cstool: in.jsonl:252: 'worst', expected ")


def test_another_order_makes_the_same_records(alone):
    backward = "".join(reversed(LINES.splitlines(keepends=True)))
    result = run("--lexicon", "mini", "--workers", "2", input=backward)
    assert result.stdout_bytes.splitlines() == alone[1][0].splitlines()[::-1]


@pytest.mark.parametrize("workers", ["1", "2", "4"])
def test_a_wrong_line_is_the_same_sentence(folder, alone, workers):
    before = sorted(folder.iterdir())
    options = ("--lexicon", "mini", "--workers", workers, "--trace", "trace.jsonl")
    result = run("in.jsonl", *options, "-o", "new.jsonl", expected=1)
    problem = "cstool: in.jsonl:101: 'bad', expected id<TAB>text or a JSON object\n"
    assert result.stderr == problem
    assert sorted(folder.iterdir()) == before
    result = run("in.jsonl", "--lexicon", "mini", "--workers", workers, expected=1)
    assert result.stderr == problem
    assert result.stdout_bytes.splitlines() == alone[1][0].splitlines()[:100]


def test_a_truncated_file_is_told_after_what_came_before_it(folder):
    import gzip
    import random

    noise = random.Random(1)
    text = "".join(f"{n}\t{noise.getrandbits(400)}\n" for n in range(5000))
    (folder / "in.tsv.gz").write_bytes(gzip.compress(text.encode())[:-50_000])
    written = []
    for workers in ("1", "2"):
        result = run("in.tsv.gz", "--lexicon", "mini", "--workers", workers, expected=1)
        assert result.stderr.startswith("cstool: in.tsv.gz: Compressed file ended before the end")
        written.append(result.stdout)
    assert written[0] == written[1]
    assert text.startswith(written[0])
    assert written[0].count("\n") > 1000


@pytest.mark.parametrize("text", ["", "\n"])
def test_nothing_to_do(text):
    results = [
        run("--lexicon", "mini", "--workers", n, input=text, expected=int(bool(text))) for n in "12"
    ]
    assert results[0].output == results[1].output


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--workers", "0"], "'--workers'"),
        (["--workers", "two"], "'--workers'"),
        (["--shard", "3/3"], "'3/3': expected I/N, as 0/3, 1/3 and 2/3 of three shards"),
        (["--shard", "1"], "expected I/N"),
        (["--shard", "-1/3"], "expected I/N"),
        (["--shard", "0/0"], "expected I/N"),
        (["--shard", "1/3", "--preview", "2"], "no --shard"),
        (["--engine", "dask"], "'--engine'"),
    ],
)
def test_wrong_options(options, problem):
    result = run("--lexicon", "mini", *options, input=LINES, expected=2)
    assert problem in " ".join(result.stderr.split())
    assert result.stdout == ""


# The end of the processes

# Whoever runs the tests may have signals ignored, as nohup and `&` do; the command must hear them.
HEARD = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


def children(pid):
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


def wait_until(true):
    deadline = time.monotonic() + 30
    while not (found := true()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def gone(pids):
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.fixture
def running(folder):
    """A command with two workers, begun and waiting for more lines, in a session of its own."""
    command = [PROGRAM, "codeswitch", "--lexicon", "mini", "--workers", "2", "-o", "out.jsonl"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    (folder / "out.jsonl").write_bytes(b"old")
    with subprocess.Popen(
        [sys.executable, "-c", HEARD, *command], start_new_session=True, **pipes
    ) as process:
        process.stdin.write(MANY.encode())
        process.stdin.flush()
        wait_until(lambda: any(path.stat().st_size for path in folder.glob(".out.jsonl.*.part")))
        workers = children(process.pid)
        assert len(workers) == 2
        yield process, workers
    wait_until(lambda: gone(workers))


@pytest.mark.parametrize(
    ("number", "send"),
    [
        (signal.SIGINT, os.killpg),  # Ctrl-C on a terminal
        (signal.SIGHUP, os.killpg),  # a terminal that is closed
        (signal.SIGTERM, os.kill),
        (signal.SIGTERM, os.killpg),  # a scheduler's
    ],
)
def test_a_signal_ends_all_and_leaves_the_old_file(folder, running, number, send):
    process, workers = running
    send(process.pid, number)
    assert process.wait(timeout=30) == 128 + number
    assert b"Traceback" not in process.stderr.read()
    wait_until(lambda: gone(workers))
    assert (folder / "out.jsonl").read_bytes() == b"old"
    assert not list(folder.glob(".out*"))


def test_a_killed_worker_ends_all_and_leaves_the_old_file(folder, running):
    process, workers = running
    os.kill(workers[1], signal.SIGKILL)
    _, stderr = process.communicate(MANY.encode(), timeout=30)
    assert process.returncode == 1
    problem = b"cstool: a worker was killed; if memory ran out, take fewer --workers\n"
    assert stderr == problem
    assert (folder / "out.jsonl").read_bytes() == b"old"
    assert not list(folder.glob(".out*"))


def test_workers_end_with_a_command_that_is_killed(running):
    process, workers = running
    process.kill()
    wait_until(lambda: gone(workers))


def test_a_reader_that_leaves_early_is_no_mistake(folder):
    (folder / "long.jsonl").write_text(MANY, encoding="utf-8")
    command = f"{PROGRAM} codeswitch --lexicon mini --workers 2 long.jsonl"
    line = f"{command} | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    row, status = done.stdout.splitlines()
    assert json.loads(row)["qid"] == "q1"
    assert int(status) == 128 + signal.SIGPIPE
    assert done.stderr == ""


def test_a_full_disk_is_one_sentence(folder):
    (folder / "long.jsonl").write_text(MANY, encoding="utf-8")
    before = sorted(folder.iterdir())
    line = f"ulimit -f 4; {PROGRAM} codeswitch --lexicon mini --workers 2 long.jsonl -o out.jsonl"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "cstool: out.jsonl: File too large\n")
    assert sorted(folder.iterdir()) == before

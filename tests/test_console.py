import subprocess
import sys

import pytest

from cstool import console


@pytest.mark.parametrize(
    "message",
    [
        "train.jsonl:100: label is True",  # ":100:" is the name of an emoji
        "[red]house[/red]",
        "x" * 500,
        "نص عربي",
    ],
)
def test_a_message_is_one_line_as_it_stands(message, capsys):
    console.say(message)
    console.warn(message)
    console.fail(message)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"cstool: {message}\ncstool: warning: {message}\ncstool: {message}\n"


def test_nothing_moves_when_stderr_is_no_terminal(capsys):
    with console.progress("reading", 10) as bar:
        bar.update(5, "half")
    with console.progress("reading", None) as bar:
        bar.update(5)
    assert capsys.readouterr() == ("", "")


def test_progress_moves_on_a_terminal_and_is_wiped_in_the_end():
    code = (
        "import pty, os, sys\n"
        "pid, fd = pty.fork()\n"
        "if pid == 0:\n"
        "    from cstool import console\n"
        "    with console.progress('reading a', 10) as one, console.progress('writing b', 10):\n"
        "        one.update(5, 'half')\n"
        "    console.say('done')\n"
        "    os._exit(0)\n"
        "data = b''\n"
        "try:\n"
        "    while piece := os.read(fd, 1024):\n"
        "        data += piece\n"
        "except OSError:\n"
        "    pass\n"
        "os.waitpid(pid, 0)\n"
        "sys.stdout.buffer.write(data)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env={"TERM": "xterm", "PATH": "/bin"},
    )
    assert b"reading a" in done.stdout
    assert b"writing b" in done.stdout
    assert done.stdout.endswith(b"cstool: done\r\n")
    assert done.stderr == b""


def test_training_tells_its_speed_and_the_time_left(capsys, monkeypatch):
    # 10 s for each step of 40 examples, the first apart: after 2 of 10, 80 s are left.
    clock = iter([0.0, 10.0, 20.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    with console.steps("training") as on_step:
        for step in (1, 2, 3):
            on_step(step, 10, float("nan") if step == 1 else 0.5, 40 * step, 3 << 20)
    assert capsys.readouterr().err.splitlines() == [
        "cstool: step 1 of 10, 3 MiB, 0 s",
        "cstool: step 2 of 10, loss 0.5000, 4 examples/s, 3 MiB, 10 s, 1 min 20 s left",
        "cstool: step 3 of 10, loss 0.5000, 4 examples/s, 3 MiB, 20 s, 1 min 10 s left",
    ]

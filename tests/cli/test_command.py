"""What all commands share: YAML, help, signals, closed pipes."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
import typer
import yaml
from typer.testing import CliRunner

import cstool
from cstool.cli import app
from cstool.cli.command import Group, command
from cstool.cli.job import Job

PROGRAM = str(Path(sys.executable).with_name("cstool"))
ROW = '{"qid":"q%d","query":"the red house","pid":"p1","passage":"a red house","label":1}\n'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder to work in, with a lexicon `mini` and a file of many lines."""
    (tmp_path / "mini").mkdir()
    (tmp_path / "mini" / "en-de.tsv").write_text("house\tHaus\nred\trot\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shell(line: str, **settings) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which $cstool is the program."""
    env = os.environ | {"cstool": PROGRAM}
    return subprocess.run(
        ["bash", "-c", line],
        **{"capture_output": True, "text": True, "check": False, "env": env} | settings,
    )


# --config, with a command made for it


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


def paint(
    job: Job,
    sources: Annotated[list[Path], typer.Argument()],
    ratio: Annotated[float, typer.Option(min=0, max=1)] = 0.5,
    langs: Annotated[str | None, typer.Option()] = None,
    max_steps: Annotated[int | None, typer.Option()] = None,
    color: Annotated[Color, typer.Option()] = Color.RED,
    also: Annotated[list[str] | None, typer.Option()] = None,
    resume: Annotated[bool | None, typer.Option("--resume/--restart")] = None,
    keep: Annotated[bool, typer.Option("--keep/--drop")] = True,
) -> None:
    """Show the settings."""
    sys.stdout.write(json.dumps(job.account()["settings"]))


tool = typer.Typer(cls=Group, rich_markup_mode=None)
tool.callback()(lambda: None)
nested = typer.Typer(rich_markup_mode=None)
nested.callback()(lambda: None)
command(tool, "paint")(paint)
command(nested, "paint")(paint)
tool.add_typer(nested, name="more")


def settings(*args, expected=0):
    result = CliRunner().invoke(tool, list(args))
    assert result.exit_code == expected, result.output
    return json.loads(result.stdout) if expected == 0 else result.stderr


def config(text):
    Path("config.yaml").write_text(text, encoding="utf-8")


def test_options_come_from_the_section_of_the_command():
    config(
        "paint:\n  sources: [a, b]\n  ratio: 0.25\n  langs: [de, no]\n  max-steps: 7\n"
        "  color: blue\n  also: [x, 'y,z']\n  resume: false\n  keep: no\n"
        "more:\n  paint:\n    ratio: 1\n"
    )
    assert settings("paint", "--config", "config.yaml") == {
        "sources": ["a", "b"],
        "ratio": 0.25,
        "langs": "de,no",
        "max_steps": 7,
        "color": "blue",
        "also": ["x", "y,z"],
        "resume": False,
        "keep": False,
    }
    assert settings("more", "paint", "--config", "config.yaml", "a")["ratio"] == 1


def test_the_command_line_wins():
    config("paint:\n  sources: a\n  ratio: 0.25\n  also: [x]\n  keep: false\n  color: blue\n")
    found = settings(
        *("paint", "b", "c", "--ratio", "0.75", "--also", "y", "--keep"),
        *("--config", "config.yaml"),
    )
    assert found["sources"] == ["b", "c"]
    assert found["also"] == ["y"]
    assert (found["ratio"], found["keep"], found["color"]) == (0.75, True, "blue")


def test_one_value_where_several_may_stand():
    config("paint:\n  sources: a\n  also: x\n")
    found = settings("paint", "--config", "config.yaml")
    assert (found["sources"], found["also"]) == (["a"], ["x"])


def test_nothing_is_what_the_option_has_by_default():
    config("paint:\n  sources: a\n  ratio: null\n  langs:\n  resume: ~\n  keep: ''\n")
    found = settings("paint", "--config", "config.yaml")
    assert (found["ratio"], found["langs"]) == (0.5, None)
    assert (found["resume"], found["keep"]) == (None, True)


@pytest.mark.parametrize("text", ["", "paint:\n", "more:\n  paint:\n", "---\n"])
def test_a_file_without_options_changes_nothing(text):
    config(text)
    assert settings("paint", "a", "--config", "config.yaml") == settings("paint", "a")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("paint:\n  rato: 1\n", "paint has no option rato"),
        ("paint:\n  config: x\n", "paint has no option config"),
        ("ratio: 1\n", "options stand under their command, as in 'paint:'"),
        ("- paint\n", "options stand under their command"),
        ("paint: [ratio]\n", "expected its options"),
        ("paint: 0.5\n", "expected its options"),
        ("paint:\n  ratio: 2\n", "'--ratio'"),
        ("paint:\n  ratio: [0.1, 0.2]\n", "'--ratio'"),
        ("paint:\n  ratio: {a: 1}\n", "is no value, and no list of values"),
        ("paint:\n  also: [[a]]\n", "is no value, and no list of values"),
        ("paint:\n  color: green\n", "'--color'"),
        ("paint:\n  keep: perhaps\n", "'--keep'"),
        ("paint: {\n", "config.yaml"),
        ("\tpaint:\n", "config.yaml"),
        ("paint:\n  langs: \xff\n".encode("latin-1"), "config.yaml"),
    ],
)
def test_a_wrong_file(text, problem):
    Path("config.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert problem in settings("paint", "a", "--config", "config.yaml", expected=2)


def test_the_section_of_another_command_is_not_looked_into():
    config("more:\n  ratio: 1\npaint:\n  ratio: 0.25\n")
    assert settings("paint", "a", "--config", "config.yaml")["ratio"] == 0.25


def test_a_file_that_is_not_there():
    assert "no.yaml" in settings("paint", "a", "--config", "no.yaml", expected=2)


@pytest.mark.parametrize("path", [["paint"], ["more", "paint"]])
def test_what_print_config_prints_can_be_fed_back(path):
    args = ["a", "b", "--langs", "no", "--color", "blue", "--also", "x", "--restart", "--drop"]
    printed = CliRunner().invoke(tool, [*path, *args, "--print-config"])
    assert printed.exit_code == 0
    config(printed.stdout)
    assert settings(*path, "--config", "config.yaml") == settings(*path, *args)
    again = CliRunner().invoke(tool, [*path, "--config", "config.yaml", "--print-config"])
    assert again.stdout == printed.stdout
    section = yaml.safe_load(printed.stdout)
    for name in path:
        section = section[name]
    assert section["langs"] == "no"
    assert section["max-steps"] is None


def test_names_in_the_file_are_those_of_the_command_line():
    printed = CliRunner().invoke(app, ["rerank", "--run", "x.trec", "--print-config"])
    assert yaml.safe_load(printed.stdout)["rerank"]["run"] == "x.trec"
    config("rerank:\n  run: y.trec\n")
    printed = CliRunner().invoke(app, ["rerank", "--config", "config.yaml", "--print-config"])
    assert yaml.safe_load(printed.stdout)["rerank"]["run"] == "y.trec"


def test_print_config_asks_for_nothing():
    printed = CliRunner().invoke(tool, ["paint", "--print-config", "--ratio", "0.25"])
    assert printed.exit_code == 0
    assert yaml.safe_load(printed.stdout)["paint"]["ratio"] == 0.25


def test_a_whole_command_from_a_file(folder):
    (folder / "in.jsonl").write_text(ROW % 1, encoding="utf-8")
    config(
        "codeswitch:\n  source: in.jsonl\n  output: out.jsonl\n  lexicon: mini\n  ratio: 1\n"
        "  langs: [de]\n  on-error: skip\n  rejects: bad.txt\nprepare: {}\n"
    )
    result = CliRunner().invoke(app, ["codeswitch", "--config", "config.yaml"])
    assert result.exit_code == 0, result.output
    assert '"the rot Haus"' in (folder / "out.jsonl").read_text(encoding="utf-8")
    assert (folder / "bad.txt").read_bytes() == b""


# A job


def test_stdin_can_be_read_only_once():
    def twice(job: Job) -> None:
        """Read."""
        for _ in range(2):
            list(job.read(Path("-"), str))

    reader = typer.Typer(cls=Group)
    reader.callback()(lambda: None)
    command(reader, "twice")(twice)
    result = CliRunner().invoke(reader, ["twice"], input="a\n")
    assert result.exit_code == 1
    assert result.stderr == "cstool: -: standard input can be read only once\n"


def test_a_sidecar_never_stands_beside_another_runs_file(folder):
    def half(job: Job) -> None:
        """Write one file, then fail."""
        job.write(Path("out"), ["new"], str)
        job.read(Path("no"), str)

    writer = typer.Typer(cls=Group)
    writer.callback()(lambda: None)
    command(writer, "half")(half)
    (folder / "out.meta.json").write_bytes(b"old")
    assert CliRunner().invoke(writer, ["half"]).exit_code == 1
    assert (folder / "out").read_bytes() == b"new\n"
    assert not (folder / "out.meta.json").exists()


def test_a_bug_keeps_its_traceback():
    def wrong(job: Job) -> None:
        """Go wrong."""
        job.counts["a"] /= 0

    broken = typer.Typer(cls=Group)
    broken.callback()(lambda: None)
    command(broken, "wrong")(wrong)
    assert isinstance(CliRunner().invoke(broken, ["wrong"]).exception, KeyError)


# The end of a command


@pytest.fixture
def long(folder):
    (folder / "long.jsonl").write_text("".join(ROW % n for n in range(15_000)), encoding="utf-8")


@pytest.mark.usefixtures("long")
def test_a_reader_that_leaves_early_is_no_mistake():
    done = shell('"$cstool" codeswitch --lexicon mini long.jsonl | head -1; echo ${PIPESTATUS[0]}')
    row, status = done.stdout.splitlines()
    assert json.loads(row)["qid"] == "q0"
    assert int(status) == 128 + signal.SIGPIPE
    assert done.stderr == ""


@pytest.mark.usefixtures("long")
@pytest.mark.parametrize("source", ["long.jsonl", "<(head -1 long.jsonl)"])
def test_a_full_stdout_is_one_sentence(source):
    done = shell(f'"$cstool" codeswitch --lexicon mini {source} > /dev/full')
    assert done.returncode == 1
    assert done.stderr == "cstool: -: No space left on device\n"


@pytest.mark.usefixtures("long")
def test_a_full_disk_is_one_sentence_and_leaves_no_file(folder):
    before = sorted(folder.iterdir())
    done = shell('ulimit -f 4; "$cstool" codeswitch --lexicon mini long.jsonl -o out.jsonl')
    assert done.returncode == 1
    assert done.stderr == "cstool: out.jsonl: File too large\n"
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(("stream", "name"), [("<&-", "input"), (">&-", "output")])
def test_a_closed_stream_is_one_sentence(stream, name):
    done = shell(f'echo | "$cstool" codeswitch --lexicon mini {stream}')
    assert done.returncode == 1
    assert done.stderr == f"cstool: -: standard {name} is closed\n"


def test_a_closed_stderr_changes_nothing():
    done = shell('"$cstool" codeswitch --lexicon mini --ratio 0 2>&-', input=ROW % 1)
    assert (done.returncode, done.stdout) == (0, ROW % 1)


def test_a_name_that_is_no_utf8(folder):
    Path(os.fsdecode(b"caf\xe9")).write_text(ROW % 1, encoding="utf-8")
    done = shell("\"$cstool\" codeswitch --lexicon mini $'caf\\xe9' -o out")
    assert done.returncode == 0
    inputs = json.loads((folder / "out.meta.json").read_bytes())["inputs"]
    assert inputs[1]["path"] == r"caf\xe9"


# Whoever runs the tests may have signals ignored, as nohup and `&` do; the command must hear them.
HEARD = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


def ended_by(number, folder, *more):
    """Start a command that waits for more lines, send it a signal in the middle, and let it end."""
    args = [sys.executable, "-c", HEARD, PROGRAM]
    args += ["codeswitch", "--lexicon", "mini", "-o", "out.jsonl", *more]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(args, **pipes) as process:
        process.stdin.write((ROW % 1).encode() * 10_000)
        process.stdin.flush()
        deadline = time.monotonic() + 20
        while not any(path.stat().st_size for path in folder.glob(".out.jsonl.*.part")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(timeout=20) == 128 + number
        return process.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_old_file_and_nothing_else(folder, number):
    (folder / "out.jsonl").write_bytes(b"old")
    before = sorted(folder.iterdir())
    rejects = ("--on-error", "skip", "--rejects", "bad.txt")
    assert ended_by(number, folder, *rejects) == b""
    assert sorted(folder.iterdir()) == before
    assert (folder / "out.jsonl").read_bytes() == b"old"


def test_nohup_is_respected():
    code = (
        "import signal\n"
        "from cstool.cli import app\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "try:\n"
        "    app(['--version'])\n"
        "except SystemExit:\n"
        "    print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == f"cstool {cstool.__version__}\nTrue\n"


# Help


def commands(group, path=()):
    for name, found in group.commands.items():
        if hasattr(found, "commands"):
            yield from commands(found, (*path, name))
        else:
            yield (*path, name), found


ROOT = typer.main.get_command(app)
COMMANDS = dict(commands(ROOT))


@pytest.fixture(params=COMMANDS, ids=" ".join)
def path(request):
    return request.param


def examples(text):
    lines = text.replace("\\\n", "").splitlines()
    return [line.strip() for line in lines if line.startswith("  cstool ")]


def help_of(*path):
    result = CliRunner().invoke(app, [*path, "--help"], terminal_width=100)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_every_command_says_what_it_does_and_shows_how(path):
    text = help_of(*path)
    assert text.startswith("Usage: ")
    description = COMMANDS[path].help.splitlines()[0]
    assert description.endswith(".")
    assert description in text
    assert any(line.startswith(f"cstool {' '.join(path)}") for line in examples(text))
    assert max(map(len, text.splitlines())) <= 102  # two of them the margin


def test_every_option_says_what_it_is_for(path):
    for param in COMMANDS[path].params:
        assert param.help, param.name


def test_examples_name_options_that_exist(path):
    for line in examples(help_of(*path)):
        for part in line.split("|"):
            _, *words = shlex.split(part)
            found = ROOT
            while hasattr(found, "commands"):
                found = found.commands[words.pop(0).partition(":")[0]]
            known = {name for param in found.params for name in param.opts + param.secondary_opts}
            assert {word for word in words if word.startswith("-") and word != "-"} <= known, line


def test_help_lists_the_commands():
    text = help_of()
    for name, found in ROOT.commands.items():
        assert f"  {name} " in text
        assert found.get_short_help_str(200).endswith(".")


def test_shell_completion():
    # Typer asks what the parent is: two commands, or bash would let the first take its place.
    shown = shell('"$cstool" --show-completion; exit $?', env=os.environ | {"cstool": PROGRAM})
    assert shown.returncode == 0
    assert "complete -o default -F _cstool_completion cstool" in shown.stdout
    for typed, number, expected in (
        ("cstool co", 1, "codeswitch"),
        ("cstool codeswitch --per t", 3, "text"),
    ):
        asked = {
            "_CSTOOL_COMPLETE": "complete_bash",
            "COMP_WORDS": typed,
            "COMP_CWORD": f"{number}",
        }
        done = shell('"$cstool"', env=os.environ | {"cstool": PROGRAM} | asked)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [expected]

"""docs/codeswitch.md: every command in it is run, and does what stands below it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "codeswitch.md"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def commands():
    """Give the commands of the page and what it says that they print."""
    for block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        for part in block.split("$ ")[1:]:
            command, _, output = part.partition("\n")
            yield command, output


FILES = {  # what the page shows with cat
    command.removeprefix("cat "): output
    for command, output in commands()
    if command.startswith("cat ")
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("page")
    for names, content in FILES.items():
        lines = content.splitlines(keepends=True)
        first, *others = names.split()
        cut = len(lines) if not others else next(n for n, x in enumerate(lines) if "дом" in x)
        for name, part in zip((first, *others), (lines[:cut], lines[cut:]), strict=False):
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text("".join(part), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("command", "output"), [each for each in commands() if each[0].startswith("cstool ")]
)
def test_the_page_tells_what_happens(folder, command, output):
    program = Path(sys.executable).with_name("cstool")
    done = subprocess.run(
        f"{program}{command.removeprefix('cstool')} 2>&1",
        shell=True,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == output

"""The documents say what the program does."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from cstool.cli import app

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MAKEFILES = sorted((ROOT / "examples").glob("*/Makefile"))


def test_commands_are_up_to_date():
    page = subprocess.run(
        [sys.executable, ROOT / "docs" / "commands.py"], capture_output=True, text=True, check=True
    )
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == page.stdout, "make docs"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize(
    "path", [*DOCUMENTS, *MAKEFILES], ids=lambda p: f"{p.parent.name}-{p.name}"
)
def test_documented_calls_exist(path):
    """Every command and option that a document or an example names is one."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    if path.suffix == ".md":
        text = "".join(re.findall(r"```(?:sh|text)\n(.*?)```", text, re.DOTALL))
    calls = re.findall(r"^[ \t]*(?:\$ )?cstool [a-z].*", text, re.MULTILINE)
    root = typer.main.get_command(app)
    for call in calls:
        command, words = root, shlex.split(call.split("|")[0].split("<")[0], comments=True)[1:]
        while words and words[0].partition(":")[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0).partition(":")[0]]
        assert not hasattr(command, "commands"), call
        known = {name for param in command.params for name in [*param.opts, *param.secondary_opts]}
        used = {word.partition("=")[0] for word in words if re.match("--?[a-z]", word)}
        assert used <= known | {"--help"}, call

"""Print docs/commands.md: the help of every command, as a user sees it at 80 columns.

python docs/commands.py > docs/commands.md
"""

import os
import sys
from collections.abc import Iterator

import typer
from typer.testing import CliRunner

from cstool.cli import app

os.environ["COLUMNS"] = "80"  # before any help is formatted

HEAD = """\
# Commands

Generated from the help texts by `make docs`; a test compares the two.
"""


def paths() -> Iterator[list[str]]:
    """List every command and subcommand, in the order of the help."""
    root = typer.main.get_command(app)
    yield []
    for name in root.list_commands(None):
        yield [name]
        for inner in getattr(root.commands[name], "commands", {}):
            yield [name, inner]


def page() -> str:
    """Put the page together."""
    sections = [HEAD]
    for path in paths():
        title = " ".join(["cstool", *path])
        result = CliRunner().invoke(app, [*path, "--help"], prog_name="cstool")
        if result.exit_code != 0:
            raise SystemExit(f"{title} --help: {result.output}")
        text = "\n".join(line.rstrip() for line in result.output.strip().splitlines())
        sections.append(f"## {title}\n\n```text\n{text}\n```\n")
    return "\n".join(sections)


if __name__ == "__main__":
    sys.stdout.write(page())

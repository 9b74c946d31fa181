"""docs/datasets.md: the commands that make code-switched NQ-Open run, and give the same bytes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cstool.cli import app

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8")
[LOOP] = re.findall(r"```sh\n(for .*?)```", PAGE, re.DOTALL)
QUESTIONS = ROOT / "examples" / "demo" / "data" / "test" / "queries.en.tsv"
LANGUAGES = ("xxde", "xxit", "xxnl", "xxru", "xxar", "xxall")
RATIOS = ("0.25", "0.5", "0.75", "1.0")


def built(folder, questions, ratios=RATIOS):
    """Run the loop of the page on some questions, for these ratios, and give what it made."""
    (folder / "nq").mkdir(parents=True)
    (folder / "nq" / "queries.en.tsv").write_text("".join(questions), encoding="utf-8")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    assert " ".join(RATIOS) in LOOP
    loop = LOOP.replace(" ".join(RATIOS), " ".join(ratios))
    subprocess.run(["sh", "-ec", loop], cwd=folder, env={**os.environ, "PATH": path}, check=True)
    made = folder / "nq-cs"
    return {str(p.relative_to(made)): p.read_bytes() for p in sorted(made.rglob("queries*"))}


def texts(content):
    return dict(line.split("\t") for line in content.decode("utf-8").splitlines())


@pytest.fixture(scope="module")
def questions():
    return QUESTIONS.read_text(encoding="utf-8").splitlines(keepends=True)[:30]


@pytest.fixture(scope="module")
def made(tmp_path_factory, questions):
    return built(tmp_path_factory.mktemp("nq"), questions)


def test_every_set_is_there_and_rebuilt_byte_for_byte(tmp_path, made, questions):
    expected = {f"{ratio}/queries.{lang}.tsv" for ratio in RATIOS for lang in LANGUAGES}
    assert {name for name in made if not name.endswith(".meta.json")} == expected
    again = built(tmp_path / "again", questions, ["0.5"])
    assert again == {name: made[name] for name in made if name.startswith("0.5/")}


def test_the_order_of_the_questions_changes_no_question(made, questions):
    how = ["codeswitch", "--lexicon", "wiki", "--langs", "de,it,nl,ru,ar", "--ratio", "0.5"]
    turned = CliRunner().invoke(app, how, input="".join(questions[::-1])).stdout
    assert texts(turned.encode("utf-8")) == texts(made["0.5/queries.xxall.tsv"])


def test_the_sets_are_nested_and_all_is_more_than_some(made):
    english = dict(line.split("\t") for line in QUESTIONS.read_text("utf-8").splitlines())
    for lang in LANGUAGES:
        replaced = []
        for ratio in RATIOS:
            found = texts(made[f"{ratio}/queries.{lang}.tsv"])
            changed = {qid for qid, text in found.items() if text != english[qid]}
            assert not replaced or replaced[-1] <= changed
            replaced.append(changed)
        assert len(replaced[-1]) > len(replaced[0])
        counts = [
            json.loads(made[f"{ratio}/queries.{lang}.tsv.meta.json"])["counts"]["text"]["replaced"]
            for ratio in RATIOS
        ]
        assert counts == sorted(counts)


@pytest.mark.realdata
def test_the_real_questions_too(tmp_path, real_data):
    lines = (real_data / "nq" / "queries.en.tsv").read_text("utf-8").splitlines(keepends=True)
    first = built(tmp_path / "1", lines[:100], ["1.0"])
    assert built(tmp_path / "2", lines[:100], ["1.0"]) == first
    assert len(first) == 2 * len(LANGUAGES)  # and a sidecar for each

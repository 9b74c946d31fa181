"""The demo: its texts, its lexicon, its encoder, and a cut-down run of all of it."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cstool.lexicons import store

DEMO = Path(__file__).parent.parent / "examples/demo"
LANGUAGES = ("en", "de", "it", "nl", "ru", "ar")
SCRIPTS = dict.fromkeys(LANGUAGES, r"[a-z]{3}") | {"ru": r"[а-яё]{3}", "ar": r"[\u0621-\u064a]{3}"}
PARTS = {"test": (100, 200), "dev": (20, 40)}


def rows(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    texts = dict(line.split("\t") for line in lines)
    assert len(texts) == len(lines), path
    return texts


def texts(part: str, language: str = "en") -> dict[str, str]:
    suffix = "" if part == "train" else f".{language}"
    return {
        **rows(DEMO / f"data/{part}/queries{suffix}.tsv"),
        **rows(DEMO / f"data/{part}/passages{suffix}.tsv"),
    }


def sentences(text: str) -> set[str]:
    """Sentences of four words and more, as runs of lower-case words: punctuation may differ."""
    found = (re.findall(r"\w+", part) for part in re.split(r"[.!?:;]\s+", text.lower()))
    return {" ".join(words) for words in found if len(words) > 3}


def held_out() -> set[str]:
    return {
        sentence
        for part in PARTS
        for language in LANGUAGES
        for text in texts(part, language).values()
        for sentence in sentences(text)
    }


@pytest.mark.parametrize("part", PARTS)
def test_texts_are_parallel(part):
    passages, queries = PARTS[part]
    english = rows(DEMO / f"data/{part}/queries.en.tsv")
    lines = (DEMO / f"data/{part}/qrels.tsv").read_text(encoding="utf-8").splitlines()
    judged = [line.split("\t") for line in lines]
    assert [qid for qid, *_ in judged] == list(english)
    for language in LANGUAGES:
        asked = rows(DEMO / f"data/{part}/queries.{language}.tsv")
        found = rows(DEMO / f"data/{part}/passages.{language}.tsv")
        assert list(asked) == list(english)
        assert len(asked) == queries
        assert len(found) == passages
        assert {pid for _, _, pid, _ in judged} == set(found)
        for text in [*asked.values(), *found.values()]:
            assert re.search(SCRIPTS[language], text.lower()), text


def test_training_is_on_other_subjects():
    train = texts("train")
    assert len(rows(DEMO / "data/train/passages.tsv")) >= 400
    assert len(rows(DEMO / "data/train/queries.tsv")) >= 800

    def subjects(ids):
        return {re.sub(r"-\d+[a-z]?$", "", name) for name in ids}

    for part in PARTS:
        assert subjects(train).isdisjoint(subjects(texts(part)))
    assert not held_out() & {found for text in train.values() for found in sentences(text)}


def test_backbone_has_not_seen_the_test():
    ours = held_out()
    for path in (DEMO / "backbone/text").glob("*.txt"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert ours.isdisjoint(sentences(line))


@pytest.mark.realdata
def test_backbone_text_from_elsewhere_has_no_test_sentence(real_data):
    ours = held_out()
    for language in ("en", "de", "it", "nl", "ru"):
        with gzip.open(real_data / f"mono/{language}.txt.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                assert ours.isdisjoint(sentences(line)), line


def test_few_queries_are_answered_by_a_name_alone():
    passages = rows(DEMO / "data/test/passages.en.tsv")
    words = {pid: set(re.findall(r"\w+", text.lower())) for pid, text in passages.items()}
    all_text = "\n".join(passages.values())
    # Written with a capital or a digit within a sentence, and never otherwise.
    names = {name.lower() for name in re.findall(r"(?<=[a-z,] )(?:[A-Z]\w+|\d\w*)", all_text)}
    names -= set(re.findall(r"\b[a-z]\w+", all_text))
    given_away = 0
    for qid, query in rows(DEMO / "data/test/queries.en.tsv").items():
        asked = names & set(re.findall(r"\w+", query.lower()))
        holders = [[pid for pid, known in words.items() if name in known] for name in asked]
        given_away += [qid[:-1]] in holders
    assert 0 < given_away < len(passages) * 2 / 3


def test_lexicon_has_1500_entries_of_each_language():
    for language, path in store.pairs(store.find("wiki"), source="en").items():
        lines = path.read_text(encoding="utf-8").splitlines()
        sources = [line.split("\t")[0] for line in lines]
        assert len(set(sources)) == len(sources) >= 1500, language
        assert sum(2 <= len(source.split()) <= 4 for source in sources) >= 200


def test_backbone_is_small():
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModel, AutoTokenizer

    folder = DEMO / "backbone/model"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 16 * 2**20
    weights = load_file(folder / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert 2 <= model.config.num_hidden_layers <= 4
    assert len(tokenizer) == model.config.vocab_size
    for language in LANGUAGES:
        found = [
            token for text in texts("dev", language).values() for token in tokenizer.tokenize(text)
        ]
        assert found.count(tokenizer.unk_token) < len(found) / 1000


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    """A copy of the example, so that a test leaves nothing behind."""
    folder = tmp_path_factory.mktemp("examples") / "demo"
    shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("out*"))
    return folder


def run(demo: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the demo with a few steps and queries, as `make demo` does."""
    cut = {
        "SYSTEMS": "zero-shot ml-cs",
        "QUERIES": "(bees|bridge|moon|wolf)-1a",
        "EPOCHS": "0.01",
        "PRECISION": "fp32",
    }
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        [sys.executable, "demo.py", *arguments],
        cwd=demo,
        env={**os.environ, **cut, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_cut_down_demo_makes_everything(demo):
    result = run(demo)
    assert result.returncode == 0, result.stderr
    for system in ("zero-shot", "ml-cs", "translate-test"):
        found = {path.name for path in (demo / f"out/runs/{system}/1").glob("*.trec")}
        assert len(found) == 18
        assert {"en-en.trec", "de-ru.trec", "xx6-xx6.trec"} <= found
    assert len((demo / "out/test/bm25.trec").read_text().splitlines()) == 4 * 20
    cards = [
        json.loads((demo / f"out/models/{system}/1/cstool.json").read_text())["counts"]
        for system in ("zero-shot", "ml-cs")
    ]
    assert cards[0]["max_steps"] == cards[1]["max_steps"]
    assert cards[0]["examples"] == cards[1]["examples"]
    for told in ("MoIR", "CLIR", "MLIR", "chance", "first stage", "translate-test", "ml-cs", "[+",
                 "Well covered", "English entries", "cstool train"):  # fmt: skip
        assert told in result.stdout, told
    assert "<table" in (demo / "out/report.html").read_text(encoding="utf-8")
    assert "Warning" not in result.stdout + result.stderr
    assert "cstool: " in (demo / "out/demo.log").read_text()

    made = {path: path.stat().st_mtime_ns for path in (demo / "out").rglob("*") if path.is_file()}
    again = run(demo)
    assert again.returncode == 0
    assert again.stdout.endswith(result.stdout[result.stdout.index("──") :])
    assert made == {path: path.stat().st_mtime_ns for path in made}


def test_demo_that_fails_says_why(demo):
    (demo / "data/test/qrels.tsv").write_text("bees-1a 0 bees-1 much\n")
    os.utime(demo / "data/test/qrels.tsv")
    result = run(demo)
    assert result.returncode == 1
    assert "relevance is 'much', expected a whole number" in result.stderr
    assert "demo.log" in result.stderr

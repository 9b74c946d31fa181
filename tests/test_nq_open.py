"""The study of pre-training objectives, cut down: from texts to the tables."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
CUT = {
    "OBJECTIVES": "contrastive",
    "TEXTS": "cs",
    "FINETUNINGS": "ml-cs",
    "BASELINE": "none-then-ml-cs",
    "LANGS": "de",
    "EVERY": "20",
    "TOKENS": "3000",
    "STEPS": "2",
    "VOCABULARY": "1000",
}


@pytest.fixture
def example(tmp_path):
    for name in ("demo", "nq-open"):
        ignored = shutil.ignore_patterns("out*", "dev", "backbone", "__pycache__")
        shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=ignored)
    return tmp_path / "nq-open"


def make(folder, *targets, **variables):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["make", "--no-print-directory", "-C", folder, *targets],
        env={**os.environ, **variables, "PATH": path},
        **{"capture_output": True, "text": True, "check": False},
    )


def test_from_the_texts_to_the_tables(example):
    result = make(example, **CUT)
    assert result.returncode == 0, result.stderr
    out = example / "out-tiny"
    systems = ("none-then-ml-cs", "contrastive-cs-then-ml-cs")
    for told in (*systems, "chance", "oracle", "English", "switched", "translated"):
        assert told in result.stdout, told
    assert (out / "switched.html").exists()
    assert (out / "translated.html").exists()
    cards = [
        json.loads((out / f"encoders/{name}/1/cstool.json").read_bytes())
        for name in ("none", "contrastive-cs")
    ]
    assert [card["counts"]["tokens"] for card in cards] == [0, 3000]
    for system in systems:
        runs = {path.name for path in (out / f"runs/switched/{system}/1").glob("*.trec")}
        assert runs == {"en-en.trec", "xxde-en.trec", "xxall-en.trec"}
        runs = {path.name for path in (out / f"runs/translated/{system}/1").glob("*.trec")}
        assert runs == {"en-en.trec", "de-en.trec"}
    again = make(example, **CUT)
    assert "cstool" not in again.stdout, again.stdout


def examples(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def context(pid, text, title="T"):
    return {"title": title, "text": text, "score": 1, "title_score": 0, "passage_id": str(pid)}


def entry(question, answer, passages):
    gold, hard, other = passages
    return {
        "dataset": "nq",
        "question": question,
        "answers": [answer],
        "positive_ctxs": [gold],
        "hard_negative_ctxs": [hard],
        "negative_ctxs": [other, context(9, "the weather was fine that day")],
    }


TRAIN = [
    entry(
        "where is the house",
        "hill",
        [context(1, "the house is on the hill"), context(2, "a house"), context(3, "a river")],
    ),
    entry(
        "who asked for it",
        "nobody",
        [
            context(4, "In the end it was nobody who asked for it, they all said afterwards."),
            context(5, "they asked"),
            context(6, "a question"),
        ],
    ),
]
DEV = [
    entry(
        "who wanted the red book",
        "nobody",
        [
            context(7, "it was nobody who asked for it, they all said"),
            context(2, "a house"),
            context(3, "a river"),
        ],
    ),
    entry(
        "when was the war",
        "1914",
        [context(8, "it began in 1914"), context(2, "a house"), context(3, "a river")],
    ),
]
WAR = "when was the war"


def test_the_full_size_reads_the_files_of_the_hub(example, tmp_path):
    nq = tmp_path / "nq"
    (nq / "muse").mkdir(parents=True)

    def packed(name, text):
        (nq / name).write_bytes(gzip.compress(text.encode("utf-8")))

    packed("biencoder-nq-train.json.gz", json.dumps(TRAIN, indent=4))
    packed("biencoder-nq-dev.json.gz", json.dumps(DEV, indent=4))
    contexts = {c["passage_id"]: c for row in DEV for c in row["positive_ctxs"]}
    rows = [f'{pid}\t"{c["text"]}"\t{c["title"]}\n' for pid, c in contexts.items()]
    packed("psgs_w100.tsv.gz", "id\ttext\ttitle\n" + "".join(rows) + "99\tother\tT\n")
    queries = {"query": WAR, "queries": {"en": WAR, "de": "wann war der krieg"}, "answers": {}}
    packed("mkqa.jsonl.gz", json.dumps(queries) + "\n")
    (nq / "muse/en-de.txt").write_text("house haus\nwar krieg\nbook buch\n", encoding="utf-8")

    questions = ("switched/queries.xxde.tsv", "translated/queries.de.tsv")
    targets = ["data", *(f"out-full/test/{name}" for name in questions)]
    result = make(example, *targets, SIZE="full", NQ=str(nq), LANGS="de", TEST_RATIO="1")
    assert result.returncode == 0, result.stderr
    out = example / "out-full"

    def texts(name):
        return [line.split("\t")[1] for line in (out / name).read_text("utf-8").splitlines()]

    assert texts("test/switched/queries.en.tsv") == ["who wanted the red book", WAR]
    assert texts("test/switched/queries.xxde.tsv") == [
        "who wanted the red buch",
        "when was the krieg",
    ]
    assert texts("test/translated/queries.de.tsv") == ["wann war der krieg"]
    # The second training question has eight words in a row with a test paragraph: it is gone.
    assert "left out that share words" in result.stderr
    rows = examples(out / "train/english.jsonl")
    assert {row["query"] for row in rows} == {"where is the house"}
    assert [row["label"] for row in rows] == [1, 0, 0, 0]
    assert [row["label"] for row in examples(out / "text/en.jsonl")] == [1]


OVERLAP = [
    ("plain words that are nowhere else in the test", True),
    ("He said: ONE two, three four five six seven eight!", False),
    ("one two three four five six seven", True),
    ("Who is it?", False),
    ("who is it that came", True),
    ("id\tone two three four five six seven eight", False),
    ('{"qid": "a", "query": "x", "passage": "y"}', False),
    ('{"qid": "a", "query": "x", "passage": "0 one two three four five six seven eight"}', False),
    ('{"qid": "b", "query": "x", "passage": "y"}', True),
    ("", True),
]


def test_what_shares_words_with_the_test_is_left_out(tmp_path):
    held_out = tmp_path / "held-out.tsv"
    held_out.write_text("q1\twho is it\np1\tone two three four five six seven eight nine\nq2\t?\n")
    done = subprocess.run(
        [sys.executable, EXAMPLES / "nq-open/overlap.py", held_out],
        input="".join(f"{line}\n" for line, _ in OVERLAP),
        **{"capture_output": True, "text": True, "check": True},
    )
    assert done.stdout.splitlines() == [line for line, kept in OVERLAP if kept]
    assert done.stderr.startswith("5 lines left out"), done.stderr

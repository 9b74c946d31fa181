import gzip
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cstool import files
from cstool.cli import app

pytest.importorskip("fasttext")

SMALL = ["--dim", 20, "--epochs", 20, "--min-count", 2]


def words():
    """Invent sixty words."""
    draw = random.Random(1)
    syllables = [first + second for first in "bdfgklmnprst" for second in "aeiou"]
    return sorted({"".join(draw.choices(syllables, k=3)) for _ in range(60)})


ENGLISH = words()
SEEDS = ENGLISH[::2]


def foreign(word):
    return f"{word[::-1]}o"


def sentences(seed):
    """Draw sentences in which each word has its company: what vectors are made of."""
    draw = random.Random(seed)
    for _ in range(5000):
        start = draw.randrange(len(ENGLISH))
        yield [ENGLISH[(start + i) % len(ENGLISH)] for i in range(draw.randrange(5, 9))]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A folder with other texts in both languages and pairs of half of their words."""
    folder = tmp_path_factory.mktemp("text")
    files.write(folder / "en.txt.gz", map(" ".join, sentences(1)), str)
    translated = (map(foreign, sentence) for sentence in sentences(2))
    files.write(folder / "de.txt", map(" ".join, translated), str)
    files.write(folder / "seeds.txt", [f"{word} {foreign(word)}" for word in SEEDS], str)
    return folder


@pytest.fixture(autouse=True)
def folder(shared, monkeypatch):
    monkeypatch.chdir(shared)
    return shared


@pytest.fixture(scope="module")
def made(shared):
    """A lexicon made of them, with its vectors: what the command said."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(shared)
        return run("-o", "clwe")


def arguments(*more, source="en.txt.gz", target="de.txt", seeds="seeds.txt"):
    given = ["--source", source, "--target", target, "--seed-pairs", seeds, "--target-lang", "de"]
    return ["induce-lexicon", "text", *given, *map(str, [*SMALL, *more])]


def run(*more, expected=0, **named):
    result = CliRunner().invoke(app, arguments(*more, **named))
    assert result.exit_code == expected, result.output
    return result


def content(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_lexicon_that_codeswitch_can_use_and_vectors_that_are_kept(folder, made):
    assert made.stdout == ""
    names = ["de.vec", "en-de.tsv", "en.vec"]
    assert sorted(path.name for path in (folder / "clwe").iterdir()) == sorted(
        [*names, *(f"{name}.meta.json" for name in names)]
    )
    lines = (folder / "clwe" / "en-de.tsv").read_text(encoding="utf-8").splitlines()
    found = {}
    for source, target, _ in (line.split("\t") for line in lines):
        found.setdefault(source, target)
    assert found.keys() == set(ENGLISH)
    unseen = set(ENGLISH) - set(SEEDS)
    right = [word for word in unseen if found[word] == foreign(word)]
    assert len(right) >= len(unseen) / 2  # by chance one of sixty
    account = json.loads((folder / "clwe" / "en.vec.meta.json").read_bytes())
    assert account["settings"]["threads"] == 1
    assert [one["path"] for one in account["inputs"]] == ["seeds.txt", "en.txt.gz", "de.txt"]
    switched = CliRunner().invoke(
        app, ["codeswitch", "--lexicon", "clwe", "--ratio", "1"], input=f"q1\t{ENGLISH[0]}!\n"
    )
    assert switched.stdout == f"q1\t{found[ENGLISH[0]]}!\n"


def test_one_thread_gives_the_same_bytes_twice(folder, made):
    run("-o", "again")
    for name in ("en.vec", "de.vec", "en-de.tsv"):
        assert (folder / "again" / name).read_bytes() == (folder / "clwe" / name).read_bytes()


def test_kept_vectors_take_the_place_of_a_text_and_of_training(folder, made):
    run("-o", "third", "--vectors", "third/vectors", source="clwe/en.vec")
    lexicon = (folder / "clwe" / "en-de.tsv").read_bytes()
    assert (folder / "third" / "en-de.tsv").read_bytes() == lexicon
    assert [path.name for path in (folder / "third" / "vectors").glob("*.vec")] == ["de.vec"]


def test_the_vectors_make_the_same_lexicon_in_induce_lexicon_embeddings(folder, made):
    given = ["--source", "clwe/en.vec", "--target", "clwe/de.vec", "--seed-pairs", "seeds.txt"]
    given += ["--target-lang", "de", "-o", "fourth", "--no-cache"]
    result = CliRunner().invoke(app, ["induce-lexicon", "embeddings", *given])
    assert result.exit_code == 0, result.output
    lexicon = (folder / "clwe" / "en-de.tsv").read_bytes()
    assert (folder / "fourth" / "en-de.tsv").read_bytes() == lexicon


def test_words_that_are_the_same_can_be_the_seeds(folder):
    """A language that differs from English in every second word."""
    lines = (" ".join(foreign(w) if w not in SEEDS else w for w in s) for s in sentences(2))
    files.write(folder / "near.txt", lines, str)
    run("-o", "near", "--vectors", "near/v", seeds="identical", target="near.txt")
    (folder / "near.txt").unlink()
    lines = (folder / "near" / "en-de.tsv").read_text(encoding="utf-8").splitlines()
    best = {line.split("\t")[0]: line.split("\t")[1] for line in reversed(lines)}
    unseen = set(ENGLISH) - set(SEEDS)
    assert sum(best[word] == foreign(word) for word in unseen) >= len(unseen) / 2


def test_nothing_but_the_lexicon_is_on_standard_output(folder):
    """Below the interpreter too: fastText writes to the files that the system calls 1 and 2."""
    before = content(folder)
    cstool = Path(sys.executable).with_name("cstool")
    done = subprocess.run([cstool, *arguments("-o", "-")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert all(len(line.split("\t")) == 3 for line in lines)
    told = done.stderr.splitlines()
    assert told[0] == "cstool: 60 vectors from en.txt.gz"
    assert told[2].startswith(f"cstool: {len(lines)} entries for 60 sources, ")
    assert all(line.startswith("cstool: ") for line in told)
    assert content(folder) == before


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ({"source": "no.txt"}, "no.txt: no such file\n"),
        ({"target": "no.txt"}, "no.txt: no such file\n"),
        ({"seeds": "no.txt"}, "no.txt: no such file\n"),
        ({"source": "empty"}, "empty: none of its 0 words occurs 2 times\n"),
        ({"target": "rare.txt"}, "rare.txt: none of its 3 words occurs 2 times\n"),
        ({"target": "latin1.txt"}, "latin1.txt:1: byte 2 is 0xe4, expected UTF-8\n"),
        ({"source": "cut.txt.gz"}, "cut.txt.gz: Compressed file ended before "),
        ({"seeds": "empty"}, "no seed pair has both of its words among the vectors\n"),
        ({"seeds": "other.txt"}, "no seed pair has both of its words among the vectors\n"),
        ({"seeds": "wrong.txt"}, "wrong.txt:1: 'a b c', expected source<TAB>target or two words\n"),
        ({"source": "small.vec"}, "small.vec: has 3 dimensions, and --dim is 20\n"),
    ],
)
def test_wrong_input_is_one_sentence_and_nothing_is_written(folder, named, problem):
    (folder / "empty").touch()
    (folder / "rare.txt").write_text("eins zwei drei\n")
    (folder / "latin1.txt").write_bytes(b"h\xe4user\n")
    (folder / "cut.txt.gz").write_bytes(gzip.compress(b"the dog\n" * 99)[:-9])
    (folder / "other.txt").write_text("cat katze\n")
    (folder / "wrong.txt").write_text("a b c\n")
    (folder / "small.vec").write_text("1 3\nthe 1 2 3\n")
    before = content(folder)
    result = run("-o", "out", expected=1, **named)
    assert result.stdout == ""
    assert result.stderr.startswith(f"cstool: {problem}")
    assert result.stderr.count("\n") == 1
    assert content(folder) == before


def test_the_package_is_asked_for_before_any_work(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "fasttext", None)
    result = run("-o", "out", expected=1)
    assert result.stderr.endswith("pip install 'cstool[fasttext]'\n")
    assert result.stderr.count("\n") == 1
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--target-lang", "en"], "both languages are en"),
        (["--dim", 1], "'--dim': Input should be greater than"),
        (["-o", "en-de.tsv"], "expected a lexicon's folder"),
    ],
)
def test_wrong_options(more, problem):
    assert problem in " ".join(run(*more, expected=2).stderr.split())

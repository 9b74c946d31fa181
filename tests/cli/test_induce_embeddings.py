import gzip
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cstool.cli import app

N, DIMENSION = 80, 10


def invented(seed):
    """Invent words that look like those of no language."""
    draw = random.Random(seed)
    return list(dict.fromkeys("".join(draw.choices("bdfgklmnprstaeiou", k=7)) for _ in range(N)))


ENGLISH, GERMAN = invented(1), invented(2)
TRANSLATED = dict(zip(ENGLISH, GERMAN, strict=True))


def write(path, words, matrix):
    lines = [" ".join([word, *map(str, row)]) for word, row in zip(words, matrix, strict=True)]
    path.write_text("\n".join([f"{len(words)} {matrix.shape[1]}", *lines, ""]), encoding="utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with vectors of one language, the same turned round, and seed pairs of a half."""
    rng = np.random.default_rng(1)
    matrix = rng.standard_normal((N, DIMENSION)).round(4)
    turned = matrix @ np.linalg.qr(rng.standard_normal((DIMENSION, DIMENSION)))[0]
    write(tmp_path / "en.vec", ENGLISH, matrix)
    write(tmp_path / "de.vec", GERMAN, turned)
    seeds = "".join(f"{word} {TRANSLATED[word]}\n" for word in ENGLISH[::2])
    (tmp_path / "seeds.txt").write_text(seeds)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def arguments(*more, source="en.vec", target="de.vec", seeds="seeds.txt", lang="de"):
    given = ["--source", source, "--target", target, "--target-lang", lang, "--device", "cpu"]
    given += ["--seed-pairs", seeds] if seeds else []
    return ["induce-lexicon", "embeddings", *map(str, [*given, *more])]


def run(*more, expected=0, **named):
    result = CliRunner().invoke(app, arguments(*more, **named))
    assert result.exit_code == expected, result.output
    return result


def entries(result):
    return [tuple(line.split("\t")) for line in result.stdout.splitlines()]


def content(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_lexicon_that_codeswitch_can_use(folder):
    result = run("-o", "lexicons/clwe")
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"cstool: en.vec: {N} words of {DIMENSION} numbers; left out: nothing",
        f"cstool: de.vec: {N} words of {DIMENSION} numbers; left out: nothing",
        f"cstool: aligning by {N // 2} of {N // 2} pairs that both sides have",
        f"cstool: {3 * N} entries for {N} sources, 0 identical, 0 that no text can match; "
        "left out: nothing",
    ]
    lines = (folder / "lexicons/clwe/en-de.tsv").read_text(encoding="utf-8").splitlines()
    found = [line.split("\t") for line in lines]
    assert [row[0] for row in found] == [word for word in ENGLISH for _ in range(3)]
    assert {row[0]: row[1] for row in found[::3]} == TRANSLATED
    scores = np.array([float(row[2]) for row in found]).reshape(-1, 3)
    assert (scores[:, 0] >= scores[:, 1]).all()
    assert (scores[:, 1] >= scores[:, 2]).all()
    account = json.loads((folder / "lexicons/clwe/en-de.tsv.meta.json").read_bytes())
    assert account["counts"]["entries"] == 3 * N
    assert account["counts"]["seed_pairs"] == N // 2
    assert account["counts"]["vectors"]["en.vec"] == {
        "words": N,
        "dimension": DIMENSION,
        "left_out": {},
    }
    assert [one["path"] for one in account["inputs"]] == ["seeds.txt", "en.vec", "de.vec"]
    assert all(len(one["sha256"]) == 64 for one in account["inputs"])
    settings = account["settings"]
    assert (settings["align"], settings["neighbours"], settings["refine"]) == (
        "procrustes",
        "csls",
        0,
    )
    switched = CliRunner().invoke(
        app,
        ["codeswitch", "--lexicon", "clwe", "--ratio", "1"],
        input=f"q1\t{ENGLISH[1].upper()} 7!\n",
    )
    assert switched.stdout == f"q1\t{GERMAN[1].upper()} 7!\n"


def test_equal_input_makes_equal_bytes_with_the_cache_and_without(folder):
    one, again, without = (
        entries(run(*more)) for more in ([], [], ["--no-cache", "--chunk-bytes", 1])
    )
    assert [row[:2] for row in one] == [row[:2] for row in again] == [row[:2] for row in without]
    assert one == again


def test_the_paper_takes_the_nearest_neighbour_of_what_is_aligned_already(folder):
    found = entries(run("--preset", "paper", seeds=None, source="de.vec", lang="it"))
    assert [row[:2] for row in found] == [(word, word) for word in GERMAN]
    assert [float(row[2]) for row in found] == pytest.approx([1] * N)
    account = folder / "x" / "en-it.tsv.meta.json"
    run("--preset", "paper", "-o", "x", seeds=None, source="de.vec", lang="it")
    settings = json.loads(account.read_bytes())["settings"]
    assert (settings["align"], settings["neighbours"]) == ("none", "nn")
    assert (settings["max_words"], settings["max_translations"]) == (200_000, 1)
    assert (settings["mutual"], settings["min_score"], settings["normalize"]) == (
        False,
        None,
        ["unit"],
    )


def test_options_win_over_a_preset():
    more = ["--align", "procrustes", "--max-translations", 2, "--neighbours", "csls", "--mutual"]
    found = entries(run("--preset", "paper", *more))
    assert {source: target for source, target, _ in found} == TRANSLATED
    assert len(found) == N  # of two translations one alone can be mutual


def test_words_that_are_the_same_can_be_the_seeds(folder):
    text = (folder / "de.vec").read_text()
    for word in ENGLISH[::2]:
        text = text.replace(f"{TRANSLATED[word]} ", f"{word} ")
    (folder / "near.vec").write_text(text)
    result = run("--max-translations", 1, target="near.vec", seeds="identical")
    assert f"aligning by {N // 2} words that both sides have" in result.stderr
    found = {source: target for source, target, _ in entries(result)}
    assert found == {
        word: word if number % 2 == 0 else TRANSLATED[word] for number, word in enumerate(ENGLISH)
    }
    dropped = run("--drop-identical", target="near.vec", seeds="identical")
    assert not any(source == target for source, target, _ in entries(dropped))
    assert f"{N // 2} identical" in dropped.stderr.partition("left out: ")[2]


def test_only_the_words_of_a_vocabulary_are_translated(folder):
    example = {"qid": 1, "query": ENGLISH[3], "pid": 2, "passage": ENGLISH[5].upper(), "label": 1}
    (folder / "train.jsonl").write_text(json.dumps(example) + "\n")
    (folder / "words.txt").write_text(f"{ENGLISH[0]}\n")
    every = entries(run())
    result = run("--vocabulary", "train.jsonl", "--vocabulary", "words.txt")
    wanted = {ENGLISH[0], ENGLISH[3], ENGLISH[5]}
    found = entries(result)
    assert [row[:2] for row in found] == [row[:2] for row in every if row[0] in wanted]
    assert f"left out: {N - 3} not in the vocabulary" in result.stderr
    (folder / "words.txt").write_text("nothing of it\n")
    result = run("--vocabulary", "words.txt", "-o", "x", expected=1)
    assert f"no entry to write for de; left out: {N} not in the vocabulary" in result.stderr


def test_filters_are_counted():
    result = run("--mutual", "--min-margin", "0.1", "--max-rank-ratio", "1.5", "--min-score", "0")
    left_out = result.stderr.splitlines()[-1].partition("left out: ")[2]
    counts = {
        reason: int(count) for count, reason in (p.split(" ", 1) for p in left_out.split(", "))
    }
    assert counts.keys() <= {
        *("not mutual", "below the margin", "below the score", "of another frequency")
    }
    assert sum(counts.values()) + len(entries(result)) == 3 * N


def test_only_the_first_words_of_the_files_are_read():
    result = run("--max-words", 30)
    assert {row[0] for row in entries(result)} == set(ENGLISH[:30])
    assert {row[1] for row in entries(result)} <= set(GERMAN[:30])
    assert "aligning by 15 of 40 pairs" in result.stderr


def test_the_rest_of_a_dirty_file_is_used_and_its_lines_are_named(folder):
    lines = (folder / "en.vec").read_bytes().splitlines()
    lines[3:3] = [b"bad\xff" + b" 1" * DIMENSION, b"nan" + b" nan" * DIMENSION, lines[1]]
    lines[0] = b"%d %d" % (N + 3, DIMENSION)
    (folder / "dirty.vec").write_bytes(b"\n".join(lines) + b"\n")
    result = run("--max-translations", 1, source="dirty.vec")
    assert {source: target for source, target, _ in entries(result)} == TRANSLATED
    assert (
        f"dirty.vec: {N} words of {DIMENSION} numbers; left out: "
        "1 not finite (line 5), 1 not in UTF-8 (line 4), 1 repeated (line 6)\n"
    ) in result.stderr


# The cache


def test_what_was_read_is_kept_and_can_lie_elsewhere_or_nowhere(folder):
    run("--no-cache")
    assert not (folder / "cache").exists()
    run("--cache", "here")
    assert {path.suffix for path in (folder / "here").iterdir()} == {".npy", ".json"}
    assert not (folder / "cache").exists()
    run()
    kept = content(folder / "cache" / "cstool" / "vectors")
    assert len(kept) == 6
    assert not any(b"pickle" in data or data[:1] == b"\x80" for data in kept.values())
    run()
    assert content(folder / "cache" / "cstool" / "vectors") == kept
    (folder / "full").write_text("no folder")
    result = run("--cache", "full")
    assert result.stderr.count("the vectors are not kept") == 2
    assert len(entries(result)) == 3 * N


def test_packed_files_and_files_without_a_first_line(folder):
    every = entries(run())
    content = (folder / "en.vec").read_bytes().partition(b"\n")[2]
    (folder / "en.vec.gz").write_bytes(gzip.compress(content))
    assert entries(run(source="en.vec.gz")) == every


def test_source_vectors_from_standard_input(folder):
    every = entries(run())
    text = (folder / "en.vec").read_text()
    result = CliRunner().invoke(app, arguments(source="-"), input=text)
    assert result.exit_code == 0, result.output
    assert entries(result) == every


# What is strange


def test_one_language_twice_is_told(folder):
    result = run(target="en.vec", seeds="identical")
    assert f"warning: {N} words are in both files: is it one language twice?" in result.stderr
    assert "warning: en-de: 100% of the pairs have the same word" in run(
        "--max-translations", 1, target="en.vec", seeds="identical"
    ).stderr.replace("\n", " ")


def test_swapped_languages_are_told(folder):
    russian = {
        word: word.translate(str.maketrans("aeioubdfgklmnprst", "аеиоубдфгклмнпрст"))
        for word in GERMAN
    }
    text = (folder / "de.vec").read_text()
    for word, other in russian.items():
        text = text.replace(f"{word} ", f"{other} ")
    (folder / "ru.vec").write_text(text, encoding="utf-8")
    pairs = "".join(f"{word} {russian[TRANSLATED[word]]}\n" for word in ENGLISH)
    (folder / "en-ru.txt").write_text(pairs, encoding="utf-8")
    fine = run(source="en.vec", target="ru.vec", seeds="en-ru.txt", lang="ru")
    assert "warning" not in fine.stderr
    pairs = "".join(f"{pair.split()[1]} {pair.split()[0]}\n" for pair in pairs.splitlines())
    (folder / "ru-en.txt").write_text(pairs, encoding="utf-8")
    given = {"source": "ru.vec", "target": "en.vec", "lang": "ru"}
    told = "warning: en-ru: the sources look like ru, the targets like en: swapped?"
    assert told in run(seeds="ru-en.txt", **given).stderr
    before = content(folder)
    result = run("-o", "x", expected=1, seeds="en-ru.txt", **given)
    assert result.stderr.splitlines()[-1] == (
        "cstool: no seed pair has both of its words among the vectors; "
        f"{N} would the other way round: are the languages swapped?"
    )
    assert content(folder) == before
    (folder / "both.txt").write_text(f"{russian[GERMAN[0]]} {ENGLISH[0]}\n" + pairs.splitlines()[0])
    with (folder / "both.txt").open("a", encoding="utf-8") as out:
        out.writelines(f"\n{word} {russian[TRANSLATED[word]]}" for word in ENGLISH)
    result = run(seeds="both.txt", **given)
    assert f"warning: 1 seed pairs have both words among the vectors, {N} would" in result.stderr


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ({"source": "no.vec"}, "no.vec: no such file"),
        ({"target": "no.vec"}, "no.vec: no such file"),
        ({"seeds": "no.txt"}, "no.txt: no such file"),
        ({"source": "empty"}, "empty: is empty, expected word vectors"),
        ({"seeds": "empty"}, "no seed pair has both of its words among the vectors"),
        ({"source": "cut.vec"}, f"cut.vec: ends after 19 words, its first line says {N}"),
        ({"source": "cut.vec.gz"}, "cut.vec.gz: Compressed file ended before"),
        ({"target": "packed.vec"}, "packed.vec: is packed by gzip, expected a name that ends in"),
        ({"source": "seeds.txt"}, "seeds.txt: expected word vectors"),
        ({"target": "short.vec"}, f"vectors of {DIMENSION} and 3 dimensions, expected the same"),
        ({"seeds": "wrong.txt"}, "wrong.txt:1: 'a b c', expected source<TAB>target or two"),
        ({"source": "folder"}, "folder: is a folder, expected a file"),
    ],
)
def test_wrong_input_is_one_sentence_and_nothing_is_written(folder, named, problem):
    whole = (folder / "en.vec").read_bytes()
    (folder / "empty").touch()
    (folder / "cut.vec").write_bytes(b"".join(whole.splitlines(keepends=True)[:20]))
    (folder / "cut.vec.gz").write_bytes(gzip.compress(whole)[:-9])
    (folder / "packed.vec").write_bytes(gzip.compress(whole))
    (folder / "short.vec").write_text("".join(f"{word} 1 2 3\n" for word in GERMAN))
    (folder / "wrong.txt").write_text("a b c\n")
    (folder / "folder").mkdir()
    before = content(folder)
    result = run("-o", "out", "--no-cache", expected=1, **named)
    assert result.stdout == ""
    *said, last = result.stderr.splitlines()
    assert last.startswith(f"cstool: {problem}")
    assert all(" words of " in line or "aligning by" in line for line in said)
    assert content(folder) == before


@pytest.mark.parametrize(
    ("more", "named", "problem"),
    [
        (
            [],
            {"seeds": None},
            "--align procrustes needs --seed-pairs FILE or identical; vectors that",
        ),
        (["--align", "none"], {}, "--seed-pairs goes with --align procrustes or rcsls"),
        (["--preset", "paper"], {}, "--seed-pairs goes with --align procrustes or rcsls"),
        (
            ["--preset", "paper", "--refine", 2],
            {"seeds": None},
            "--refine goes with --align procrustes or rcsls",
        ),
        (["--cache", "x", "--no-cache"], {}, "--cache and --no-cache: expected one of them"),
        (["--normalize", "unit,centre"], {}, "'centre' is no step; there are unit and center"),
        ([], {"lang": "en"}, "both languages are en"),
        ([], {"lang": "de,ru"}, "expected one language"),
        (["-o", "en-de.tsv"], {}, "expected a lexicon's folder"),
        (["--max-rank-ratio", "0.5"], {}, "Input should be greater than or equal to 1"),
        (["--max-translations", "0"], {}, "Input should be greater than or equal to 1"),
        (["--neighbours", "knn"], {}, "'knn' is not one of"),
        (["--min-score", "nan"], {}, "expected a finite number"),
    ],
)
def test_wrong_options(more, named, problem):
    assert problem in " ".join(run(*more, expected=2, **named).stderr.split())


def test_a_full_disk_leaves_the_lexicon_of_before(folder):
    run("-o", "x", "--max-translations", 1)
    before = content(folder)
    cstool = Path(sys.executable).with_name("cstool")
    call = [str(cstool), *arguments("-o", "x", "--no-cache", "--max-translations", 80)]
    script = 'trap "" XFSZ; ulimit -f 8; exec "$@"'
    done = subprocess.run(["bash", "-c", script, "-", *call], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "cstool: x/en-de.tsv: File too large"
    assert content(folder) == before


def test_a_reader_that_has_had_enough():
    cstool = Path(sys.executable).with_name("cstool")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([cstool, *arguments()], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert done.returncode == 141
    assert "Traceback" not in done.stderr

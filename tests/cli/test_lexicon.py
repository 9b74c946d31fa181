import gzip
import hashlib
import json

import pytest
from typer.testing import CliRunner

from cstool.cli import app
from cstool.lexicons import store

ENGLISH = {
    "muse/en-de.tsv": "house\thaus\t1\nhouse\theim\t0.5\nred\trot\t1\nradio\tradio\t1\n",
    "muse/en-ru.tsv": "house\tдом\t1\n9/11\t11 сентября\t1\n",
    "titles/en-de.tsv": "House\tHaus\nHouse music\tHouse-Musik\nNew York\tNew York\n",
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder to work in, with the lexicons `muse` and `titles`."""
    for name, lines in ENGLISH.items():
        path = tmp_path / "lexicons" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(lines, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CSTOOL_HOME", raising=False)
    return tmp_path


def run(*args, expected=0, **how):
    result = CliRunner().invoke(app, ["lexicon", *map(str, args)], **how)
    assert result.exit_code == expected, result.output
    return result


def table(text):
    """Read a table drawn for a screen: the cells of its rows, without the line below the header."""
    header, _, *rows = text.splitlines()
    return [row.split() for row in [header, *rows]]


def content(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# Looking


def test_list_names_what_is_there_in_the_order_in_which_it_is_found(folder, monkeypatch):
    home = folder / "home" / "lexicons" / "muse"
    home.mkdir(parents=True)
    (home / "en-de.tsv.gz").write_bytes(gzip.compress(b"house\thaus\n"))
    (folder / "lexicons" / "notes").mkdir()
    monkeypatch.setenv("CSTOOL_HOME", str(folder / "home"))
    result = run("list", "--format", "tsv")
    header, *rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert header == ["lexicon", "source", "target", "entries", "digest", "folder"]
    digest = hashlib.sha256(ENGLISH["muse/en-de.tsv"].encode()).hexdigest()[:12]
    assert rows[0] == ["muse", "en", "de", "4", digest, "lexicons/muse"]
    assert [row[:4] for row in rows[1:4]] == [
        ["muse", "en", "ru", "2"],
        ["titles", "en", "de", "3"],
        ["muse", "en", "de", "1"],
    ]
    assert rows[3][5] == str(home)
    assert {tuple(row[:2]) for row in rows[4:]} == {("wiki", "en")}
    assert {row[3] for row in rows[4:]} == {"3112"}
    assert result.stderr == (
        f"cstool: warning: {home}: --lexicon muse means another one, listed before it\n"
        "cstool: lexicons: 3\n"
    )


def test_a_damaged_lexicon_does_not_hide_the_others(folder):
    (folder / "lexicons" / "titles" / "en-ar.tsv.gz").write_bytes(gzip.compress(b"a\tb\n")[:-9])
    result = run("list")
    assert ["titles", "en", "ar", "-", "-", "lexicons/titles"] in table(result.stdout)
    assert ["titles", "en", "de", "3"] in [row[:4] for row in table(result.stdout)]
    assert "cstool: warning: lexicons/titles/en-ar.tsv.gz: " in result.stderr


def test_show_gives_all_translations_and_the_phrases_that_begin_with_the_word():
    result = run("show", "HOUSE", "--lexicon", "muse")
    assert result.stderr == "cstool: 3 entries in lexicons/muse\n"
    assert table(result.stdout) == [
        ["source", "target", "entry", "translation", "score"],
        ["en", "de", "house", "haus", "1"],
        ["en", "de", "house", "heim", "0.5"],
        ["en", "ru", "house", "дом", "1"],
    ]
    result = run("show", "house", "--lexicon", "titles", "--format", "tsv")
    assert result.stdout.splitlines()[1:] == [
        "en\tde\tHouse\tHaus\t1",
        "en\tde\tHouse music\tHouse-Musik\t1",
    ]
    assert "New York" in run("show", "new-york", "--lexicon", "titles").stdout
    assert "сентября" in run("show", "9/11", "--lexicon", "muse").stdout


def test_show_looks_into_the_shipped_lexicon_unless_told_otherwise():
    assert ["en", "de", "time", "Zeit", "1"] in table(run("show", "time").stdout)


def test_show_fails_for_what_is_not_there():
    result = run("show", "hou", "--lexicon", "muse", expected=1)
    assert result.stdout == ""
    assert result.stderr == (
        "cstool: lexicons/muse: has no 'hou', and no phrase that begins with it\n"
    )


def test_stats():
    result = run("stats", "muse", "titles")
    cells = {line[:23].strip(): line[23:].split() for line in result.stdout.splitlines()}
    assert cells["lexicon"] == ["muse", "muse", "titles"]
    assert cells["target"] == ["de", "ru", "de"]
    assert cells["entries"] == ["4", "2", "3"]
    assert cells["sources"] == ["3", "2", "3"]
    assert cells["translations per source"] == ["1.33", "1.00", "1.00"]
    assert cells["most translations"] == ["2", "1", "1"]
    assert cells["of 2 words"] == ["0", "0", "2"]
    assert cells["identical"] == ["25.0%", "0.0%", "33.3%"]
    assert cells["unmatchable sources"] == ["0", "1", "0"]
    assert cells["Cyrillic"] == ["0.0%", "100.0%", "0.0%"]
    lines = run("stats", "lexicons/muse/en-de.tsv", "--format", "tsv").stdout.splitlines()
    assert lines[1].split("\t")[:5] == ["lexicons/muse/en-de.tsv", "en", "de", "4", "3"]
    assert run("stats", "muse", "--format", "markdown").stdout.startswith("| lexicon | muse | muse")


# Measuring

GOLD = "house haus\nhouse gebäude\nred blutrot\nradio Radio\nsea meer\nsea see\n"


def measured(result):
    rows = [line.split("\t") for line in result.stdout.splitlines()[1:]]
    return {tuple(row[:3]): (row[3], *map(int, row[6:])) for row in rows}


def test_evaluate(folder):
    (folder / "gold.txt").write_text(GOLD, encoding="utf-8")
    args = ["evaluate", "gold.txt", "muse", "titles", "--target-lang", "de"]
    found = measured(run(*args, "--format", "tsv"))
    assert found["muse", "all", "coverage"] == ("0.750000", 3, 4)
    assert found["muse", "covered", "precision@1"] == ("0.666667", 2, 3)
    assert found["muse", "all", "precision@10"] == ("0.500000", 2, 4)
    assert found["titles", "covered", "precision@1"] == ("1.000000", 1, 1)
    result = run(*args)
    assert result.stderr == "cstool: 4 source words of gold.txt count\n"
    # Wilson's interval of 3 of 4, worked out with R: prop.test(3, 4, correct = FALSE)
    assert "coverage      all      0.750 [0.301, 0.954]" in result.stdout
    found = measured(run(*args, "--exclude", "lexicons/titles/en-de.tsv", "--format", "tsv"))
    assert found["muse", "all", "coverage"] == ("0.666667", 2, 3)


def test_evaluate_takes_a_lexicon_the_other_way_round(folder):
    (folder / "gold.txt").write_text("haus house\n", encoding="utf-8")
    args = ["gold.txt", "muse", "--source-lang", "de", "--target-lang", "en", "--format", "tsv"]
    assert measured(run("evaluate", *args))["muse", "covered", "precision@1"][1:] == (1, 1)


def test_evaluate_writes_a_sidecar(folder):
    (folder / "gold.txt").write_text(GOLD, encoding="utf-8")
    args = ["gold.txt", "muse", "--target-lang", "de", "--exclude", "gold2.txt", "-o", "out.md"]
    (folder / "gold2.txt").write_text("sea meer\n", encoding="utf-8")
    assert run("evaluate", *args).stdout == ""
    assert (folder / "out.md").read_text(encoding="utf-8").startswith("|  | of | muse |\n")
    account = json.loads((folder / "out.md.meta.json").read_bytes())
    assert account["counts"] == {"gold_sources": 3, "excluded_sources": 1}
    assert [one["path"] for one in account["inputs"]] == [
        "gold2.txt",
        "gold.txt",
        "lexicons/muse/en-de.tsv",
    ]


# Making


def test_merge_makes_a_lexicon_that_codeswitch_can_use(folder):
    result = run("merge", "titles=3", "muse", "-o", "lexicons/both")
    assert result.stdout == ""
    assert result.stderr == "cstool: lexicons/both: 6 en-de, 2 en-ru\n"
    assert (folder / "lexicons" / "both" / "en-de.tsv").read_text(encoding="utf-8") == (
        "House\tHaus\t1\nHouse\theim\t0.125\nHouse music\tHouse-Musik\t0.75\n"
        "New York\tNew York\t0.75\nred\trot\t0.25\nradio\tradio\t0.25\n"
    )
    account = json.loads((folder / "lexicons" / "both" / "en-ru.tsv.meta.json").read_bytes())
    assert account["counts"] == {"entries": {"en-de": 6, "en-ru": 2}}
    assert [one["lines"] for one in account["inputs"]] == [3, 4, 2]
    switched = CliRunner().invoke(
        app,
        ["codeswitch", "--lexicon", "both", "--langs", "de", "--ratio", "1"],
        input="q1\tred house\n",
    )
    assert switched.stdout == "q1\trot Haus\n"


def test_merge_by_intersection_and_by_priority(folder):
    run("merge", "muse", "titles", "--how", "intersection", "-o", "i")
    assert sorted(path.name for path in (folder / "i").iterdir()) == [
        "en-de.tsv",
        "en-de.tsv.meta.json",
    ]
    assert (folder / "i" / "en-de.tsv").read_text(encoding="utf-8") == "house\thaus\t1\n"
    run("merge", "muse", "titles", "--how", "priority", "-o", "p")
    assert (folder / "p" / "en-de.tsv").read_text(encoding="utf-8").splitlines()[:3] == [
        "house\thaus\t1",
        "house\theim\t0.5",
        "red\trot\t1",
    ]


def test_a_lexicon_whose_path_ends_like_a_weight(folder):
    (folder / "lexicons" / "titles").rename(folder / "lexicons" / "lr=2")
    run("merge", "muse", "lr=2=1", "-o", "x", "--how", "intersection")
    assert (folder / "x" / "en-de.tsv").exists()


def test_invert_puts_the_first_source_first(folder):
    (folder / "lexicons" / "muse" / "en-ru.tsv").write_text(
        "house\tдом\t0.2\nhome\tдом\t1\nhouse\tдомик\t0.1\n", encoding="utf-8"
    )
    result = run("invert", "muse", "-o", "lexicons/muse")
    assert result.stderr == (
        "cstool: lexicons/muse: 4 de-en, 3 ru-en; beside en-de, en-ru from before\n"
    )
    assert (folder / "lexicons" / "muse" / "ru-en.tsv").read_text(encoding="utf-8") == (
        "дом\thouse\t1\nдом\thome\t0.5\nдомик\thouse\t1\n"
    )
    translated = CliRunner().invoke(
        app, ["translate", "--lexicon", "muse", "--source-lang", "ru"], input="1\tдом\n"
    )
    assert translated.stdout == "1\thouse\n"


def test_restrict(folder):
    (folder / "texts.tsv").write_text("q1\tThe RED house\n", encoding="utf-8")
    result = run("restrict", "muse", "--vocabulary", "texts.tsv", "-o", "r", "--langs", "de")
    assert result.stderr == "cstool: r: 3 en-de; left out: 1 not in the vocabulary\n"
    assert (folder / "r" / "en-de.tsv").read_text(encoding="utf-8") == (
        "house\thaus\t1\nhouse\theim\t0.5\nred\trot\t1\n"
    )
    result = run("restrict", "muse", "--max-translations", 1, "--min-score", 0.5, "-o", "s")
    assert result.stderr == "cstool: s: 3 en-de, 2 en-ru; left out: 1 beyond the best\n"
    result = run("restrict", "muse", "--vocabulary", "-", "-o", "t", input="radio\nred\n")
    assert "no entry is left for en-ru: it has no file" in result.stderr
    assert [path.name for path in sorted((folder / "t").iterdir())] == [
        "en-de.tsv",
        "en-de.tsv.meta.json",
    ]


def test_a_lexicon_can_be_restricted_in_place(folder):
    run("restrict", "muse", "--max-translations", 1, "-o", "lexicons/muse")
    assert (folder / "lexicons" / "muse" / "en-de.tsv").read_text(encoding="utf-8") == (
        "house\thaus\t1\nred\trot\t1\nradio\tradio\t1\n"
    )


def test_equal_input_makes_equal_bytes(folder):
    for name in ("x", "y"):
        run("merge", "muse", "titles", "-o", name)
    x, y = (sorted((folder / name).glob("*.tsv")) for name in ("x", "y"))
    assert [path.read_bytes() for path in x] == [path.read_bytes() for path in y]


# Mistakes


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["show", "x", "--lexicon", "no"], "no lexicon no: looked at no, lexicons/no, "),
        (["stats", "gold.txt"], "gold.txt: is no file such as en-de.tsv\n"),
        (["stats", "broken"], "lexicons/broken/en-it.tsv:2: 1 tab-separated fields, expected "),
        (["merge", "muse", "broken", "-o", "out"], "lexicons/broken/en-it.tsv:2: "),
        (["merge", "broken", "muse", "--how", "priority", "-o", "out"], "lexicons/broken/en-it."),
        (["merge", "broken", "titles", "--how", "intersection", "-o", "out"], "no pair of langu"),
        (["invert", "broken", "-o", "out"], "lexicons/broken/en-it.tsv:2: "),
        (["invert", "muse", "-o", "gold.txt/x"], "gold.txt/x/en-de.tsv: cannot be written, "),
        (["restrict", "muse", "--langs", "fr", "-o", "out"], "lexicons/muse: has no translations "),
        (["restrict", "muse", "--min-score", "2", "-o", "out"], "no entry is left: nothing wri"),
        (["restrict", "muse", "--vocabulary", "no.txt", "-o", "out"], "no.txt: no such file\n"),
        (["restrict", "muse", "--vocabulary", "empty", "-o", "out"], "no entry is left: nothing"),
        (["evaluate", "no.txt", "muse", "--target-lang", "de"], "no.txt: no such file\n"),
        (["evaluate", "empty", "muse", "--target-lang", "de"], "empty: has no word to measure "),
        (["evaluate", "gold.txt", "muse", "--target-lang", "de", "--exclude", "gold.txt"], "gold"),
        (["evaluate", "gold.txt", "muse", "--target-lang", "it"], "lexicons/muse: holds no file "),
        (["evaluate", "lexicons/broken/en-it.tsv", "muse", "--target-lang", "de"], "lexicons/brok"),
    ],
)
def test_wrong_input_is_one_sentence_and_nothing_is_written(folder, args, problem):
    (folder / "gold.txt").write_text(GOLD, encoding="utf-8")
    (folder / "empty").touch()
    broken = folder / "lexicons" / "broken"
    broken.mkdir()
    (broken / "en-it.tsv").write_text("house\tcasa\nred\n", encoding="utf-8")
    before = content(folder)
    result = run(*args, expected=1)
    assert result.stdout == ""
    assert result.stderr.startswith(f"cstool: {problem}")
    assert result.stderr.count("\n") == 1
    assert content(folder) == before
    assert not (folder / "out").exists()


def test_a_full_disk_leaves_the_lexicon_of_before(folder):
    """The last of two files cannot be written: the first one must not be there either."""
    run("merge", "muse", "titles", "-o", "out")
    (folder / "out" / "en-ru.tsv").unlink()
    (folder / "out" / "en-ru.tsv").symlink_to("/dev/full")
    before = content(folder)
    result = run("restrict", "muse", "--max-translations", 1, "-o", "out", expected=1)
    assert result.stderr == "cstool: out/en-ru.tsv: No space left on device\n"
    assert content(folder) == before


def test_a_packed_file_is_not_joined_by_an_unpacked_one(folder):
    (folder / "out").mkdir()
    (folder / "out" / "en-ru.tsv.gz").write_bytes(gzip.compress(b"a\tb\n"))
    result = run("merge", "muse", "titles", "-o", "out", expected=1)
    assert result.stderr.startswith("cstool: out/en-ru.tsv.gz: is there already, ")
    assert [path.name for path in (folder / "out").iterdir()] == ["en-ru.tsv.gz"]


def test_wrong_lines_can_be_kept_aside(folder):
    path = folder / "lexicons" / "muse" / "en-de.tsv"
    path.write_text("house haus\nred\trot\n", encoding="utf-8")
    run("invert", path, "-o", "out", "--on-error", "skip", "--rejects", "bad.txt")
    assert (folder / "out" / "de-en.tsv").read_text(encoding="utf-8") == "rot\tred\t1\n"
    assert (folder / "bad.txt").read_text(encoding="utf-8") == "house haus\n"


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["merge", "muse", "-o", "out"], "expected two lexicons or more"),
        (["merge", "muse=0", "titles", "-o", "out"], "a weight is 0, expected more"),
        (["merge", "muse=2", "titles", "--how", "priority", "-o", "out"], "takes no weights"),
        (["merge", "muse", "titles"], "Missing option '--output'"),
        (["invert", "muse", "-o", "-"], "expected the folder of a lexicon"),
        (["invert", "muse", "-o", "en-de.tsv"], "expected the folder of a lexicon"),
        (["restrict", "muse", "-o", "out", "--langs", "German"], "'German' is no language code"),
        (["evaluate", "gold.txt", "muse"], "Missing option '--target-lang'"),
    ],
)
def test_wrong_options(folder, args, problem):
    result = run(*args, expected=2)
    assert problem in " ".join(result.stderr.split())
    assert not (folder / "out").exists()


@pytest.mark.realdata
def test_the_shipped_lexicon_against_a_gold_dictionary(real_data):
    gold = real_data / "dictionaries" / "muse" / "en-de.txt.gz"
    pairs = gzip.decompress(gold.read_bytes()).decode().casefold().splitlines()
    lines = (store.SHIPPED / "wiki" / "en-de.tsv").read_text("utf-8").casefold().splitlines()
    best = dict(line.split("\t")[:2] for line in lines)
    sources = {pair.split()[0] for pair in pairs}
    hits = {source for source, target in map(str.split, pairs) if best.get(source) == target}
    found = measured(run("evaluate", gold, "wiki", "--target-lang", "de", "--format", "tsv"))
    assert found["wiki", "all", "coverage"][1:] == (len(best.keys() & sources), len(sources))
    assert found["wiki", "all", "precision@1"][1:] == (len(hits), len(sources))

import gzip
import json

import pytest
from typer.testing import CliRunner

from cstool.cli import app

GERMAN = "q1\tWie viele Häuser?\nq2\tein ROTES haus\n"
ENGLISH = "q1\tHow many Häuser?\nq2\tein RED house\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder to work in, with a lexicon `mini` and German queries."""
    lexicon = tmp_path / "lexicons" / "mini"
    lexicon.mkdir(parents=True)
    (lexicon / "en-de.tsv").write_text(
        "house\tHaus\t0.5\nhome\tHaus\t1\nred\trotes\nhow many\twie viele\n", encoding="utf-8"
    )
    (tmp_path / "q.de.tsv").write_text(GERMAN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args, lexicon="mini", stdin=None, expected=0):
    args = ["translate", "--lexicon", lexicon, "--source-lang", "de", *args]
    result = CliRunner().invoke(app, args, input=stdin)
    assert result.exit_code == expected, result.output
    return result


def test_an_inverted_lexicon():
    result = run("q.de.tsv")
    assert result.stdout == ENGLISH
    assert result.stderr == "cstool: 2 texts; translated 4 of 6 words\n"


def test_a_lexicon_for_the_direction_goes_before_an_inverted_one(folder):
    (folder / "lexicons" / "mini" / "de-en.tsv").write_text("haus\tbuilding\n", encoding="utf-8")
    assert run(stdin="1\tHaus rotes\n").stdout == "1\tBuilding rotes\n"


def test_one_file_and_another_language(folder):
    file = "lexicons/mini/en-de.tsv"
    assert run(lexicon=file, stdin="1\tHaus\n").stdout == "1\tHouse\n"
    result = run("--source-lang", "en", "--target-lang", "de", lexicon=file, stdin="1\tred home\n")
    assert result.stdout == "1\trotes Haus\n"


def test_the_shipped_lexicon():
    assert run(lexicon="wiki", stdin="1\tHaus\n").stdout == "1\tHouse\n"


def test_an_empty_input_is_no_mistake():
    result = run(stdin="")
    assert (result.stdout, result.stderr) == ("", "cstool: 0 texts; translated 0 of 0 words\n")


def test_texts_keep_their_form():
    lines = '1\trotes\trotes\n{"id":2,"contents":"rotes","n":1}\n'
    assert run(stdin=lines).stdout == '1\tred\tred\n{"id":"2","text":"red","n":1}\n'


def test_packed_files_the_same_bytes_and_the_account(folder):
    (folder / "q.tsv.gz").write_bytes(gzip.compress(GERMAN.encode()))
    for name in ("a.tsv.gz", "b.tsv.gz"):
        run("q.tsv.gz", "-o", name)
    assert gzip.decompress((folder / "a.tsv.gz").read_bytes()).decode() == ENGLISH
    assert (folder / "a.tsv.gz").read_bytes() == (folder / "b.tsv.gz").read_bytes()
    account = json.loads((folder / "a.tsv.gz.meta.json").read_bytes())
    assert account["counts"] == {
        "texts": 2,
        "words": 6,
        "translated": 4,
        "untranslated_share": 0.3333,
        "untranslated_words": {"ein": 1, "häuser": 1},
    }
    assert sorted(one["path"] for one in account["inputs"]) == [
        "lexicons/mini/en-de.tsv",
        "q.tsv.gz",
    ]


# Mistakes

EXAMPLE = '{"qid":"q1","query":"rotes","pid":"p1","passage":"Haus","label":1}\n'


@pytest.mark.parametrize(
    ("args", "stdin", "problem"),
    [
        ([], EXAMPLE, "-:1: keys 'qid, query, pid, passage, label', expected id and text (or "),
        ([], GERMAN + "q3\n", "-:3: 'q3', expected id<TAB>text or a JSON object\n"),
        (["no.tsv"], "", "no.tsv: no such file\n"),
        (
            ["--source-lang", "it"],
            GERMAN,
            "lexicons/mini: holds no file it-en.tsv or en-it.tsv; it has ",
        ),
        (["--lexicon", "maxi"], GERMAN, "no lexicon maxi: looked at maxi, lexicons/maxi, "),
        (["-o", "q.de.tsv/x"], GERMAN, "q.de.tsv/x: cannot be written, "),
    ],
)
def test_wrong_input_is_one_sentence_and_nothing_is_written(folder, args, stdin, problem):
    before = sorted(folder.rglob("*"))
    result = run("-o", "out.tsv", *args, stdin=stdin, expected=1)
    assert result.stderr.startswith(f"cstool: {problem}")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert sorted(folder.rglob("*")) == before


def test_a_bad_line_of_a_lexicon_is_named(folder):
    (folder / "lexicons" / "mini" / "en-de.tsv").write_text("house Haus\n", encoding="utf-8")
    result = run("q.de.tsv", expected=1)
    assert result.stderr.startswith("cstool: lexicons/mini/en-de.tsv:1: ")


def test_bad_lines_can_be_kept_aside(folder):
    rejects = ("--on-error", "skip", "--rejects", "bad.txt")
    assert run(*rejects, stdin=EXAMPLE + GERMAN).stdout == ENGLISH
    assert (folder / "bad.txt").read_text(encoding="utf-8") == EXAMPLE


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["--target-lang", "de"], "--source-lang and --target-lang are the same language"),
        (["--source-lang", "de,it"], "expected one language"),
        (["--target-lang", "English"], "'English' is no language code"),
    ],
)
def test_wrong_options(args, problem):
    result = run(*args, stdin=GERMAN, expected=2)
    assert problem in result.stderr
    assert result.stdout == ""


def test_the_language_of_the_texts_has_to_be_named():
    result = CliRunner().invoke(app, ["translate"], input=GERMAN)
    assert result.exit_code == 2
    assert "--source-lang" in result.stderr

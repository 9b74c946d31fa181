import gzip
import json

import pytest
from typer.testing import CliRunner

from cstool.cli import app

IDS = [f"q{number}" for number in range(40)]


def lines(language, ids=IDS):
    return "".join(f"{name}\t{name}\tin {language}\n" for name in ids)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder to work in, with the same queries in three languages."""
    for language in ("en", "de", "ru"):
        (tmp_path / f"q.{language}.tsv").write_text(lines(language), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args, pattern="q.{lang}.tsv", langs="en,de,ru", expected=0):
    result = CliRunner().invoke(app, ["mix", pattern, "--langs", langs, *args])
    assert result.exit_code == expected, result.output
    return result


def table(text):
    return [tuple(line.split("\t", 1)) for line in text.splitlines()]


def test_one_language_for_each_id(folder):
    result = run("--assignment", "languages.tsv")
    languages = table((folder / "languages.tsv").read_text(encoding="utf-8"))
    assert [name for name, _ in languages] == IDS
    assert {language for _, language in languages} == {"en", "de", "ru"}
    assert result.stdout == "".join(
        f"{name}\t{name}\tin {language}\n" for name, language in languages
    )


def test_the_papers_sets_have_names(folder):
    xx6 = ("en", "de", "it", "nl", "ru", "ar")
    xx14 = (*xx6, "fr", "id", "es", "pt", "zh", "vi", "ja", "hi")
    for name, languages in (("xx6", xx6), ("xx14", xx14)):
        for language in languages:
            (folder / f"q.{language}.tsv").write_text(lines(language), encoding="utf-8")
        assert run(langs=name).stdout == run(langs=",".join(languages)).stdout


def test_the_account(folder):
    result = run("-o", "q.xx3.tsv", "--assignment", "languages.tsv")
    assert result.stdout == ""
    languages = [language for _, language in table((folder / "languages.tsv").read_text())]
    counts = {language: languages.count(language) for language in ("en", "de", "ru")}
    account = json.loads((folder / "q.xx3.tsv.meta.json").read_bytes())
    assert account["counts"] == {"texts": 40, "by_language": counts}
    assert [one["path"] for one in account["inputs"]] == ["q.en.tsv", "q.de.tsv", "q.ru.tsv"]
    assert account == json.loads((folder / "languages.tsv.meta.json").read_bytes())
    shares = ", ".join(f"{count} {language}" for language, count in counts.items())
    assert result.stderr == f"cstool: 40 texts: {shares}\n"


def test_the_same_command_makes_the_same_bytes(folder):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        run("-o", f"{name}.out", "--seed", seed)
    first, again, other = ((folder / f"{name}.out").read_bytes() for name in "abc")
    assert first == again != other
    assert run(langs="ru,en,de").stdout.encode() == first


def test_the_first_language_gives_the_order(folder):
    (folder / "q.de.tsv").write_text(lines("de", IDS[::-1]), encoding="utf-8")
    straight, backward = run().stdout, run(langs="de,en,ru").stdout
    assert backward.splitlines() == straight.splitlines()[::-1]


def test_texts_keep_their_form(folder):
    (folder / "q.en.jsonl").write_text('{"id":1,"contents":"a\\nb","n":7}\n', encoding="utf-8")
    assert run(pattern="q.{lang}.jsonl", langs="en").stdout == '{"id":"1","text":"a\\nb","n":7}\n'


def test_packed_files_and_folders(folder):
    for language in ("en", "de"):
        (folder / language).mkdir()
        packed = gzip.compress(lines(language).encode())
        (folder / language / f"{language}.tsv.gz").write_bytes(packed)
    run("-o", "out.tsv.gz", pattern="{lang}/{lang}.tsv.gz", langs="en,de")
    expected = run(langs="en,de").stdout
    assert gzip.decompress((folder / "out.tsv.gz").read_bytes()).decode() == expected


def test_empty_files_are_no_mistake(folder):
    for language in ("en", "de"):
        (folder / f"q.{language}.tsv").write_bytes(b"")
    result = run(langs="en,de")
    assert (result.stdout, result.stderr) == ("", "cstool: 0 texts: 0 en, 0 de\n")


# Mistakes


@pytest.mark.parametrize(
    ("german", "problem"),
    [
        (lines("de", IDS[:-3]), "q.de.tsv: lacks id q37, which q.en.tsv has, and 2 more are missi"),
        (lines("de", [*IDS, "x"]), "q.en.tsv: lacks id x, which q.de.tsv has\n"),
        (lines("de", [*IDS, "q1"]), "q.de.tsv:41: id q1 comes a second time\n"),
        ("q0\n", "q.de.tsv:1: 'q0', expected id<TAB>text or a JSON object\n"),
        (None, "q.de.tsv: no such file\n"),
    ],
)
def test_wrong_input_is_one_sentence_and_nothing_is_written(folder, german, problem):
    (folder / "q.de.tsv").unlink()
    if german is not None:
        (folder / "q.de.tsv").write_text(german, encoding="utf-8")
    before = sorted(folder.rglob("*"))
    result = run("-o", "out.tsv", "--assignment", "languages.tsv", expected=1)
    assert result.stderr.startswith(f"cstool: {problem}")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert sorted(folder.rglob("*")) == before


def test_an_output_that_cannot_be_written_is_told_before_anything_is_read(folder):
    (folder / "q.de.tsv").write_bytes(b"wrong\n")
    result = run("-o", "out.tsv", "--assignment", "q.en.tsv/x", expected=1)
    assert result.stderr.startswith("cstool: q.en.tsv/x: cannot be written, ")


@pytest.mark.parametrize(
    ("args", "settings", "problem"),
    [
        ([], {"pattern": "q.en.tsv"}, "q.en.tsv: expected {lang} where the language stands"),
        ([], {"pattern": "-"}, "-: expected {lang} where the language stands"),
        ([], {"langs": "en,German"}, "'German' is no language code"),
        ([], {"langs": "en,de,en"}, "a language is named twice"),
        ([], {"langs": ""}, "--langs"),
        (["--seed", "x"], {}, "'--seed'"),
        (["--assignment", "-"], {}, "--output and --assignment are the same file"),
    ],
)
def test_wrong_options(args, settings, problem):
    result = run(*args, **settings, expected=2)
    assert problem in result.stderr
    assert result.stdout == ""


def test_languages_have_to_be_named():
    result = CliRunner().invoke(app, ["mix", "q.{lang}.tsv"])
    assert result.exit_code == 2
    assert "--langs" in result.stderr

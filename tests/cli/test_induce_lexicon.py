import json

import pytest
from typer.testing import CliRunner

from cstool.cli import app

MUSE = "the die\nthe der\nand und\nradio radio\nthe die\n"


def induce(*arguments, **how):
    return CliRunner().invoke(app, ["induce-lexicon", *map(str, arguments)], **how)


def test_a_dictionary_becomes_a_lexicon_that_codeswitch_can_use(tmp_path):
    source, lexicon = tmp_path / "en-de.txt", tmp_path / "lexicons" / "muse"
    source.write_text(MUSE, encoding="utf-8")
    result = induce("dictionary", source, "--target-lang", "de", "-o", lexicon)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == (
        "cstool: 4 entries for 3 sources, 1 identical, 0 that no text can match; "
        "left out: 1 repeated\n"
    )
    assert (lexicon / "en-de.tsv").read_text(encoding="utf-8") == (
        "the\tdie\t1\nthe\tder\t0.5\nand\tund\t1\nradio\tradio\t1\n"
    )
    account = json.loads((lexicon / "en-de.tsv.meta.json").read_text())
    assert account["command"] == "cstool induce-lexicon dictionary"
    assert account["counts"]["left_out"] == {"repeated": 1}
    switched = CliRunner().invoke(
        app,
        ["codeswitch", "--lexicon", str(lexicon), "--ratio", "1"],
        input="q1\tthe radio and more\n",
    )
    assert switched.stdout == "q1\tdie radio und more\n"


def test_a_dictionary_from_stdin_to_stdout():
    options = ["--target-lang", "de", "--max-translations", 1, "--drop-identical"]
    result = induce("dictionary", *options, input=MUSE)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "the\tdie\t1\nand\tund\t1\n"
    assert "left out: 1 beyond the best, 1 identical, 1 repeated" in result.stderr


def test_a_dictionary_in_tsv_keeps_its_phrases_and_ignores_further_columns():
    table = "machine learning\tmaschinelles Lernen\t12\n"
    result = induce("dictionary", "-", "--target-lang", "de", "-o", "-", input=table)
    assert result.stdout == "machine learning\tmaschinelles Lernen\t1\n"


@pytest.mark.parametrize(
    ("command", "text", "problem"),
    [
        ("dictionary", "the die\none\n", "-:2: 'one', expected source<TAB>target or two words"),
        ("titles", "Water\tWasser\nNew York\n", "-:2: 'New York', expected source<TAB>target"),
        ("dictionary", "", "no entry to write; left out: nothing"),
        ("titles", "1990\t1990\nThe\tDie\n", "no entry to write; left out: 1 stop word, 1 unm"),
    ],
)
def test_what_is_wrong_or_empty_is_told_and_nothing_written(tmp_path, command, text, problem):
    result = induce(command, "--target-lang", "de", "-o", tmp_path / "lexicon", input=text)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"cstool: {problem}")
    assert not (tmp_path / "lexicon").exists()


def test_titles(tmp_path):
    titles = (
        "War film\tCine bélico\tDBP-5L\n"
        "Category:Rivers\tCategoría:Ríos\n"
        "Elijah Wood\tElijah Wood\n"
        "Java (island)\tJava (isla)\n"
        "Free University of Berlin\tUniversidad Libre de Berlín\n"
    )
    result = induce("titles", "--target-lang", "es", "-o", tmp_path, input=titles)
    assert (result.exit_code, result.stdout) == (0, "")
    assert (tmp_path / "en-es.tsv").read_text(encoding="utf-8") == (
        "War film\tCine bélico\t1\nElijah Wood\tElijah Wood\t1\nJava\tJava\t1\n"
    )
    account = json.loads((tmp_path / "en-es.tsv.meta.json").read_text())
    assert account["counts"] == {
        "entries": 3,
        "sources": 3,
        "identical": 2,
        "unmatchable": 0,
        "left_out": {"namespace": 1, "too long": 1},
    }
    options = ["--max-words", 4, "--drop-identical"]
    result = induce("titles", "--target-lang", "es", *options, input=titles)
    assert result.stdout == (
        "War film\tCine bélico\t1\nFree University of Berlin\tUniversidad Libre de Berlín\t1\n"
    )


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ([], "Missing option '--target-lang'"),
        (["--target-lang", "Deutsch"], "is no language code"),
        (["--target-lang", "en"], "both languages are en"),
        (["--target-lang", "de", "-o", "en-de.tsv"], "expected a lexicon's folder"),
    ],
)
def test_wrong_options(options, problem):
    result = induce("dictionary", *options, input=MUSE)
    assert result.exit_code == 2
    assert problem in " ".join(result.stderr.split())


@pytest.mark.realdata
def test_the_dictionary_of_the_paper_keeps_every_pair(real_data):
    source = real_data / "dictionaries" / "muse" / "en-de.txt.gz"
    result = induce("dictionary", source, "--target-lang", "de")
    lines = result.stdout.splitlines()
    assert len(lines) == 101931  # zcat en-de.txt.gz | sort -u | wc -l
    assert lines[:5] == [
        "the\tdie\t1",
        "the\tder\t0.5",
        "the\tdem\t0.333333333",
        "the\tden\t0.25",
        "the\tdas\t0.2",
    ]

import contextlib
import gzip
import hashlib
import json
import os
import pty
import re
import subprocess
import sys

import pytest
from scipy.stats import binomtest
from typer.testing import CliRunner

import cstool
from cstool.cli import app

EXAMPLE = '{"qid":"q1","query":"the red house","pid":"p1","passage":"a red, red house","label":1}\n'
SIDES = ("the red house", "a red, red house")
BAD = '{"qid":"q2","query":"the red house"}\n'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder to work in, with a lexicon `mini` of two languages."""
    lexicon = tmp_path / "lexicons" / "mini"
    lexicon.mkdir(parents=True)
    (lexicon / "en-de.tsv").write_text("house\tHaus\nred\trot\n", encoding="utf-8")
    (lexicon / "en-it.tsv").write_text("house\tcasa\nred\trosso\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args, stdin=None, expected=0, **env):
    plain = {"FORCE_COLOR": None, "NO_COLOR": None, "TERM": "xterm", "COLUMNS": "80"}
    result = CliRunner(env=plain | env).invoke(
        app, ["codeswitch", "--lexicon", "mini", *args], input=stdin
    )
    assert result.exit_code == expected, result.output
    return result


def rows(text):
    return [json.loads(line) for line in text.splitlines()]


def test_stdin_to_stdout():
    result = run("--ratio", "1", "--langs", "de", stdin=EXAMPLE)
    assert result.stdout == (
        '{"qid":"q1","query":"the rot Haus","pid":"p1","passage":"a rot, rot Haus","label":1}\n'
    )
    assert result.stderr == (
        "cstool: 1 records; replaced 3 of 4 passage words, 2 of 3 query words\n"
    )


def test_an_empty_input_is_no_mistake():
    result = run(stdin="")
    assert (result.stdout, result.stderr) == ("", "cstool: 0 records; replaced nothing\n")


def test_packed_files(folder):
    (folder / "in.jsonl.gz").write_bytes(gzip.compress(EXAMPLE.encode()))
    run("in.jsonl.gz", "-o", "out.jsonl.gz", "--ratio", "0")
    assert gzip.decompress((folder / "out.jsonl.gz").read_bytes()).decode() == EXAMPLE


def test_the_same_command_makes_the_same_bytes(folder):
    lines = "".join(EXAMPLE.replace("q1", f"q{n}") for n in range(50))
    (folder / "in.jsonl").write_text(lines, encoding="utf-8")
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        run("in.jsonl", "-o", f"{name}.jsonl", "--seed", seed)
    first, again, other = ((folder / f"{name}.jsonl").read_bytes() for name in "abc")
    assert first == again != other
    shuffled = "".join(reversed(lines.splitlines(keepends=True)))
    backward = run("--seed", "1", stdin=shuffled).stdout.splitlines()
    assert backward[::-1] == first.decode().splitlines()


@pytest.mark.parametrize(
    ("options", "query", "passage"),
    [
        (["--langs", "it"], "the rosso casa", "a rosso, rosso casa"),
        (["--query-lang", "en", "--passage-lang", "de"], "the red house", "a rot, rot Haus"),
        (["--query-lang", "it", "--passage-lang", "en"], "the rosso casa", "a red, red house"),
        (["--langs", "de", "--query-lang", "it"], "the rosso casa", "a rot, rot Haus"),
        (["--langs", "en"], "the red house", "a red, red house"),
    ],
)
def test_languages_of_the_sides(options, query, passage):
    [row] = rows(run(*options, "--ratio", "1", stdin=EXAMPLE).stdout)
    assert (row["query"], row["passage"]) == (query, passage)


def test_all_languages_of_the_lexicon_by_default():
    switched = run("--ratio", "1", stdin="1\t" + "red " * 50 + "\n").stdout
    assert set(switched.split()[1:]) == {"rot", "rosso"}


def test_one_language_per_text():
    lines = "".join(f"{n}\t{'red ' * 10}\n" for n in range(20))
    switched = run("--ratio", "1", "--per", "text", stdin=lines).stdout.splitlines()
    assert {frozenset(line.split()[1:]) for line in switched} == {
        frozenset({"rot"}),
        frozenset({"rosso"}),
    }


def test_stop_words_can_be_left_alone(folder):
    (folder / "lexicons" / "mini" / "en-de.tsv").write_text(
        "the\tdas\nof\tvon\nred\trot\nof the sea\tder See\n", encoding="utf-8"
    )
    options = ("--langs", "de", "--ratio", "1", "-o", "out.tsv")
    line = "1\tThe red of the sea of red.\n"
    written = {}
    for more in ((), ("--skip-stopwords",)):
        run(*options, *more, stdin=line)
        counts = json.loads((folder / "out.tsv.meta.json").read_bytes())["counts"]["text"]
        text = (folder / "out.tsv").read_text(encoding="utf-8")
        written[more] = (text, counts["words"], counts["matched"], counts["replaced"])
    assert written == {
        (): ("1\tDas rot der See von rot.\n", 7, 7, 7),
        ("--skip-stopwords",): ("1\tThe rot der See of rot.\n", 7, 5, 5),
    }


def test_the_papers_wiki_cs():
    """English among the languages: its texts stay. Each side draws for itself."""
    lines = "".join(EXAMPLE.replace("q1", f"q{n}") for n in range(60))
    wiki_cs = ("--ratio", "1", "--skip-stopwords", "--per", "text", "--langs", "en,de,it")
    queries = {"the red house": "en", "the rot Haus": "de", "the rosso casa": "it"}
    passages = {"a red, red house": "en", "a rot, rot Haus": "de", "a rosso, rosso casa": "it"}
    drawn = {
        (queries[row["query"]], passages[row["passage"]])
        for row in rows(run(*wiki_cs, stdin=lines).stdout)
    }
    assert len(drawn) == 9


def switched(*options, stdin=EXAMPLE):
    [row] = rows(run(*options, stdin=stdin).stdout)
    return row["query"], row["passage"]


def test_presets_and_what_is_given_beside_them():
    pair = ("--query-lang", "en", "--passage-lang", "de")
    assert switched("--preset", "bl-cs", "--ratio", "1", *pair) == (SIDES[0], "a rot, rot Haus")
    assert switched("--preset", "ml-cs") == switched()
    options = ("--ratio", "1", "--per", "text", "--skip-stopwords", "--langs", "en,de,it")
    lines = "".join(EXAMPLE.replace("q1", f"q{n}") for n in range(20))
    given = run("--preset", "wiki-cs", stdin=lines).stdout
    assert given == run(*options, stdin=lines).stdout
    assert given != run("--preset", "wiki-cs", "--per", "span", stdin=lines).stdout


def test_a_ratio_for_each_side():
    options = ("--langs", "de", "--query-ratio", "0", "--passage-ratio", "1")
    assert switched(*options) == (SIDES[0], "a rot, rot Haus")
    assert switched("--langs", "de", "--ratio", "1", "--query-ratio", "0") == switched(*options)


def test_languages_with_weights():
    text = "1\t" + "red " * 2000 + "\n"
    out = run("--ratio", "1", "--langs", "de=3,it", stdin=text).stdout
    assert binomtest(out.count("rot"), 2000, 3 / 4).pvalue > 0.01
    assert out.count("rot") + out.count("rosso") == 2000


def test_another_source_language(folder):
    (folder / "lexicons" / "mini" / "de-it.tsv").write_text("Haus\tcasa\n", encoding="utf-8")
    out = run("--source-lang", "de", "--ratio", "1", stdin="1\tDas Haus, haus\n").stdout
    assert out == "1\tDas Casa, casa\n"


def test_a_source_language_without_spaces(folder):
    (folder / "lexicons" / "mini" / "zh-de.tsv").write_text("紅色\trot\n紅\tx\n", encoding="utf-8")
    out = run("--source-lang", "zh", "--ratio", "1", stdin="1\t我住在紅色的房子裡。\n").stdout
    assert out == "1\t我住在rot的房子裡。\n"


def test_one_of_several_translations(folder):
    lexicon = folder / "lexicons" / "mini" / "en-de.tsv"
    lexicon.write_text("red\trot\t3\nred\trötlich\t1\n", encoding="utf-8")
    text = "1\t" + "red " * 2000 + "\n"
    options = ("--ratio", "1", "--langs", "de")
    assert run(*options, stdin=text).stdout.count("rot ") == 2000
    out = run(*options, "--choice", "weighted", stdin=text).stdout
    assert binomtest(out.count("rot "), 2000, 3 / 4).pvalue > 0.01
    assert out.count("rot ") + out.count("rötlich ") == 2000


def test_the_ratio_of_all_words():
    """Half of the words are known; a quarter of all are half of these."""
    text = "1\t" + "red sky " * 1000 + "\n"
    options = ("--langs", "de", "--ratio", "0.25")
    assert binomtest(run(*options, stdin=text).stdout.count("rot"), 1000, 0.25).pvalue > 0.01
    out = run(*options, "--ratio-of", "all", stdin=text).stdout
    assert binomtest(out.count("rot"), 1000, 0.5).pvalue > 0.01
    result = run("--langs", "de", "--ratio", "0.9", "--ratio-of", "all", stdin=text)
    assert result.stdout.count("rot") == 1000
    assert "warning" not in result.stderr


def test_much_less_than_was_asked_for_is_told():
    result = run("--langs", "de", "--ratio", "1", stdin="1\ta red sky is far\n")
    assert result.stderr.endswith(
        "cstool: warning: text: 20.0% of the words are replaced, 100% were asked for; "
        "the lexicon knows 20.0%\n"
    )


def test_a_share_of_the_records_stays(folder):
    lines = "".join(EXAMPLE.replace("q1", f"q{n}") for n in range(1000))
    options = ("--langs", "de", "--ratio", "1", "-o", "out.jsonl")
    run(*options, "--keep-english", "0.3", stdin=lines)
    made = rows((folder / "out.jsonl").read_text(encoding="utf-8"))
    kept = sum((row["query"], row["passage"]) == SIDES for row in made)
    assert sum("rot" in row["query"] and "rot" in row["passage"] for row in made) == 1000 - kept
    assert binomtest(kept, 1000, 0.3).pvalue > 0.01
    counts = json.loads((folder / "out.jsonl.meta.json").read_bytes())["counts"]
    assert counts["query"]["kept_texts"] == counts["passage"]["kept_texts"] == kept
    assert counts["query"]["words"] == 3 * (1000 - kept)
    assert counts["query"]["effective_ratio"] == round(2 / 3, 4)


def test_what_is_protected_stays():
    text = "1\tthe red house, Red House and the red sea\n"
    options = ("--langs", "de", "--ratio", "1")
    out = run(*options, "--protect", r"[A-Z]\w+ House|d s", stdin=text).stdout
    assert out == "1\tthe rot Haus, Red House and the red sea\n"


def test_an_entry_that_maps_to_itself_is_counted(folder):
    lexicon = folder / "lexicons" / "mini" / "en-de.tsv"
    lexicon.write_text("sand\tSand\nred\trot\n", encoding="utf-8")
    run("--langs", "de", "--ratio", "1", "-o", "out.tsv", stdin="1\tred sand\n")
    counts = json.loads((folder / "out.tsv.meta.json").read_bytes())["counts"]["text"]
    assert (counts["replaced_spans"], counts["identical_spans"]) == (2, 1)


def test_phrases_may_be_kept_short(folder):
    lexicon = folder / "lexicons" / "mini" / "en-de.tsv"
    lexicon.write_text("red sea\tRotes Meer\nred\trot\n", encoding="utf-8")
    options = ("--langs", "de", "--ratio", "1")
    assert run(*options, stdin="1\tred sea\n").stdout == "1\tRotes Meer\n"
    assert run(*options, "--max-phrase", "1", stdin="1\tred sea\n").stdout == "1\trot sea\n"


def test_marks_take_every_replacement_back():
    made = rows(run("--ratio", "0.5", "--mark", stdin=EXAMPLE).stdout)
    [row] = made
    for side, text in zip(("query", "passage"), SIDES, strict=True):
        for start, end, source in reversed(row["switched"].get(side, [])):
            row[side] = row[side][:start] + source + row[side][end:]
        assert row[side] == text
    assert run("--mark", stdin="1\tred\n", expected=1).stderr == (
        "cstool: 1 is a query or a passage: it cannot be marked\n"
    )


@pytest.mark.parametrize(
    "options",
    [
        ["in.jsonl", "--trace", "in.jsonl", "-o", "out.jsonl"],
        ["in.jsonl", "--trace", "lexicons/mini/en-de.tsv", "-o", "out.jsonl"],
        ["in.jsonl", "-o", "lexicons/mini/en-it.tsv"],
    ],
)
def test_what_is_read_is_not_overwritten(folder, options):
    (folder / "in.jsonl").write_text(EXAMPLE, encoding="utf-8")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert run(*options, expected=1).stderr.endswith("is read, it cannot be written as well\n")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_copies_of_copies_are_refused():
    copies = run("--copies", "2", stdin=EXAMPLE).stdout
    result = run("--copies", "2", stdin=copies, expected=1)
    assert result.stderr == "cstool: q1 with p1 has the number of a copy already\n"


def test_empty_lexicons_are_refused(folder):
    lexicon = folder / "lexicons" / "mini" / "en-de.tsv"
    for content in ("", "9/11\tx\n"):
        lexicon.write_text(content, encoding="utf-8")
        result = run(stdin=EXAMPLE, expected=1)
        assert result.stderr == (
            "cstool: lexicons/mini/en-de.tsv: has no entry that a text could match\n"
        )


def test_queries_and_passages_keep_their_form():
    lines = '1\tred\tred\n{"id":"2","text":"red","copy":1}\n{"id":3,"contents":"red"}\n'
    assert run("--ratio", "1", "--langs", "de", stdin=lines).stdout == (
        '1\trot\trot\n{"id":"2","text":"rot","copy":1}\n{"id":"3","text":"rot"}\n'
    )


def test_a_query_alone_has_no_sides():
    result = run("--query-lang", "de", stdin="1\tred\n", expected=1)
    assert result.stderr == (
        "cstool: 1 is a query or a passage alone: give its languages with --langs\n"
    )


@pytest.mark.parametrize("name", ["lexicons/mini", "lexicons/mini/en-de.tsv"])
def test_a_lexicon_by_its_path(name):
    result = CliRunner().invoke(
        app, ["codeswitch", "--lexicon", name, "--ratio", "1", "--langs", "de"], input="1\tred\n"
    )
    assert result.stdout == "1\trot\n"


# The trace


def test_a_trace_has_a_line_for_every_replacement(folder):
    lines = EXAMPLE + '{"id":"2","text":"Ünd RED","copy":1}\n3\tblue\n'
    options = ("--ratio", "1", "--langs", "de", "-o", "out.jsonl", "--trace", "trace.jsonl")
    result = run(*options, stdin=lines)
    trace = (folder / "trace.jsonl").read_text(encoding="utf-8")
    red, house = {"source": "red", "target": "rot"}, {"source": "house", "target": "Haus"}
    whose, german = {"qid": "q1", "pid": "p1"}, {"language": "de"}
    assert rows(trace) == [
        {**whose, "side": "query", "start": 4, "end": 7, **red, **german},
        {**whose, "side": "query", "start": 8, "end": 13, **house, **german},
        {**whose, "side": "passage", "start": 2, "end": 5, **red, **german},
        {**whose, "side": "passage", "start": 7, "end": 10, **red, **german},
        {**whose, "side": "passage", "start": 11, "end": 16, **house, **german},
        {
            **{"id": "2", "copy": 1, "side": "text", "start": 4, "end": 7},
            **{"source": "RED", "target": "ROT", "language": "de"},
        },
    ]
    assert result.stdout == ""
    output = (folder / "out.jsonl").read_bytes()
    sidecars = [json.loads(path.read_bytes()) for path in folder.glob("*.meta.json")]
    assert len(sidecars) == 2
    assert sidecars[0] == sidecars[1]
    run(*options[:-1], "again.jsonl.gz", stdin=lines)
    assert gzip.decompress((folder / "again.jsonl.gz").read_bytes()).decode() == trace
    run(*options[:-2], stdin=lines)
    assert (folder / "out.jsonl").read_bytes() == output


def test_the_trace_of_an_empty_input_is_empty(folder):
    run("--trace", "trace.jsonl", stdin="")
    assert (folder / "trace.jsonl").read_bytes() == b""


def test_a_trace_is_all_or_nothing_too(folder):
    (folder / "trace.jsonl").write_bytes(b"old")
    before = sorted(folder.rglob("*"))
    result = run("-o", "out.jsonl", "--trace", "trace.jsonl", stdin=EXAMPLE + BAD, expected=1)
    assert result.stderr.startswith("cstool: -:2: no pid, ")
    assert sorted(folder.rglob("*")) == before
    assert (folder / "trace.jsonl").read_bytes() == b"old"


def test_a_trace_that_cannot_be_written_is_the_one_to_blame(folder):
    before = sorted(folder.rglob("*"))
    options = ("--ratio", "1", "-o", "out.jsonl", "--trace", "/dev/full")
    result = run(*options, stdin=EXAMPLE * 100, expected=1)  # more than a buffer holds
    assert result.stderr == "cstool: /dev/full: No space left on device\n"
    assert sorted(folder.rglob("*")) == before


# The preview

PREVIEW = """\
languages: de

query q1
  the red house
  the [rot|de] [Haus|de]
passage p1
  a red, red house
  a [rot|de], [rot|de] [Haus|de]
"""


def test_a_preview_shows_the_first_records_that_change(folder):
    before = sorted(folder.rglob("*"))
    lines = "1\tblue\n" + EXAMPLE + '{"id":"2","text":"[red]house[/red]"}\n' + BAD
    options = ("--langs", "de", "--ratio", "1", "--preview")
    result = run(*options, "1", stdin=lines)
    assert result.stdout == PREVIEW
    assert result.stderr == (
        "cstool: 1 records; replaced 3 of 4 passage words, 2 of 3 query words, 0 of 1 text words\n"
    )
    text = "\ntext 2\n  [red]house[/red]\n  [[rot|de]][Haus|de][/[rot|de]]\n"
    assert run(*options, "2", stdin=lines).stdout == PREVIEW + text
    result = run(*options, "3", stdin=lines, expected=1)  # only now the wrong line is read
    assert result.stderr.startswith("cstool: -:4: no pid, ")
    assert result.stdout == ""
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("stdin", "said"), [("", "nothing"), ("1\tblue sky\n", "0 of 2 text words")]
)
def test_a_preview_of_nothing(stdin, said):
    result = run("--preview", "3", stdin=stdin)
    assert (result.stdout, result.stderr) == ("", f"cstool: 0 records; replaced {said}\n")


def test_a_preview_of_copies_shows_what_would_be_written():
    options = ("--langs", "de,it", "--copies", "9")
    written = rows(run(*options, stdin=EXAMPLE).stdout)
    shown = run(*options, "--preview", "9", stdin=EXAMPLE).stdout
    after = re.findall(r"^query q1, copy (\d)\n.*\n  (.*)$", shown, re.MULTILINE)
    plain = [(int(copy), re.sub(r"\[(\w+)\|..\]", r"\1", text)) for copy, text in after]
    changed = [row for row in written if (row["query"], row["passage"]) != SIDES]
    assert plain == [(row["copy"], row["query"]) for row in changed]
    assert len({text for _, text in plain}) > 1


def test_a_preview_has_colours_only_where_they_are_wanted():
    options = ("--langs", "de", "--ratio", "1", "--preview", "1")
    coloured = run(*options, stdin="1\tred\n", FORCE_COLOR="1").stdout
    assert coloured.splitlines()[-1] == "  \x1b[32mrot\x1b[0m"
    plain = run(*options, stdin="1\tred\n", FORCE_COLOR="1", NO_COLOR="1").stdout
    assert plain.splitlines()[-1] == "  [rot|de]"


def test_a_preview_on_a_terminal(folder):
    """Colours and the terminal's width; what is said on stderr is not mixed into it."""
    (folder / "in.tsv").write_text("1\t" + "red, " * 10, encoding="utf-8")
    code = "from cstool.cli import app; app()"
    options = ("codeswitch", "--lexicon", "mini", "--langs", "de", "--ratio", "1", "in.tsv")
    env = {name: os.environ[name] for name in os.environ if name not in ("NO_COLOR", "FORCE_COLOR")}
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code, *options, "--preview", "1"],
        **{"stdin": subprocess.DEVNULL, "stdout": theirs, "stderr": theirs},
        env={**env, "TERM": "xterm", "COLUMNS": "32"},
    )
    os.close(theirs)
    data = b""
    with contextlib.suppress(OSError):  # how a terminal says that nobody writes any more
        while piece := os.read(ours, 1 << 16):
            data += piece
    os.close(ours)
    assert process.wait() == 0
    written = data.decode().replace("\r\n", "\n")
    shown = written[written.index("\x1b[?25h", written.index("reading in.tsv")) :]
    red = "\x1b[32mrot\x1b[0m"
    assert shown.splitlines()[1:] == [
        *("languages: \x1b[32mde\x1b[0m", "", "\x1b[1mtext 1\x1b[0m"),
        *("  " + "red, " * 6, "  red, red, red, red, "),
        *("  " + f"{red}, " * 6, "  " + f"{red}, " * 4),
        "cstool: 1 records; replaced 10 of 10 text words",
    ]


# Mistakes


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (BAD.encode(), "no pid, passage, label; expected keys qid, query, pid, passage, label"),
        (b"\n", "'', expected id<TAB>text or a JSON object"),
        (b"1\t\xff\n", "byte 3 is 0xff, expected UTF-8"),
    ],
)
def test_a_bad_line_is_one_sentence_and_nothing_is_written(folder, line, problem):
    good = EXAMPLE.encode() * 99
    (folder / "in.jsonl").write_bytes(good + line + EXAMPLE.encode())
    result = run("in.jsonl", "-o", "out.jsonl", expected=1)
    assert result.stderr == f"cstool: in.jsonl:100: {problem}\n"
    assert result.stdout == ""
    assert not list(folder.glob("*out*"))


def test_stdout_holds_what_came_before_a_bad_line():
    result = run("--ratio", "0", stdin=EXAMPLE + BAD, expected=1)
    assert result.stdout == EXAMPLE
    assert result.stderr.startswith("cstool: -:2: no pid, ")


def test_a_bad_line_of_a_lexicon_is_named(folder):
    (folder / "lexicons" / "mini" / "en-de.tsv").write_text("house Haus\n", encoding="utf-8")
    result = run("--langs", "de", stdin=EXAMPLE, expected=1)
    assert result.stderr.startswith("cstool: lexicons/mini/en-de.tsv:1: ")


def test_bad_lines_can_be_kept_aside(folder):
    (folder / "in.jsonl").write_bytes(EXAMPLE.encode() + b"\xff\n" + EXAMPLE.encode() + b"bad")
    result = run(
        *("in.jsonl", "-o", "out.jsonl", "--ratio", "0"),
        *("--on-error", "skip", "--rejects", "bad.txt"),
    )
    assert (folder / "out.jsonl").read_text(encoding="utf-8") == EXAMPLE * 2
    assert (folder / "bad.txt").read_bytes() == b"\xff\nbad\n"
    assert result.stderr.splitlines() == [
        "cstool: warning: left out: in.jsonl:2: byte 1 is 0xff, expected UTF-8",
        "cstool: warning: left out: in.jsonl:4: 'bad', expected id<TAB>text or a JSON object",
        "cstool: 2 records; replaced 0 of 8 passage words, 0 of 6 query words",
        "cstool: warning: 2 wrong lines left out, kept in bad.txt",
    ]
    assert json.loads((folder / "out.jsonl.meta.json").read_bytes())["counts"]["rejected"] == 2


def test_many_bad_lines_are_not_all_told(folder):
    result = run("--on-error", "skip", "--rejects", "bad.txt", stdin="bad\n" * 1000)
    assert (folder / "bad.txt").read_bytes() == b"bad\n" * 1000
    assert len(result.stderr.splitlines()) == 12
    assert "1000 wrong lines left out" in result.stderr


def test_bad_lines_may_go_to_stdout(folder):
    rejects = ("--on-error", "skip", "--rejects", "-")
    assert run("-o", "out.jsonl", *rejects, stdin=EXAMPLE + "bad\n").stdout == "bad\n"
    assert "-: wrong lines go there" in run(*rejects, stdin=EXAMPLE, expected=1).stderr


def test_rejects_are_all_or_nothing_too(folder):
    (folder / "bad.txt").write_bytes(b"old")
    (folder / "lexicons" / "mini" / "en-de.tsv").write_bytes(b"bad\n")
    run(
        *("--langs", "de", "--per", "text", "--query-lang", "de"),
        *("--on-error", "skip", "--rejects", "bad.txt", "no.jsonl"),
        expected=1,
    )
    assert (folder / "bad.txt").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--ratio", "1.5"], "'--ratio'"),
        (["--ratio", "half"], "'--ratio'"),
        (["--langs", "German"], "'German' is no language code such as de, fil or pt_br"),
        (["--query-lang", "de,,it"], "'' is no language code"),
        (["--passage-lang", "de,it,de"], "a language is named twice"),
        (["--per", "word"], "'--per'"),
        (["--seed", "x"], "'--seed'"),
        (["--on-error", "skip"], "--on-error skip and --rejects FILE go together"),
        (["--rejects", "bad.txt"], "--on-error skip and --rejects FILE go together"),
        (["--nonsense"], "--nonsense"),
        (["--langs", "de=0"], "de=0: expected a weight above 0"),
        (["--langs", "de=much,it"], "de=much: expected a weight above 0"),
        (["--source-lang", "en,de"], "expected one language"),
        (["--protect", "("], "'(' is no regular expression: missing ), unterminated subpattern"),
        (["--query-ratio", "1.1"], "'--query-ratio'"),
        (["--keep-english", "-1"], "'--keep-english'"),
        (["--preset", "bl-cs"], "--preset bl-cs has one language on each side: name it"),
        (["--preset", "xl-cs"], "'--preset'"),
        (["--ratio-of", "some"], "'--ratio-of'"),
        (["--choice", "worst"], "'--choice'"),
        (["--max-phrase", "9"], "'--max-phrase'"),
        (
            ["--ratio", "1", "--query-ratio", "1", "--passage-ratio", "1"],
            "--ratio has no effect beside --query-ratio and --passage-ratio",
        ),
        (["--langs", ""], "--langs"),
        (["--langs", "de", "--query-lang", "it", "--passage-lang", "de"], "--langs has no effect"),
        (["a", "b"], "b"),
        (["--preview", "0"], "'--preview'"),
        (["--preview", "x"], "'--preview'"),
        (["--preview", "1", "-o", "out"], "--preview writes nothing"),
        (["--preview", "1", "--trace", "out"], "--preview writes nothing"),
        (["--trace", "-"], "--output and --trace are the same file"),
        (["--trace", "./out", "-o", "out"], "--output and --trace are the same file"),
        (
            ["--trace", "x", "--rejects", "x", "--on-error", "skip"],
            "--rejects and --trace are the same file",
        ),
    ],
)
def test_wrong_options(folder, options, problem):
    before = sorted(folder.rglob("*"))
    result = run(*options, stdin=EXAMPLE, expected=2)
    assert problem in re.sub(r"[\s│]+", " ", result.stderr)
    assert result.stdout == ""
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--langs", "de,fr"], "no fr in this lexicon; it has de, it"),
        (["--source-lang", "fr"], "lexicons/mini: holds no file such as fr-de.tsv"),
        (["--lexicon", "maxi"], "no lexicon maxi: looked at maxi, lexicons/maxi, "),
        (["--lexicon", "."], "no lexicon .: looked at ., "),
        (["no.jsonl"], "no.jsonl: no such file"),
        (["."], ".: is a folder, expected a file"),
        (["-o", "."], ".: is a folder, expected a file"),
        (["-o", "lexicons/mini/en-de.tsv/x"], "lexicons/mini/en-de.tsv/x: cannot be written, "),
        (["-o", "/dev/full"], "/dev/full: No space left on device"),
        (["--trace", "."], ".: is a folder, expected a file"),
        (["-o", "x", "--rejects", "./x", "--on-error", "skip"], "x: wrong lines go there"),
    ],
)
def test_what_is_not_there_is_one_sentence(folder, options, problem):
    before = sorted(folder.rglob("*"))
    result = run(*options, stdin=EXAMPLE, expected=1)
    assert result.stderr.startswith(f"cstool: {problem}")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert sorted(folder.rglob("*")) == before


# The sidecar


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_sidecar_tells_what_was_done(folder):
    source, german = folder / "in.jsonl.gz", folder / "lexicons" / "mini" / "en-de.tsv"
    source.write_bytes(gzip.compress(EXAMPLE.encode() * 2))
    run("in.jsonl.gz", "-o", "out.jsonl", "--ratio", "1", "--query-lang", "en", "--langs", "de")
    text = (folder / "out.jsonl.meta.json").read_text(encoding="utf-8")
    assert json.loads(text) == {
        "command": "cstool codeswitch",
        "version": cstool.__version__,
        "settings": {
            "source": "in.jsonl.gz",
            "output": "out.jsonl",
            "lexicon": "mini",
            "preset": None,
            "ratio": 1.0,
            "query_ratio": None,
            "passage_ratio": None,
            "ratio_of": "matched",
            "langs": "de",
            "query_lang": "en",
            "passage_lang": None,
            "source_lang": "en",
            "per": "span",
            "choice": "best",
            "skip_stopwords": False,
            "max_phrase": 8,
            "protect": None,
            "keep_english": 0.0,
            "copies": 1,
            "mark": False,
            "seed": 1,
            "trace": None,
            "preview": None,
            "workers": 1,
            "shard": None,
            "engine": "local",
        },
        "inputs": [
            {"path": "lexicons/mini/en-de.tsv", "sha256": sha256(german), "lines": 2},
            {"path": "in.jsonl.gz", "sha256": sha256(source), "lines": 2},
        ],
        "counts": {
            "records": 2,
            "passage": {
                "texts": 2,
                "kept_texts": 0,
                "words": 8,
                "matched": 6,
                "replaced": 6,
                "replaced_spans": 6,
                "identical_spans": 0,
                "nominal_ratio": 1.0,
                "effective_ratio": 0.75,
                "code_mixing_index": 0.25,
                "switch_points": 2,  # a | red, red house
                "languages": {
                    "de": {
                        "words": 8,
                        "matched": 6,
                        "replaced": 6,
                        "nominal_ratio": 1.0,
                        "effective_ratio": 0.75,
                    }
                },
                "most_used": [
                    {"language": "de", "source": "red", "target": "rot", "count": 4},
                    {"language": "de", "source": "house", "target": "Haus", "count": 2},
                ],
            },
            "query": {
                "texts": 2,
                "kept_texts": 0,
                "words": 6,
                "matched": 0,
                "replaced": 0,
                "replaced_spans": 0,
                "identical_spans": 0,
                "nominal_ratio": 0.0,
                "effective_ratio": 0.0,
                "code_mixing_index": 0.0,
                "switch_points": 0,
                "languages": {},
                "most_used": [],
            },
        },
    }
    assert not re.search(r"\b20\d\d-|\d\d:\d\d", text)  # no time: the same run, the same bytes
    run("in.jsonl.gz", "-o", "out.jsonl", "--ratio", "1", "--query-lang", "en", "--langs", "de")
    assert (folder / "out.jsonl.meta.json").read_text(encoding="utf-8") == text


def test_stdout_and_devices_have_no_sidecar(folder):
    before = sorted(folder.rglob("*"))
    run(stdin=EXAMPLE)
    run("-o", "/dev/null", stdin=EXAMPLE)
    assert sorted(folder.rglob("*")) == before


def test_the_digest_of_stdin(folder):
    run("-o", "out.jsonl", "--langs", "de", stdin=EXAMPLE)
    inputs = json.loads((folder / "out.jsonl.meta.json").read_bytes())["inputs"]
    digest = hashlib.sha256(EXAMPLE.encode()).hexdigest()
    assert inputs[1] == {"path": "-", "sha256": digest, "lines": 1}


def test_copies_are_numbered_and_each_switched_anew():
    many = ["--langs", "de,it", "--copies", "40"]
    result = run(*many, stdin=EXAMPLE)
    found = rows(result.stdout)
    assert [row["copy"] for row in found] == list(range(1, 41))
    assert len({(row["query"], row["passage"]) for row in found}) > 20
    assert {row["qid"] for row in found} == {"q1"}
    # A record that says which copy it is, is switched like that one.
    alone = json.dumps(json.loads(EXAMPLE) | {"copy": 7})
    assert rows(run("--langs", "de,it", stdin=alone).stdout) == [found[6]]
    # One copy is the record itself.
    assert "copy" not in run("--copies", "1", stdin=EXAMPLE).stdout


def test_a_query_has_no_copies(folder):
    result = run("-o", "out.tsv", "--langs", "de", "--copies", "2", stdin="q1\tred\n", expected=1)
    assert "q1 is a query or a passage: it can have one version only" in result.stderr
    assert not (folder / "out.tsv").exists()

import gzip
import json
import re

import ir_datasets
import pytest
from typer.testing import CliRunner

from cstool.cli import app

SQUAD = {
    "data": [
        {
            "paragraphs": [
                {
                    "context": "Paris is old.\nIt lies on the Seine.",
                    "sentence_breaks": [[0, 13], [14, 35]],
                    "qas": [
                        {
                            "id": "a1",
                            "question": "Where does it lie? ",
                            "answers": [{"text": "the Seine", "answer_start": 25}],
                        },
                        {"id": "a2", "question": "Who?", "answers": [], "is_impossible": True},
                    ],
                }
            ]
        }
    ]
}


def prepare(*arguments, **how):
    return CliRunner().invoke(app, ["prepare", *map(str, arguments)], **how)


def contents(folder):
    return {
        path.name: path.read_bytes().decode("utf-8")
        for path in folder.iterdir()
        if path.suffix == ".tsv"
    }


def test_squad(tmp_path):
    source = tmp_path / "x.json.gz"
    source.write_bytes(gzip.compress(json.dumps(SQUAD, indent=1).encode()))
    result = prepare("squad", source, "-o", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == (
        "cstool: 1 queries, 1 passages, 1 judgements; 2 texts had line breaks, tabs or spaces to "
        "spare; 1 unanswerable questions left out\n"
    )
    assert contents(tmp_path / "out") == {
        "queries.tsv": "a1\tWhere does it lie?\n",
        "passages.tsv": "p000\tParis is old. It lies on the Seine.\n",
        "qrels.tsv": "a1 0 p000 1\n",
    }
    sidecar = json.loads((tmp_path / "out" / "qrels.tsv.meta.json").read_text())
    assert sidecar["command"] == "cstool prepare squad"
    assert sidecar["inputs"][0]["path"] == str(source)
    assert sidecar["counts"] == {
        "queries": 1,
        "passages": 1,
        "judgements": 1,
        "texts_put_on_one_line": 2,
        "empty_texts": 0,
        "left_out": {"unanswerable questions": 1},
    }


def test_squad_by_sentence_and_language_from_stdin(tmp_path):
    out = tmp_path / "out"
    arguments = ["squad", "-", "-o", out, "--lang", "de", "--unit", "sentence"]
    result = prepare(*arguments, input=json.dumps(SQUAD))
    assert result.exit_code == 0, result.stderr
    assert contents(out) == {
        "queries.de.tsv": "a1\tWhere does it lie?\n",
        "passages.de.tsv": "p000_s00\tParis is old.\np000_s01\tIt lies on the Seine.\n",
        "qrels.tsv": "a1 0 p000_s01 1\n",
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "the document has no data"),
        ('{"data": [{"paragraphs": [{}]}]}', r"data\[0\]\.paragraphs\[0\] has no context"),
        ('{"data": [}', r"no JSON: .*: line 1 column 11 \(char 10\)"),
    ],
)
def test_squad_says_what_is_wrong_and_writes_nothing(tmp_path, text, problem):
    source = tmp_path / "x.json"
    source.write_text(text, encoding="utf-8")
    result = prepare("squad", source, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert re.fullmatch(f"cstool: {re.escape(str(source))}: {problem}\n", result.stderr)
    assert not (tmp_path / "out").exists()


def test_a_dataset_without_a_query_is_an_error(tmp_path):
    result = prepare("squad", "-", "-o", tmp_path / "out", input='{"data": []}')
    assert result.exit_code == 1
    assert "no query" in result.stderr
    assert not (tmp_path / "out").exists()


def test_languages_share_qrels_or_do_not_share_a_folder(tmp_path):
    out, text = tmp_path / "out", json.dumps(SQUAD)
    assert prepare("squad", "-", "-o", out, "--lang", "en", input=text).exit_code == 0
    assert prepare("squad", "-", "-o", out, "--lang", "de", input=text).exit_code == 0
    before = contents(out)
    assert set(before) >= {"queries.en.tsv", "queries.de.tsv"}
    by_sentence = ["squad", "-", "-o", out, "--unit", "sentence"]
    result = prepare(*by_sentence, "--lang", "de", input=text)
    assert result.exit_code == 1
    assert f"{out}/qrels.tsv has other judgements" in result.stderr
    assert contents(out) == before


def test_the_options_can_come_from_a_file(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("prepare: {squad: {unit: sentence, lang: de}}\n", encoding="utf-8")
    out = tmp_path / "out"
    result = prepare("squad", "-", "-o", out, "--config", config, input=json.dumps(SQUAD))
    assert result.exit_code == 0, result.stderr
    assert contents(out)["qrels.tsv"] == "a1 0 p000_s01 1\n"


@pytest.mark.parametrize("output", ["-", "file"])
def test_the_output_has_to_be_a_folder(tmp_path, monkeypatch, output):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    result = prepare("squad", "-", "-o", output, input="{}")
    assert result.exit_code == 2
    assert "is no folder" in result.stderr


@pytest.fixture
def msmarco(tmp_path):
    (tmp_path / "q.tsv").write_text("10\twho?\n11\tunjudged\n12\t judged\n", encoding="utf-8")
    (tmp_path / "p.tsv").write_text("0\tfirst\n1\tsecond\n2\tthird\n", encoding="utf-8")
    (tmp_path / "r.tsv").write_text("12\t0\t1\t1\n10\t0\t0\t1\n", encoding="utf-8")
    files = {"--queries": "q.tsv", "--passages": "p.tsv", "--qrels": "r.tsv"}
    options = [part for key, name in files.items() for part in (key, tmp_path / name)]
    return ["msmarco", *options, "-o", tmp_path / "out"]


def test_msmarco_keeps_judged_queries_and_all_passages(tmp_path, msmarco):
    result = prepare(*msmarco)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "1 unjudged queries left out" in result.stderr
    assert contents(tmp_path / "out") == {
        "queries.tsv": "10\twho?\n12\tjudged\n",
        "passages.tsv": "0\tfirst\n1\tsecond\n2\tthird\n",
        "qrels.tsv": "12 0 1 1\n10 0 0 1\n",
    }


def test_msmarco_keeps_all_queries_if_told_so(tmp_path, msmarco):
    result = prepare(*msmarco, "--all-queries", "--lang", "en")
    assert "left out" not in result.stderr
    assert contents(tmp_path / "out")["queries.en.tsv"] == "10\twho?\n11\tunjudged\n12\tjudged\n"


@pytest.mark.parametrize(
    ("name", "line", "problem"),
    [
        ("r.tsv", "13 0 1 1", "{0}/r.tsv:3: query 13 is not in {0}/q.tsv"),
        ("r.tsv", "12 0 7 1", "{0}/r.tsv: passage 7 is not in {0}/p.tsv"),
        ("r.tsv", "12 0 1 2", "{0}/r.tsv:3: passage 1 is judged 2 for query 12, 1 before"),
        ("q.tsv", "10\tagain", "{0}/q.tsv:4: query 10 comes a second time"),
        ("p.tsv", "no tab", "{0}/p.tsv:4: 'no tab', expected id<TAB>text or a JSON object"),
    ],
)
def test_msmarco_names_the_wrong_line_and_writes_nothing(tmp_path, msmarco, name, line, problem):
    with (tmp_path / name).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    result = prepare(*msmarco)
    assert result.exit_code == 1
    assert result.stderr == f"cstool: {problem.format(tmp_path)}\n"
    assert list((tmp_path / "out").glob("*")) == []


def test_msmarco_leaves_wrong_lines_out_if_told_so(tmp_path, msmarco):
    with (tmp_path / "r.tsv").open("a", encoding="utf-8") as file:
        file.write("13 0 1 1\n")
    rejects = tmp_path / "rejects"
    result = prepare(*msmarco, "--on-error", "skip", "--rejects", rejects)
    assert result.exit_code == 0, result.stderr
    assert rejects.read_text() == "13 0 1 1\n"
    assert contents(tmp_path / "out")["qrels.tsv"] == "12 0 1 1\n10 0 0 1\n"


WHO, A_B, X = "1d8176d17935a44c", "c8687a08aa5d6ed2", "2d711642b726b044"  # sha256sum


def test_pairs_of_several_files(tmp_path):
    rows = [{"query": "who?", "passage": "a\nb", "source": "s"}, {"query": "x", "passage": "a b"}]
    for name, row in zip("12", rows, strict=True):
        (tmp_path / name).write_text(json.dumps(row) + "\n", encoding="utf-8")
    result = prepare("pairs", tmp_path / "1", tmp_path / "2", "-o", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (0, "")
    assert contents(tmp_path / "out") == {
        "queries.tsv": f"q{WHO}\twho?\nq{X}\tx\n",
        "passages.tsv": f"p{A_B}\ta b\n",
        "qrels.tsv": f"q{WHO} 0 p{A_B} 1\nq{X} 0 p{A_B} 1\n",
    }


def test_pairs_from_stdin_and_a_wrong_one(tmp_path):
    good = '{"query": "x", "passage": "x"}\n'
    assert prepare("pairs", "-o", tmp_path / "a", input=good).exit_code == 0
    assert contents(tmp_path / "a")["qrels.tsv"] == f"q{X} 0 p{X} 1\n"
    result = prepare("pairs", "-o", tmp_path / "b", input=good + '{"query": "x"}\n')
    assert result.exit_code == 1
    assert result.stderr == "cstool: -:2: no passage; expected keys query and passage\n"
    assert not (tmp_path / "b").exists()


def test_empty_texts_are_told(tmp_path):
    pair = '{"query": " ", "passage": "x"}\n'
    result = prepare("pairs", "-o", tmp_path / "out", input=pair)
    assert result.exit_code == 0
    assert "cstool: warning: 1 texts are empty" in result.stderr


@pytest.fixture
def local(tmp_path):
    """The id of a dataset of ir_datasets that lies in local files."""
    tables = {
        "docs_tsv": "d1\tGoethe wrote it.\nd2\tIt rained.\n",
        "queries_tsv": "q1\twho wrote it?\nq2\tunjudged\n",
        "qrels_trec": "q1 0 d1 2\nq1 0 gone 1\nq9 0 d2 1\n",
    }
    for name, text in tables.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    dataset = ir_datasets.create_dataset(**{name: tmp_path / name for name in tables})
    ir_datasets.registry.register("local/faust", dataset)
    yield "local/faust"
    del ir_datasets.registry._registered["local/faust"]


def test_irds_in_both_spellings(tmp_path, local):
    one = prepare("irds", local, "-o", tmp_path / "one", "--lang", "en")
    two = prepare(f"irds:{local}", "-o", tmp_path / "two", "--lang", "en")
    assert (one.exit_code, one.stdout, two.exit_code) == (0, "", 0)
    assert one.stderr == two.stderr
    assert "1 unjudged queries left out" in one.stderr
    assert "warning: 1 queries that are judged are not in local/faust" in one.stderr
    assert "warning: 1 passages that are judged are not in local/faust" in one.stderr
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert contents(tmp_path / "one") == {
        "queries.en.tsv": "q1\twho wrote it?\n",
        "passages.en.tsv": "d1\tGoethe wrote it.\nd2\tIt rained.\n",
        "qrels.tsv": "q1 0 d1 2\nq1 0 gone 1\nq9 0 d2 1\n",
    }
    account = json.loads((tmp_path / "two" / "qrels.tsv.meta.json").read_text())
    assert account["command"] == "cstool prepare irds"
    assert account["settings"]["name"] == local
    assert account["counts"]["ir_datasets"] == ir_datasets.__version__


def test_irds_does_not_know_every_name(tmp_path):
    result = prepare("irds:such/thing", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr == "cstool: no such/thing in ir_datasets; see https://ir-datasets.com\n"

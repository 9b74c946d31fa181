import json

import pytest
import torch
from typer.testing import CliRunner

from cstool.cli import app
from cstool.crossencoder import CrossEncoder


@pytest.fixture(scope="module")
def model(bert, tmp_path_factory) -> str:
    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("model")
    CrossEncoder.begin(bert, max_length=16, default=512).save(folder, {})
    return str(folder)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "q.tsv").write_text("q1\twho wrote faust\nq2\twhere is paris\n", encoding="utf-8")
    (tmp_path / "p.tsv").write_text(
        "p1\tgoethe\np2\tparis lies on the river\np3\t\np4\t" + "a long novel " * 20 + "\n",
        encoding="utf-8",
    )
    (tmp_path / "run.trec").write_text(
        "".join(
            f"{qid} Q0 {pid} {rank} {9 - rank} bm25\n"
            for qid in ("q1", "q2")
            for rank, pid in enumerate(("p1", "p2", "p3", "p4"), start=1)
        ),
        encoding="utf-8",
    )
    return tmp_path


def invoke(model, files, *args, **extra):
    texts = ["--queries", files / "q.tsv", "--passages", files / "p.tsv", "--precision", "fp32"]
    return CliRunner().invoke(app, ["rerank", model, *map(str, [*texts, *args])], **extra)


def test_a_run_in_and_a_run_out(model, files):
    output = files / "out.trec"
    result = invoke(model, files, "--run", files / "run.trec", "-o", output, "--tag", "mine")
    assert result.exit_code == 0, result.output
    assert (
        "scored 8 pairs of 2 queries; cut at 16 tokens: the passage of 2 pairs, the query of 0"
        in result.stderr
    )
    rows = [line.split() for line in output.read_text(encoding="utf-8").splitlines()]
    assert [(row[0], row[3], row[5]) for row in rows] == [
        (qid, str(rank), "mine") for qid in ("q1", "q2") for rank in (1, 2, 3, 4)
    ]
    for qid in ("q1", "q2"):
        scores = [float(row[4]) for row in rows if row[0] == qid]
        assert scores == sorted(scores, reverse=True)
    scorer = CrossEncoder.load(model, dtype="fp32")
    [score] = scorer.logits([("who wrote faust", "goethe")])
    [written] = [float(row[4]) for row in rows if (row[0], row[2]) == ("q1", "p1")]
    assert written == pytest.approx(score, abs=1e-5)


def test_stdin_to_stdout_and_the_order_of_the_lines_does_not_matter(model, files):
    lines = (files / "run.trec").read_text(encoding="utf-8").splitlines(keepends=True)
    forward = invoke(model, files, input="".join(lines))
    backward = invoke(model, files, input="".join([*lines[4:], *lines[:4]]))
    assert forward.exit_code == 0, forward.output
    assert forward.stdout == backward.stdout
    assert len(forward.stdout.splitlines()) == 8


def test_depth_and_tail(model, files):
    kept = invoke(model, files, "--run", files / "run.trec", "--depth", "2")
    assert [line.split()[2] for line in kept.stdout.splitlines()][2:4] == ["p3", "p4"]
    dropped = invoke(model, files, "--run", files / "run.trec", "--depth", "2", "--tail", "drop")
    assert len(dropped.stdout.splitlines()) == 4


def test_a_passage_listed_twice_is_scored_once(model, files):
    once = (files / "run.trec").read_text(encoding="utf-8")
    twice = invoke(model, files, input=once + "q1 Q0 p1 9 0.5 bm25\n")
    assert twice.exit_code == 0, twice.output
    assert twice.stdout == invoke(model, files, input=once).stdout


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("q1 Q0 p9 1 1 x\n", "passage p9 is in the run but has no text"),
        ("q9 Q0 p1 1 1 x\n", "query q9 is in the run but has no text"),
        ("q1 Q0 p1 1 nan x\n", "-:1: score is 'nan', expected a finite number"),
        ("q1 p1 1\n", "-:1: 3 fields, expected 6"),
    ],
)
def test_wrong_input_writes_nothing(line, told, model, files):
    result = invoke(model, files, "-o", files / "out.trec", input=line)
    assert result.exit_code == 1
    assert told in result.stderr
    assert not (files / "out.trec").exists()


def test_a_query_with_two_texts_is_refused(model, files):
    with (files / "q.tsv").open("a", encoding="utf-8") as lines:
        lines.write("q1\tanother text\n")
    result = invoke(model, files, "--run", files / "run.trec")
    assert result.exit_code == 1
    assert "q.tsv:3: query q1 comes a second time" in result.stderr


def test_an_empty_run_gives_an_empty_run(model, files):
    result = invoke(model, files, input="")
    assert (result.exit_code, result.stdout) == (0, "")


# Training examples instead of a run

EXAMPLES = "".join(
    json.dumps({"qid": q, "query": text, "pid": p, "passage": passage, "label": 0}) + "\n"
    for q, text in (("q1", "who wrote faust"), ("q2", "where is paris"), ("q1", "who wrote faust"))
    for p, passage in (("p1", "goethe"), ("p2", "paris lies on the river"))
)


def test_examples_get_the_scores_that_a_run_of_them_gets(model, files):
    (files / "examples.jsonl").write_text(EXAMPLES, encoding="utf-8")
    (files / "run.trec").write_text(
        "".join(f"{q} Q0 {p} 1 0 x\n" for q in ("q1", "q2") for p in ("p1", "p2")), encoding="utf-8"
    )
    expected = invoke(model, files, "--run", files / "run.trec", "-o", files / "a.trec")
    assert expected.exit_code == 0
    command = ["rerank", model, "--examples", str(files / "examples.jsonl"), "--precision", "fp32"]
    result = CliRunner().invoke(app, [*command, "-o", str(files / "b.trec")])
    assert result.exit_code == 0, result.output
    a, b = (
        {(row[0], row[2]): float(row[4]) for row in map(str.split, path.read_text().splitlines())}
        for path in (files / "a.trec", files / "b.trec")
    )
    assert b == pytest.approx(a, abs=1e-5)
    result = CliRunner().invoke(app, [*command, "--queries", str(files / "q.tsv")])
    assert result.exit_code == 2
    assert "--examples goes without texts, run and --pairs" in result.stderr
    for more, told in (
        (["--sample-queries", "1"], "--examples scores all pairs"),
        (["--depth", "5"], "--examples scores all pairs"),
        (["--tail", "drop"], "--examples scores all pairs"),
        (["--engine", "ray"], "--examples is for one process"),
    ):
        result = CliRunner().invoke(app, [*command, *more])
        assert result.exit_code == 2
        assert told in result.stderr
    result = CliRunner().invoke(app, ["rerank", model, "--workers", "2"])
    assert result.exit_code == 2
    assert "--workers are Ray's" in result.stderr
    result = CliRunner().invoke(app, ["rerank", model, "--queries", str(files / "q.tsv")])
    assert result.exit_code == 2
    assert "--queries and --passages go together" in result.stderr


# Several pairs of languages in one call

TEXTS = {
    "en": "who wrote the long novel about war and peace where is the red house",
    "de": "wer schrieb den langen roman ueber krieg und frieden wo ist das rote haus",
    "xx6": "haus rote the is where wo frieden und krieg about novel langen the schrieb who",
}
PAIRS = "en-de,xx6-en,de-de"


@pytest.fixture
def languages(tmp_path):
    """Texts of many lengths in three languages, and a run of five hits for each query."""
    for language, text in TEXTS.items():
        words = text.split() * 2
        for kind, start in (("queries", "q"), ("passages", "p")):
            lines = (f"{start}{i}\t{' '.join(words[i : i + 1 + i * 5 % 9])}\n" for i in range(12))
            (tmp_path / f"{kind}.{language}.tsv").write_text("".join(lines), encoding="utf-8")
    (tmp_path / "run.trec").write_text(
        "".join(
            f"q{i} Q0 p{(i * 5 + j) % 12} {j} {9 - j} x\n" for i in range(12) for j in range(5)
        ),
        encoding="utf-8",
    )
    return tmp_path


def rerank(model, folder, *args, code=0, queries="queries.{lang}.tsv", **extra):
    """Call for texts by language; those named in `args` come last and win."""
    texts = ["--queries", folder / queries, "--passages", folder / "passages.{lang}.tsv"]
    arguments = ["rerank", model, *texts, "--batch-size", 4, "--depth", 4, *args]
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], **extra)
    assert result.exit_code == code, result.output
    return result


def account(path):
    return json.loads(path.with_name(f"{path.name}.meta.json").read_text(encoding="utf-8"))


def test_pairs_give_what_single_calls_give(model, languages):
    many = languages / "runs/ml/1"
    result = rerank(
        *(model, languages, "--run", languages / "run.trec", "--pairs", PAIRS, "-o", many)
    )
    names = PAIRS.split(",")
    assert sorted(path.name for path in many.iterdir()) == sorted(
        f"{name}.trec{suffix}" for name in names for suffix in ("", ".meta.json")
    )
    for name, told in zip(names, result.stderr.splitlines(), strict=True):
        query, passage = name.split("-")
        alone = languages / f"{name}.trec"
        single = rerank(
            *(model, languages, "--run", languages / "run.trec", "-o", alone),
            *("--queries", languages / f"queries.{query}.tsv"),
            *("--passages", languages / f"passages.{passage}.tsv"),
        )
        assert (many / alone.name).read_bytes() == alone.read_bytes()
        assert told == single.stderr.strip().replace("cstool:", f"cstool: {name}:")
        for key in ("command", "version", "inputs", "counts"):
            assert account(many / alone.name)[key] == account(alone)[key]
        assert account(alone)["counts"]["scored"] == 48
        assert account(many / alone.name)["settings"]["pairs"] == PAIRS
    assert len({(many / f"{name}.trec").read_bytes() for name in names}) == len(names)


def test_neither_another_pair_nor_their_order_matters(model, languages):
    """The run comes from a pipe, which can be read only once."""
    lines = (languages / "run.trec").read_text(encoding="utf-8")
    for folder, pairs in (("a", "en-de,de-de"), ("b", "de-de,xx6-xx6,en-de")):
        rerank(model, languages, "--pairs", pairs, "-o", languages / folder, input=lines)
    for name in ("en-de.trec", "de-de.trec"):
        assert (languages / "a" / name).read_bytes() == (languages / "b" / name).read_bytes()


def test_every_pair_can_have_its_own_run(model, languages):
    runs = languages / "bm25"
    runs.mkdir()
    (runs / "en-de.trec").write_text("q1 Q0 p1 1 2.0 x\n", encoding="utf-8")
    (runs / "de-en.trec").write_text("q2 Q0 p2 1 2.0 x\nq2 Q0 p3 2 1.0 x\n", encoding="utf-8")
    both = languages / "both"
    rerank(model, languages, "--run", runs, "--pairs", "en-de,de-en", "-o", both)
    ids = {
        path.stem: {tuple(line.split()[:3:2]) for line in path.read_text("utf-8").splitlines()}
        for path in both.glob("*.trec")
    }
    assert ids == {"en-de": {("q1", "p1")}, "de-en": {("q2", "p2"), ("q2", "p3")}}
    assert [account(both / f"{name}.trec")["counts"]["hits"] for name in ("en-de", "de-en")] == [
        1,
        2,
    ]
    inputs = [row["path"] for row in account(both / "en-de.trec")["inputs"]]
    assert inputs == [
        str(languages / name) for name in ("bm25/en-de.trec", "queries.en.tsv", "passages.de.tsv")
    ]
    again = languages / "again"
    result = rerank(model, languages, "--run", runs, "--pairs", "en-de,en-en", "-o", again, code=1)
    assert result.stderr == f"cstool: {runs}: holds no en-en.trec, and that run is needed\n"
    assert not again.exists()


def test_an_empty_run_gives_an_empty_run_for_every_pair(model, languages):
    rerank(model, languages, "--pairs", "en-de,de-en", "-o", languages / "out", input="")
    for name in ("en-de", "de-en"):
        assert (languages / f"out/{name}.trec").read_bytes() == b""
        assert account(languages / f"out/{name}.trec")["counts"]["scored"] == 0


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--pairs", "en-de"], "name their folder with --output"),
        (["--pairs", "en-de", "-o", "-"], "name their folder with --output"),
        (["--pairs", "en-de,english", "-o", "out"], "'english' is no pair of languages"),
        (["--pairs", "", "-o", "out"], "'' is no pair of languages"),
        (["--pairs", "en-de", "-o", "out", "--queries", "q.tsv"], "--queries q.tsv: {lang} and"),
        (["--pairs", "en-de", "-o", "out", "--passages", "p.tsv"], "--passages p.tsv: {lang} and"),
        (["-o", "out", "--passages", "p.tsv"], "queries.{lang}.tsv: {lang} and --pairs go"),
        (["-o", "out", "--queries", "q.tsv"], "passages.{lang}.tsv: {lang} and --pairs go"),
    ],
)
def test_wrong_options(args, told, languages, monkeypatch):
    monkeypatch.chdir(languages)
    result = rerank("./no-model", languages, "--run", "run.trec", *args, code=2, terminal_width=500)
    assert told in result.stderr
    assert not (languages / "out").exists()


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("passages.de.tsv", None, "passages.de.tsv: no such file"),
        ("queries.xx6.tsv", "q1\n", "queries.xx6.tsv:1: 'q1', expected id<TAB>text"),
        (
            "queries.xx6.tsv",
            "q1\ta\n",
            "queries q0, q10, q11 and 8 more are in the run but have no text in ",
        ),
        (
            "passages.de.tsv",
            "p1\ta\n",
            "passages p0, p10, p11 and 8 more are in the run but have no text in ",
        ),
        ("run.trec", "q1 p1 1\n", "run.trec:1: 3 fields, expected 6"),
    ],
)
def test_wrong_files_are_found_before_the_model_is_loaded(name, text, told, languages):
    path = languages / name
    path.unlink()
    if text is not None:
        path.write_text(text, encoding="utf-8")
    run = ("--run", languages / "run.trec")
    result = rerank(
        "./no-model", languages, *run, "--pairs", PAIRS, "-o", languages / "out", code=1
    )
    assert told in result.stderr
    assert name in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (languages / "out").exists()


def test_an_output_that_is_no_folder(languages):
    run = ("--run", languages / "run.trec")
    out = languages / "queries.en.tsv"
    result = rerank("./no-model", languages, *run, "--pairs", PAIRS, "-o", out, code=1)
    assert f"{out} is not a writable folder" in result.stderr


def test_rejected_lines_count_for_the_pairs_that_read_them(model, languages):
    with (languages / "queries.de.tsv").open("a", encoding="utf-8") as lines:
        lines.write("one field\n")
    out, rejects = languages / "out", languages / "rejects.txt"
    run = ("--run", languages / "run.trec", "--pairs", "de-en,en-en", "-o", out)
    rerank(model, languages, *run, "--on-error", "skip", "--rejects", rejects)
    assert rejects.read_text(encoding="utf-8") == "one field\n"
    assert account(out / "de-en.trec")["counts"]["rejected"] == 1
    assert account(out / "en-en.trec")["counts"]["rejected"] == 0
    before = (out / "en-en.trec").read_bytes()
    skip = ("--on-error", "skip", "--rejects", out / "en-en.trec")
    result = rerank(model, languages, *run, *skip, code=1)
    assert "en-en.trec: wrong lines go there, it can be nothing else" in result.stderr
    assert (out / "en-en.trec").read_bytes() == before

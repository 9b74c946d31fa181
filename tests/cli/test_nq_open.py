import gzip
import hashlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cstool.cli import app


def prepare(*arguments, **how):
    return CliRunner().invoke(app, ["prepare", "nq-open", *map(str, arguments)], **how)


def name(prefix, text):
    return prefix + hashlib.sha256(text.encode()).hexdigest()[:16]


def contents(folder):
    return {
        path.name: path.read_bytes().decode("utf-8")
        for path in folder.iterdir()
        if not path.name.endswith(".meta.json")
    }


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


MOON, SUN, TEN = "when were we on the moon", "who is the sun?", "how many are there"
QUESTIONS = [
    {"question": MOON, "answer": ["December 1972", "1972"]},
    {"question": SUN, "answer": ["a star"]},
    {"question": TEN, "answer": ["ten"]},
]
Q = {question: name("q", question) for question in (MOON, SUN, TEN)}


def context(pid, text, title="T", **more):
    return {"title": title, "text": text, "score": 17.5, "title_score": 0, "passage_id": pid} | more


TRAINING = [
    {
        "dataset": "nq_dev_psgs_w100",
        "question": MOON,
        "answers": ["December 1972"],
        "positive_ctxs": [
            context("11", "The last was in\nDecember 1972.", "Apollo 17", score=1000),
            context("12", "It rained in December 1972."),
        ],
        "negative_ctxs": [context(str(pid), f"other {pid}") for pid in range(20, 25)],
        "hard_negative_ctxs": [
            context("30", "The moon."),
            context("31", "The moon was full."),
            context("11", "The last was in\nDecember 1972.", "Apollo 17"),
        ],
    },
    {
        "question": SUN,
        "answers": ["a star"],
        "positive_ctxs": [{"title": "Sun", "text": 'It is a star {["', "psg_id": 40}],
        "negative_ctxs": [],
        "hard_negative_ctxs": [context("30", "The moon.")],
    },
    {
        "question": TEN,
        "answers": ["ten"],
        "positive_ctxs": [],
        "negative_ctxs": [],
        "hard_negative_ctxs": [],
    },
]


@pytest.fixture
def training(tmp_path):
    path = tmp_path / "biencoder-nq-dev.json.gz"
    path.write_bytes(gzip.compress(json.dumps(TRAINING, indent=4).encode()))
    return path


@pytest.fixture
def questions(tmp_path):
    return lines(tmp_path / "NQ-open.dev.jsonl", QUESTIONS)


def test_training_data_becomes_everything(tmp_path, training):
    out = tmp_path / "out"
    result = prepare(training, "-o", out, "--negatives", 3, "--hard", 1)
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    assert result.stderr == (
        "cstool: 2 queries, 10 passages, 2 judgements; 6 training examples; "
        "1 unjudged questions left out\n"
    )
    found = contents(out)
    assert found["queries.tsv"] == f"{Q[MOON]}\t{MOON}\n{Q[SUN]}\t{SUN}\n"
    assert found["qrels.tsv"] == f"{Q[MOON]} 0 11 1\n{Q[SUN]} 0 40 1\n"
    passages = dict(line.split("\t") for line in found["passages.tsv"].splitlines())
    assert set(passages) == {"11", "12", "30", "31", "40", *map(str, range(20, 25))}
    assert passages["11"] == "Apollo 17 The last was in December 1972."
    assert passages["40"] == 'Sun It is a star {["'
    rows = [json.loads(line) for line in found["examples.jsonl"].splitlines()]
    assert [row["label"] for row in rows] == [1, 0, 0, 0, 1, 0]
    moon = [row["pid"] for row in rows if row["qid"] == Q[MOON]]
    assert moon[0] == "11"
    assert moon[1] in ("30", "31")
    assert set(moon[2:]) < set(map(str, range(20, 25)))
    assert all(row["passage"] == passages[row["pid"]] for row in rows)
    account = json.loads((out / "qrels.tsv.meta.json").read_bytes())
    assert account["command"] == "cstool prepare nq-open"
    assert account["counts"]["examples"] == 6


def test_titles_can_stay_away_and_lines_are_read_as_well(tmp_path, training):
    as_lines = lines(tmp_path / "nq.jsonl", TRAINING)
    for path in (training, as_lines):
        assert prepare(path, "-o", tmp_path / path.name[:2], "--no-titles").exit_code == 0
    assert contents(tmp_path / "bi") == contents(tmp_path / "nq")
    assert "11\tThe last was in December 1972.\n" in contents(tmp_path / "nq")["passages.tsv"]


def test_by_answer_every_passage_with_it_counts_and_no_other(tmp_path, training):
    prepare(training, "-o", tmp_path / "out", "--relevance", "answer")
    found = contents(tmp_path / "out")
    assert found["qrels.tsv"] == f"{Q[MOON]} 0 11 1\n{Q[MOON]} 0 12 1\n{Q[SUN]} 0 40 1\n"
    rows = [json.loads(line) for line in found["examples.jsonl"].splitlines()]
    assert {row["pid"] for row in rows if row["label"]} == {"11", "12", "40"}
    assert not {row["pid"] for row in rows if not row["label"]} & {"11", "12", "40"}


COLLECTION = (
    "id\ttext\ttitle\n"
    '11\t"The last was in\xa0December 1972."\tApollo 17\n'
    '12\t"It ""rained"" in December 1972."\tRain\n'
    "13\tTennis is played.\tTennis\n"
    "14\tOf ten, none.\tNumbers\n"
)


@pytest.fixture
def collection(tmp_path):
    path = tmp_path / "psgs_w100.tsv"
    path.write_text(COLLECTION, encoding="utf-8")
    return path


def test_gold_from_elsewhere_is_carried_by_id(tmp_path, questions, training, collection):
    out = tmp_path / "out"
    options = ["--gold", training, "--passages", collection, "--lang", "en", "--all-queries"]
    result = prepare(questions, *options, "-o", out)
    assert result.exit_code == 0, result.stderr
    assert "1 relevant passages added that the collection lacks" in result.stderr
    found = contents(out)
    assert found["queries.en.tsv"].split("\n")[:-1] == [f"{Q[q]}\t{q}" for q in (MOON, SUN, TEN)]
    assert found["passages.en.tsv"] == (
        "11\tApollo 17 The last was in December 1972.\n"
        '12\tRain It "rained" in December 1972.\n'
        "13\tTennis Tennis is played.\n14\tNumbers Of ten, none.\n"
        '40\tSun It is a star {["\n'
    )
    assert found["qrels.tsv"] == f"{Q[MOON]} 0 11 1\n{Q[SUN]} 0 40 1\n"


def test_pairs_find_their_passage_by_its_text(tmp_path, questions, collection):
    pairs = lines(
        tmp_path / "pairs.jsonl",
        [
            {"query": f" {MOON.upper()}?", "passage": "The last was in December 1972."},
            {"query": "who else", "passage": "Nobody."},
        ],
    )
    out = tmp_path / "out"
    result = prepare(questions, "--gold", pairs, "--passages", collection, "-o", out)
    assert result.exit_code == 0, result.stderr
    assert "2 unjudged questions left out; 1 entries for other questions left out" in result.stderr
    assert contents(out)["qrels.tsv"] == f"{Q[MOON]} 0 11 1\n"
    assert contents(out)["passages.tsv"].count("\n") == 4


def test_answers_are_looked_for_in_the_hits_of_a_run(tmp_path, questions, collection):
    hits = [(Q[MOON], 12), (Q[MOON], 13), (Q[TEN], 13), (Q[TEN], 14), (Q[SUN], 11)]
    run = tmp_path / "bm25.trec"
    run.write_text("".join(f"{q} Q0 {p} 1 1.0 bm25\n" for q, p in hits), encoding="utf-8")
    out = tmp_path / "out"
    how = ["--passages", collection, "--relevance", "answer", "--run", run]
    assert prepare(questions, *how, "-o", out).exit_code == 0
    # 11 holds "December 1972" too, but no search found it for that question.
    assert contents(out)["qrels.tsv"] == f"{Q[MOON]} 0 12 1\n{Q[TEN]} 0 14 1\n"


MKQA = [
    {"query": MOON, "queries": {"en": MOON, "de": "wann waren wir auf dem Mond", "zh_cn": "月"},
     "answers": {}, "example_id": 1},
    {"query": "who else", "queries": {"en": "who else", "de": "wer noch", "zh_cn": "谁"},
     "answers": {}, "example_id": 2},
]  # fmt: skip


def test_mkqa_gives_the_same_questions_in_its_languages(tmp_path, training):
    mkqa = lines(tmp_path / "mkqa.jsonl", MKQA)
    out = tmp_path / "out"
    result = prepare(training, "--mkqa", mkqa, "-o", out)
    assert result.exit_code == 0, result.stderr
    found = contents(out)
    assert set(found) == {
        *("passages.en.tsv", "queries.en.tsv", "queries.de.tsv", "queries.zh_cn.tsv"),
        *("qrels.tsv", "examples.jsonl"),
    }
    assert found["queries.en.tsv"] == f"{Q[MOON]}\t{MOON}\n"
    assert found["queries.de.tsv"] == f"{Q[MOON]}\twann waren wir auf dem Mond\n"
    assert found["qrels.tsv"] == f"{Q[MOON]} 0 11 1\n"
    assert "2 questions without translations left out" in result.stderr


GOOD = {"query": "a", "passage": "b"}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"text": "x"}, "keys 'text', expected question and answer; "),
        ({"question": " ", "answer": []}, "question is ' ', expected a question"),
        ({"question": "a", "answer": "b"}, "answer is 'b', expected a list of strings"),
        ({"question": "a", "answer": [1]}, r"answer is \[1\], expected a list of strings"),
        ({"query": "a", "pos": [{}]}, r"pos is \[\{\}\], expected a list of strings"),
        ({"query": "a", "passage": None}, "passage is None, expected a string"),
        (
            {"question": "a", "answers": [], "positive_ctxs": {}},
            r"positive_ctxs is \{\}, expected a list of passages",
        ),
        (
            {"question": "a", "answers": [], "positive_ctxs": [], "negative_ctxs": [{"title": ""}]},
            r"negative_ctxs\[0\] is .*, expected a passage with its text",
        ),
        (
            {"question": "a", "answers": [], "positive_ctxs": [context("a b", "c")]},
            "id is 'a b', expected a word: TREC files split at spaces",
        ),
    ],
)
@pytest.mark.parametrize("array", [False, True])
def test_a_wrong_entry_is_named_and_nothing_is_written(tmp_path, row, problem, array):
    source = lines(tmp_path / "x", [GOOD, row])
    if array:
        source.write_text(f"[{json.dumps(GOOD)},\n{json.dumps(row)}]", encoding="utf-8")
    result = prepare(source, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert re.match(f"cstool: {re.escape(str(source))}:2: {problem}", result.stderr), result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
    rejects = tmp_path / "rejects"
    skip = ["--on-error", "skip", "--rejects", rejects]
    assert prepare(source, "-o", tmp_path / "out", *skip).exit_code == 0
    assert json.loads(rejects.read_bytes()) == row
    assert contents(tmp_path / "out")["queries.tsv"].endswith("\ta\n")


@pytest.mark.parametrize(
    ("option", "content", "problem"),
    [
        ("--passages", "11\n", "passages:1: '11', expected id<TAB>text<TAB>title"),
        ("--passages", '11\t"x\ty\n', "passages:1: .*, expected id<TAB>text<TAB>title"),
        ("--passages", "a b\tx\ty\n", "passages:1: id is 'a b', expected a word"),
        ("--passages", "11\tx\ty\n11\tx\ty\n", "passages:2: passage 11 comes a second time"),
        ("--mkqa", '{"query": "x"}\n', "mkqa:1: no queries; expected MKQA's query and queries"),
        ("--mkqa", '{"query": "x", "queries": []}\n', r"mkqa:1: queries is \[\], expected a text"),
        ("--mkqa", '{"query": "x", "queries": {}}\n', "no question with a relevant passage"),
    ],
)
def test_other_files_are_named_too(tmp_path, training, option, content, problem):
    path = tmp_path / option.strip("-")
    path.write_text(content, encoding="utf-8")
    result = prepare(training, option, path, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert re.search(problem, result.stderr), result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_mkqa_must_have_the_same_languages_everywhere(tmp_path, training):
    rows = [MKQA[0], {"query": SUN, "queries": {"de": "wer ist die Sonne"}}]
    result = prepare(training, "--mkqa", lines(tmp_path / "m", rows), "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert f"question {Q[SUN]} is not in the same languages as the others" in result.stderr


@pytest.mark.parametrize(
    ("hit", "problem"),
    [
        ("q9 Q0 11 1 1.0 x", ":1: query q9 is not among the questions"),
        (f"{Q[MOON]} Q0 99 1 1.0 x", ": passage 99 is not in "),
    ],
)
def test_a_run_fits_questions_and_collection(tmp_path, questions, collection, hit, problem):
    run = tmp_path / "run"
    run.write_text(hit + "\n", encoding="utf-8")
    how = ["--passages", collection, "--relevance", "answer", "--run", run]
    result = prepare(questions, *how, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert f"cstool: {run}{problem}" in result.stderr
    assert not (tmp_path / "out").exists()


def test_options_that_do_not_fit(tmp_path, questions, training):
    assert "--run goes with" in prepare(questions, "--run", training, "-o", tmp_path / "a").stderr
    assert prepare(training, "--hard", 5, "-o", tmp_path / "a").exit_code == 2
    result = prepare(questions, "-o", tmp_path / "a")
    assert result.stderr == "cstool: no question with a relevant passage: nothing written\n"
    cut = tmp_path / "cut.json"
    cut.write_text(json.dumps(TRAINING)[:-50], encoding="utf-8")
    result = prepare(cut, "-o", tmp_path / "a")
    assert result.stderr == f"cstool: {cut}: no array of objects, or one that is cut off\n"


@given(st.integers(1, 6), st.integers(0, 6), st.integers(0, 3), st.integers(0, 9))
def test_negatives_are_distinct_hard_first_and_never_relevant(negatives, hard, lacking, seed):
    from cstool.datasets.judging import Judging, examples
    from cstool.datasets.nq import parse_entry
    from cstool.settings import Sampling

    row = TRAINING[0] | {"negative_ctxs": TRAINING[0]["negative_ctxs"][lacking:]}
    taken = Judging(by_answer=False).take(parse_entry(json.dumps(row)))
    sampling = Sampling(negatives=negatives, hard=min(hard, negatives), seed=seed)
    first, *drawn = (example.pid for example in examples(taken, sampling))
    assert first == "11"
    assert len(drawn) == len(set(drawn)) == min(negatives, 2 + 5 - lacking)
    assert not {"11", "12"} & set(drawn)  # 12 holds the answer, but nobody judged it
    assert len({"30", "31"} & set(drawn)) >= min(sampling.hard, 2)
    again = [example.pid for example in examples(taken, sampling)]
    assert again == [first, *drawn]


@pytest.mark.realdata
def test_the_real_questions_and_their_paragraphs(tmp_path, real_data):
    """1,081 of the 1,355 questions with gold paragraphs are in NQ-Open, says the data's account."""
    nq = real_data / "nq"

    def table(path):
        return dict(line.split("\t", 1) for line in path.read_text(encoding="utf-8").splitlines())

    queries, passages = table(nq / "queries.en.tsv"), table(nq / "passages.en.tsv")
    judged = [line.split() for line in (nq / "qrels.tsv").read_text().splitlines()]
    pairs = lines(
        tmp_path / "pairs.jsonl",
        [{"query": queries[qid], "passage": passages[pid]} for qid, _, pid, _ in judged],
    )
    out = tmp_path / "out"
    how = ["--gold", pairs, "--passages", nq / "passages.en.tsv"]
    result = prepare(nq / "nq-open.dev.jsonl", *how, "--lang", "en", "-o", out)
    assert result.exit_code == 0, result.stderr
    found = contents(out)
    kept = table(out / "queries.en.tsv")
    assert len(kept) == 1081
    assert found["passages.en.tsv"] == (nq / "passages.en.tsv").read_text(encoding="utf-8")
    expected = {(queries[qid], passages[pid]) for qid, _, pid, _ in judged}
    qrels = [line.split() for line in found["qrels.tsv"].splitlines()]
    assert {(kept[qid], passages[pid]) for qid, _, pid, _ in qrels} <= expected


@pytest.mark.realdata
def test_real_mkqa_and_real_negatives(tmp_path, real_data):
    fixtures = real_data / "fixtures"
    mkqa = fixtures / "mkqa_testdata.jsonl.gz"
    with gzip.open(mkqa, "rt", encoding="utf-8") as file:
        asked = [json.loads(line) for line in file]
    pairs = lines(tmp_path / "p.jsonl", [{"query": r["query"], "passage": "x"} for r in asked[:2]])
    result = prepare(pairs, "--mkqa", mkqa, "-o", tmp_path / "mkqa")
    assert result.exit_code == 0, result.stderr
    assert len(list((tmp_path / "mkqa").glob("queries.*.tsv"))) == 26
    russian = (tmp_path / "mkqa" / "queries.ru.tsv").read_text(encoding="utf-8")
    texts = [line.split("\t")[1] for line in russian.splitlines()]
    assert texts == [" ".join(row["queries"]["ru"].split()) for row in asked[:2]]
    result = prepare(fixtures / "flagembedding_nq_sample.jsonl", "-o", tmp_path / "nq")
    assert result.exit_code == 0, result.stderr
    assert "10 queries" in result.stderr
    assert "50 training examples" in result.stderr

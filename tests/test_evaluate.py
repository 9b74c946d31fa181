import random
from collections import defaultdict
from pathlib import Path

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstool import runs
from cstool.errors import CstoolError
from cstool.evaluate import Evaluation, Judgements
from cstool.measures import parse
from cstool.records import Hit, Qrel, Score
from cstool.runfiles import RunFile

RUN = RunFile(Path("run.trec"), "run", "en", "de", "1")

# Ours and theirs. ir_measures breaks ties of RR@k by pid ascending, of the others as trec_eval.
SAME = {
    "mrr": "RR", "mrr-l2": "RR(rel=2)", "map": "AP", "map@3": "AP@3", "map-l2": "AP(rel=2)",
    "ndcg": "nDCG", "ndcg@3": "nDCG@3", "ndcg_burges@3": "nDCG(gains={1:1,2:3,3:7})@3",
    "recall@2": "R@2", "recall": "SetR", "precision@3": "P@3", "precision": "SetP",
    "hit_rate@2": "Success@2", "f1": "SetF", "r-precision": "Rprec",
    "r-precision-l2": "Rprec(rel=2)", "bpref": "Bpref", "bpref-l2": "Bpref(rel=2)",
    "hits": "NumRelRet(rel=1)",
}  # fmt: skip
PLUS = SAME | {
    "mrr@2": "RR@2", "mrr@10": "RR@10", "mrr@3-l2": "RR(rel=2)@3"
}  # fmt: skip

QIDS = st.sampled_from(["q1", "q2", "q3"])
# Upper case before lower case, a prefix, and a letter of two bytes: the order is that of bytes.
PIDS = st.sampled_from(["p1", "p10", "p2", "P2", "é", "z"])
GRADED = st.dictionaries(st.tuples(QIDS, PIDS), st.integers(0, 3), min_size=1)
# Two scores are equal as float32 only.
SCORED = st.dictionaries(
    st.tuples(QIDS, PIDS), st.sampled_from([-1.5, 0.0, 1.0, 1.0 + 1e-9, 2.5]), min_size=1
)


def evaluation(grades, measures, ties="pid"):
    judged = Judgements.of(Qrel(*key, grade) for key, grade in grades.items())
    return Evaluation(lambda pair: judged, [parse(name) for name in measures], ties)


def ours(grades, scores, measures, ties="pid"):
    evaluated = evaluation(grades, measures, ties)
    evaluated.add(RUN, [Hit(*key, score) for key, score in scores.items()])
    [result] = evaluated.results
    return {
        (str(measure), qid): value
        for measure, values in result.values.items()
        for qid, value in zip(result.judged.qids, values, strict=True)
    }


def theirs(grades, scores, measures):
    """Ask for each measure alone: of nDCG with and without gains, ir_measures confuses two."""
    judged = [ir_measures.Qrel(*key, grade) for key, grade in grades.items()]
    hits = [ir_measures.ScoredDoc(*key, score) for key, score in scores.items()]
    found = defaultdict(float)
    for our, their in measures.items():
        for metric in ir_measures.iter_calc([ir_measures.parse_measure(their)], judged, hits):
            found[our, metric.query_id] = metric.value
    return {(our, qid): found[our, qid] for our in measures for qid, _ in grades}


def comparable(grades, scores):
    return not {qid for qid, _ in grades}.isdisjoint(qid for qid, _ in scores)


@given(grades=GRADED, scores=SCORED)
def test_values_are_those_of_ir_measures_when_ties_are_made_strict(grades, scores):
    if not comparable(grades, scores):
        return
    strict = {}
    for hits in runs.by_query([Hit(*key, score) for key, score in scores.items()]).values():
        strict |= {(hit.qid, hit.pid): -float(rank) for rank, hit in enumerate(hits)}
    assert ours(grades, scores, PLUS) == pytest.approx(theirs(grades, strict, PLUS))


@given(grades=GRADED, scores=SCORED)
def test_values_are_those_of_trec_eval_when_its_ties_are_wanted(grades, scores):
    if comparable(grades, scores):
        found = ours(grades, scores, SAME, ties="trec_eval")
        assert found == pytest.approx(theirs(grades, scores, SAME))


def test_ties_by_pid_and_as_in_trec_eval():
    grades, scores = {("q", "p1"): 1}, {("q", "p1"): 1.0, ("q", "p2"): 1.0 + 1e-9, ("q", "p3"): 1.0}
    assert ours(grades, scores, ["mrr"]) == {("mrr", "q"): 1 / 2}
    assert ours(grades, scores, ["mrr"], "trec_eval") == {("mrr", "q"): 1 / 3}


def test_forgotten_and_unjudged_queries_are_counted():
    evaluated = evaluation({("q1", "p"): 1, ("q2", "p"): 1, ("q3", "p"): 0}, ["mrr"])
    evaluated.add(RUN, [Hit("q1", "p", 1.0), Hit("q4", "p", 1.0)])
    assert (evaluated.forgotten, evaluated.unjudged) == (2, 1)
    assert list(evaluated.results[0].values[parse("mrr")]) == [1.0, 0.0, 0.0]


HITS = [Hit("q", "p1", 2.0), Hit("q", "p2", 1.0)]


def test_chance_and_oracle_are_about_the_hits_of_the_run():
    evaluated = evaluation({("q", "p2"): 1, ("q", "p3"): 1}, ["recall@1"])
    evaluated.add(RUN, HITS)
    assert [(score.system, score.seed, score.value) for score in evaluated.scores()] == [
        ("chance", "-", 1 / 4),
        ("run", "1", 0.0),
        ("oracle", "-", 1 / 2),
    ]


def test_chance_and_oracle_are_named_after_systems_with_different_candidates():
    evaluated = evaluation({("q", "p1"): 1}, ["mrr"])
    evaluated.add(RUN, HITS)
    evaluated.add(RunFile(Path("b.trec"), "other", "en", "de", "1"), HITS[:1])
    assert [(score.system, score.value) for score in evaluated.scores()] == [
        ("chance (run)", 3 / 4),
        ("chance (other)", 1.0),
        ("run", 1.0),
        ("other", 1.0),
        ("oracle (run)", 1.0),
        ("oracle (other)", 1.0),
    ]


def test_first_stage_gives_the_candidates_of_its_pairs():
    evaluated = evaluation({("q", "p2"): 1}, ["mrr"])
    other = RunFile(Path("a.trec"), "first stage", "en", "ru")
    first = [RunFile(Path("a.trec"), "first stage", "en", "de"), other]
    evaluated.add_first_stage(first, [*HITS, Hit("q", "p3", 0.0)], depth=2)
    evaluated.add(RUN, HITS[1:])
    names = ("q", 3 / 4), ("q", 1 / 2), ("q", 1.0), ("q", 1.0)
    assert list(evaluated.scores()) == [
        Score("chance", "en", "de", "-", "mrr", *names[0]),
        Score("chance", "en", "ru", "-", "mrr", *names[0]),
        Score("first stage", "en", "de", "-", "mrr", *names[1]),
        Score("first stage", "en", "ru", "-", "mrr", *names[1]),
        Score("run", "en", "de", "1", "mrr", *names[2]),
        Score("oracle", "en", "de", "-", "mrr", *names[3]),
        Score("oracle", "en", "ru", "-", "mrr", *names[3]),
    ]


def test_first_stage_is_cut_after_ties_are_broken():
    evaluated = evaluation({("q", "p1"): 1}, ["recall"], ties="trec_eval")
    tied = [Hit("q", "p1", 1.0), Hit("q", "p2", 1.0)]
    evaluated.add_first_stage([RunFile(Path("a.trec"), "first stage")], tied, depth=1)
    assert list(evaluated.first[0].values[parse("recall")]) == [0.0]


@pytest.mark.parametrize(
    ("hits", "problem"),
    [
        ([], "run.trec: none of its 0 queries is in the qrels"),
        ([Hit("r", "p1", 1.0)], "run.trec: none of its 1 queries is in the qrels"),
        ([*HITS, HITS[0]], "run.trec: query q: passage p1 is listed more than once"),
    ],
)
def test_wrong_runs(hits, problem):
    with pytest.raises(CstoolError, match=problem):
        evaluation({("q", "p1"): 1}, ["mrr"]).add(RUN, hits)


def test_a_system_cannot_have_the_name_of_a_reference():
    with pytest.raises(CstoolError, match="a system cannot be called 'oracle'"):
        evaluation({("q", "p1"): 1}, ["mrr"]).add(RunFile(Path("x"), "oracle"), HITS)


def test_wrong_qrels():
    with pytest.raises(CstoolError, match="the qrels are empty"):
        Judgements.of([])
    with pytest.raises(CstoolError, match="query q: passage p is judged twice"):
        Judgements.of([Qrel("q", "p", 1), Qrel("q", "p", 0)])


@pytest.mark.realdata
def test_values_on_real_judgements_are_those_of_ir_measures(real_data):
    lines = (real_data / "xquad-r" / "qrels.tsv").read_text().splitlines()
    grades = {(qid, pid): int(grade) for qid, _, pid, grade in map(str.split, lines)}
    pids = sorted({pid for _, pid in grades})
    scores = {
        (qid, pids[(i * i + 7 * j) % 240]): -float(j)
        for i, qid in enumerate(sorted({qid for qid, _ in grades})[::2])
        for j in range(100)
    }
    measures = {"mrr@10": "RR@10", "ndcg@10": "nDCG@10", "recall@100": "R@100", "map": "AP"}
    found = ours(grades, scores, measures)
    assert found == pytest.approx(theirs(grades, scores, measures))
    assert sum(found.values()) > 100


@pytest.mark.realdata
def test_a_pool_of_all_languages_has_the_map_of_ir_measures(real_data):
    """LAReQA's protocol: one pool, a relevant version of the passage in every language."""
    lines = (real_data / "xquad-r" / "qrels.tsv").read_text().splitlines()[::10]
    spoken = ("en", "de", "es", "ru", "ar")
    grades = {
        (qid, f"{language}:{pid}"): int(grade)
        for qid, _, pid, grade in map(str.split, lines)
        for language in spoken
    }
    pids, draw = sorted({pid for _, pid in grades}), random.Random(1)
    scores = {
        (qid, pid): -float(rank)
        for qid in sorted({qid for qid, _ in grades})
        for rank, pid in enumerate(draw.sample(pids, 200))
    }
    measures = {"map": "AP", "recall@100": "R@100", "ndcg@10": "nDCG@10"}
    found = ours(grades, scores, measures)
    assert found == pytest.approx(theirs(grades, scores, measures))
    assert {value for (name, _), value in found.items() if name == "recall@100"} >= {0.2, 0.4}

from pathlib import Path

import pytest

from cstool.analysis import bins
from cstool.evaluate import Evaluation, Judgements
from cstool.measures import parse
from cstool.records import Hit, Qrel
from cstool.runfiles import RunFile

QUERIES = {
    "en": {"q1": "Who wrote Faust?", "q2": "Red house", "q3": "Goethe"},
    "de": {"q1": "Wer schrieb Faust?", "q2": "Rotes Haus"},
}
PASSAGES = {"de": {"p1": "Goethe schrieb Faust.", "p2": "Das rote Haus", "p3": "Johann Goethe"}}
JUDGED = Judgements.of(
    [Qrel("q1", "p1", 1), Qrel("q2", "p2", 1), Qrel("q3", "p3", 1), Qrel("q3", "p1", 0)]
)
PAIR = ("en", "de")


def queries(language):
    return QUERIES[language]


def passages(language):
    return PASSAGES[language]


def of(trait, qid, pair=PAIR):
    judged = dict(zip(JUDGED.qids, JUDGED.passages, strict=True))
    return trait.of(pair, qid, judged[qid])


def test_overlap_is_of_the_querys_words():
    trait = bins.overlap(queries, passages)
    assert of(trait, "q1") == pytest.approx(1 / 3)  # Faust, of three words
    assert of(trait, "q2") == 0.0  # house is not Haus
    assert of(trait, "q3") == 1.0  # p1, which also has it, is not relevant
    assert of(trait, "q1", ("de", "de")) == pytest.approx(2 / 3)
    assert of(trait, "q3", ("de", "de")) is None  # no such query


def test_length_fertility_and_coverage():
    assert of(bins.length(queries), "q1") == 3.0
    assert of(bins.fertility(queries, len), "q3") == len("Goethe")
    sources, targets = bins.covered([("red", "rot"), ("house", "Haus"), ("at home", "zu Hause")])
    assert sources == {"red", "house", "at", "home"} and targets == {"rot", "haus", "zu", "hause"}
    trait = bins.coverage(queries, {"en": sources, "de": targets, "fr": frozenset()}.__getitem__)
    assert (of(trait, "q2"), of(trait, "q1")) == (1.0, 0.0)
    assert of(trait, "q2", ("de", "de")) == 0.5  # Haus, but not Rotes


def test_means_over_seeds_and_cases_by_kind():
    evaluation = Evaluation(lambda pair: JUDGED, [parse("mrr")])
    for system, pair, seed, ranks in (
        ("a", ("en", "de"), "1", (1, 2, 4)),
        ("a", ("en", "de"), "2", (2, 2, 4)),
        ("b", ("en", "de"), "1", (1, 1, 1)),
        ("a", ("de", "de"), "1", (4, 4, 4)),
    ):
        hits = [
            Hit(qid, f"p{qid[1]}" if rank == place else f"x{rank}", -rank)
            for qid, place in zip(JUDGED.qids, ranks, strict=True)
            for rank in range(1, 5)
        ]
        evaluation.add(RunFile(Path("x"), system, *pair, seed), hits)
    trait = bins.overlap(queries, passages)
    mono, cross = bins.binned(evaluation, parse("mrr"), trait)
    assert cross.title == "mrr by lexical overlap, CLIR"
    assert cross.header == ["system", "0", "to 0.25", "to 0.5", "to 0.75", "to 1"]
    assert cross.rows == [
        ["(cases)", "1", "0", "1", "0", "1"],
        ["a", "0.500", "-", "0.750", "-", "0.250"],  # q2, q1 over two seeds, q3
        ["b", "1.000", "-", "1.000", "-", "1.000"],
    ]
    assert mono.rows == [
        ["(cases)", "0", "0", "1", "1", "0"],
        ["a", "-", "-", "0.250", "0.250", "-"],
    ]
    assert "It cannot be told for 1 cases." in mono.notes


def test_every_number_has_a_bin():
    for edges in (bins.SHARES, bins.LENGTHS, bins.FERTILITIES):
        trait = bins.Trait("x", edges, lambda *_: 1.0, "")
        assert len(bins._names(edges)) == len(edges)
        assert trait.of(PAIR, "q", {}) is not None
    assert bins._names(bins.LENGTHS) == ["0 to 3", "to 5", "to 8", "to 12", "over 12"]

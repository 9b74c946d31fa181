from pathlib import Path

import pytest
from scipy.stats import chi2

from cstool.analysis.ranks import Consistency, Languages, Peer, Ties, fairness
from cstool.evaluate import Judgements
from cstool.records import Hit, Qrel
from cstool.runfiles import RunFile

POOL = RunFile(Path("x"), "a", "en", "xx2", "1")


def ranked(**found):
    return {
        qid: [Hit(qid, pid, -float(rank)) for rank, pid in enumerate(pids.split())]
        for qid, pids in found.items()
    }


def language(pid):
    return pid.partition(":")[0]


def test_ties():
    judged = Judgements.of([Qrel("q1", "p1", 1), Qrel("q2", "p1", 1)])
    scored = {
        "q1": [Hit("q1", "p1", 1.0), Hit("q1", "p2", 1.0)],  # all equal, and it decides
        "q2": [Hit("q2", "p1", 2.0), Hit("q2", "p2", 1.0), Hit("q2", "p3", 1.0)],
        "q3": [Hit("q3", "p1", 1.0)],  # one hit is not tied with anything
        "q4": [Hit("q4", "p1", 2.0), Hit("q4", "p2", 1.0)],
    }
    ties = Ties()
    ties.add(POOL, scored, judged)
    [listing] = ties.listings()
    assert listing.rows == [["a", "4", "50.0%", "25.0%", "25.0%"]]


def test_languages_of_a_pool():
    judged = Judgements.of([Qrel("q1", "en:1", 1), Qrel("q1", "de:1", 1), Qrel("q2", "de:2", 1)])
    watch = Languages(language)
    watch.add(
        POOL,
        ranked(q1="en:1 en:2 en:3 en:4 en:5 en:6 en:7 en:8 en:9 de:9 de:1 de:3", q2="en:1 de:2"),
        judged,
    )
    watch.add(RunFile(Path("x"), "a", "en", "de"), ranked(q1="de:1"), judged)  # no pool
    shares, gaps = watch.listings()
    # Of ten and two best hits, two are German; of all fourteen, four.
    assert shares.header == ["system", "pair", "of", "de", "en"]
    assert shares.rows == [
        ["a", "en-xx2", "best 10", "16.7%", "83.3%"],
        ["a", "en-xx2", "all hits", "28.6%", "71.4%"],
    ]
    assert gaps.rows == [["a", "en-xx2", "6.5", "1.0", "5.5"]]  # (11 + 2) / 2 and 1
    assert Languages(language).listings() == []


def test_kruskal_and_wallis_by_hand():
    # Ranks 1, 2 against 3, 4: H = 12 / (4 * 5) * (3^2 / 2 + 7^2 / 2) - 3 * 5 = 2.4.
    assert fairness([[10, 20], [30, 40]]) == pytest.approx(chi2.sf(2.4, 1))
    # 1, 4 against 2, 3: the rank sums are the same.
    assert fairness([[1, 4], [2, 3]]) == pytest.approx(1.0)
    assert fairness([[5, 5], [5]]) == 1.0


def test_one_passage_per_language_says_nothing_about_fairness():
    """Whatever the order, the test gives the same: that is why such queries are left out."""
    assert fairness([[1], [2], [3]]) == fairness([[1], [30], [200]]) == fairness([[9], [3], [7]])


def test_peer():
    judged = Judgements.of(
        Qrel(qid, pid, 1)
        for qid, pids in {
            "q1": "en:1 en:2 de:1 de:2", "q2": "en:1 de:1", "q3": "en:1 en:2",
            "q4": "en:1 en:2 de:1",
        }.items()
        for pid in pids.split()
    )  # fmt: skip
    watch = Peer(language)
    watch.add(POOL, ranked(q1="en:1 en:2 de:1 de:2", q2="de:1 en:1", q4="x"), judged)
    watch.add(RunFile(Path("x"), "a", "en", "de"), ranked(q1="en:1"), judged)
    [listing] = watch.listings()
    # q1 as by hand above, q4 found nothing (1), q2 and q3 are left out.
    assert listing.rows == [["a", "en-xx2", f"{(chi2.sf(2.4, 1) + 1) / 2:.3f}", "2", "2"]]
    assert Peer(language).listings() == []


def test_consistency():
    judged = Judgements.of([Qrel("q1", "p1", 1), Qrel("q2", "p1", 1)])
    watch = Consistency()
    for query_lang, found in (
        ("en", ranked(q1="p1 p2", q2="p1 p2")),
        ("de", ranked(q1="p2 p1", q2="p3 p4")),
        ("ru", ranked(q1="p1 p9")),
    ):
        watch.add(RunFile(Path("x"), "a", query_lang, "en", "1"), found, judged)
    watch.add(RunFile(Path("x"), "a", "en", "de", "1"), ranked(q1="p1"), judged)
    [listing] = watch.listings()
    # en-de: 1 and 0, en-ru: 1/2, de-ru: 1/2; passages in German have one language of queries.
    assert listing.rows == [["a", "en", "de, en, ru", "0.500"]]

from cstool.examples import Account, from_qrels, from_triples
from cstool.records import Example, Hit, Qrel, Text, Triple
from cstool.settings import Sampling

QUERIES = {"q2": "two?", "q1": "one?"}
PASSAGES = {f"p{i}": f"text {i}" for i in range(20)}


def made(qrels, queries=QUERIES, passages=PASSAGES, run=None, **sampling):
    account = Account()
    settings = Sampling(**sampling)
    rows = from_qrels(queries, passages, qrels, sampling=settings, account=account, run=run)
    return list(rows), account


def pids(examples, label):
    return [example.pid for example in examples if example.label == label]


def test_each_positive_is_followed_by_its_negatives_in_the_order_of_queries_and_qrels():
    qrels = [Qrel("q1", "p3", 1), Qrel("q2", "p9", 3), Qrel("q2", "p1", 1)]
    examples, account = made(qrels, negatives=2)
    assert [(row.qid, row.query, row.label) for row in examples] == [
        *[("q2", "two?", label) for label in (1, 0, 0, 1, 0, 0)],
        *[("q1", "one?", label) for label in (1, 0, 0)],
    ]
    assert pids(examples, 1) == ["p9", "p1", "p3"]
    assert all(row.passage == PASSAGES[row.pid] for row in examples)
    assert (account.positives, account.negatives, account.lacking) == (3, 6, 0)


def test_a_judgement_below_one_makes_no_positive_and_stays_a_candidate():
    passages = {"p1": "a", "p2": "b"}
    examples, account = made([Qrel("q1", "p1", 1), Qrel("q1", "p2", 0)], passages=passages)
    assert [(row.qid, row.pid, row.label) for row in examples] == [("q1", "p1", 1), ("q1", "p2", 0)]
    assert account.queries_without_positive == 1  # q2
    assert account.lacking == 3  # of four negatives


def test_no_negative_is_relevant_or_says_the_same_and_none_comes_twice():
    passages = PASSAGES | {"copy": PASSAGES["p3"]}
    qrels = [Qrel("q1", "p3", 1), Qrel("q1", "p4", 2)]
    allowed = {f"p{i}" for i in range(20)} - {"p3", "p4"}
    examples, account = made(qrels, passages=passages, negatives=30)
    for group in (examples[1:19], examples[20:]):
        assert sorted(row.pid for row in group) == sorted(allowed)
        assert {row.label for row in group} == {0}
    assert account.lacking == 24


def test_what_is_drawn_does_not_depend_on_the_order_of_files():
    qrels = [Qrel("q1", "p3", 1), Qrel("q2", "p9", 1)]
    run = {"q1": [Hit("q1", f"p{i}", 1.0) for i in range(8)]}
    forwards, _ = made(qrels, run=run, hard=2)
    backwards, _ = made(
        qrels[::-1],
        queries=dict(reversed(QUERIES.items())),
        passages=dict(reversed(PASSAGES.items())),
        run=run,
        hard=2,
    )
    assert backwards == forwards[5:] + forwards[:5]


def test_another_seed_another_query_and_another_positive_draw_otherwise():
    passages = {f"p{i}": f"text {i}" for i in range(1000)}
    qrels = [Qrel("q1", "p3", 1), Qrel("q1", "p4", 1), Qrel("q2", "p3", 1)]
    draws = []
    for seed in (1, 2):
        examples, _ = made(qrels, passages=passages, negatives=8, seed=seed)
        negatives = pids(examples, 0)
        draws += [tuple(negatives[i : i + 8]) for i in (0, 8, 16)]
    assert len(set(draws)) == 6


def test_negatives_are_drawn_evenly():
    queries = {f"q{i}": "?" for i in range(2000)}
    qrels = [Qrel(qid, "p0", 1) for qid in queries]
    examples, _ = made(qrels, queries=queries, negatives=4)
    drawn = pids(examples, 0)
    counts = {pid: drawn.count(pid) for pid in PASSAGES}
    assert counts.pop("p0") == 0
    # 8000 draws over 19 passages: 421 each, standard deviation about 18
    assert all(340 < count < 502 for count in counts.values())


def test_hard_negatives_come_first_and_from_the_best_hits_alone():
    run = {"q1": [Hit("q1", pid, 1.0) for pid in ("p3", "p5", "p6", "p7", "p8")]}
    examples, account = made([Qrel("q1", "p3", 1)], run=run, negatives=4, hard=2, hard_depth=3)
    negatives = pids(examples, 0)
    assert set(negatives[:2]) == {"p5", "p6"}  # p3 is relevant, p7 lies below the depth
    assert len(set(negatives)) == 4
    assert (account.hard, account.lacking_hard, account.lacking) == (2, 0, 0)


def test_random_negatives_stand_in_for_missing_hard_ones():
    run = {"q1": [Hit("q1", "p5", 1.0)]}
    qrels = [Qrel("q1", "p3", 1), Qrel("q2", "p9", 1)]
    examples, account = made(qrels, run=run, negatives=4, hard=3)
    assert pids(examples, 0)[4] == "p5"  # q2, which the run lacks, comes first
    assert len(pids(examples, 0)) == 8
    assert (account.hard, account.lacking_hard, account.lacking) == (1, 5, 0)


def triples(count):
    return [Triple(f"q{i}", f"pos{i}", f"neg{i}") for i in range(count)]


def test_one_triple_gives_its_positive_and_the_next_four_their_negatives():
    account = Account()
    rows = from_triples(
        triples(11),
        lambda qid: Text(qid, f"query {qid}"),
        lambda pid: Text(pid, f"passage {pid}"),
        negatives=4,
        account=account,
    )
    first, *rest = rows
    assert first == Example("q0", "query q0", "pos0", "passage pos0", 1)
    assert [(row.qid, row.pid, row.label) for row in rest] == [
        ("q1", "neg1", 0),
        ("q2", "neg2", 0),
        ("q3", "neg3", 0),
        ("q4", "neg4", 0),
        ("q5", "pos5", 1),
        ("q6", "neg6", 0),
        ("q7", "neg7", 0),
        ("q8", "neg8", 0),
        ("q9", "neg9", 0),
        ("q10", "pos10", 1),
    ]
    assert (account.positives, account.negatives) == (3, 8)


def test_triples_stream():
    def endless():
        while True:
            yield Triple("q", "p", "n")

    rows = from_triples(
        endless(), lambda q: Text(q, q), lambda p: Text(p, p), negatives=1, account=Account()
    )
    assert [next(rows).label for _ in range(4)] == [1, 0, 1, 0]


def test_triples_can_give_both_their_passages():
    account = Account()
    made = from_triples(
        triples(3),
        lambda qid: Text(qid, qid.upper()),
        lambda pid: Text(pid, pid.upper()),
        negatives=4,
        account=account,
        grouped=True,
    )
    labels = [(example.qid, example.label) for example in made]
    qids = [triple.query for triple in triples(3)]
    assert labels == [(qid, label) for qid in qids for label in (1, 0)]
    assert (account.positives, account.negatives) == (3, 3)


def test_hard_negatives_stay_below_a_share_of_the_score_of_their_positive():
    # The positive has 10: with a margin of 0.2 a negative may have 8, and not 8.5 or 12.
    scores = {"p3": 10.0, "p1": 12.0, "p2": 8.5, "p4": 8.0, "p5": 3.0}
    run = {"q1": [Hit("q1", pid, score) for pid, score in scores.items()]}
    examples, account = made([Qrel("q1", "p3", 1)], run=run, hard=2, relative_margin=0.2)
    assert set(pids(examples, 0)[:2]) == {"p4", "p5"}
    assert (account.hard, account.lacking_hard, account.too_near) == (2, 0, 2)


def test_of_a_positive_that_the_run_does_not_know_no_hit_is_surely_worse():
    run = {"q1": [Hit("q1", "p1", 5.0)]}
    _, account = made([Qrel("q1", "p3", 1)], run=run, hard=1, relative_margin=0.05)
    assert (account.hard, account.lacking_hard, account.too_near) == (0, 1, 1)


def test_a_margin_below_a_negative_score_is_below_it():
    # -4 - 0.5 * 4 = -6, where (1 - 0.5) * -4 would lie above the positive.
    run = {"q1": [Hit("q1", "p3", -4.0), Hit("q1", "p1", -5.0), Hit("q1", "p2", -6.0)]}
    examples, _ = made([Qrel("q1", "p3", 1)], run=run, hard=2, negatives=2, relative_margin=0.5)
    assert pids(examples, 0)[0] == "p2"

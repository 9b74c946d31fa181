from io import BufferedReader, BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cstool import columns, formats, runs
from cstool.evaluate import ORDERS, Judgements
from cstool.measures import Ranking
from cstool.records import Hit, Qrel

QIDS = st.sampled_from(["q1", "q2", "q3"])
PIDS = st.sampled_from(["p1", "p10", "p2", "P2", "é", "z", '"', "NA", "#"])
GRADED = st.dictionaries(st.tuples(QIDS, PIDS), st.integers(-1, 3), min_size=1)
SCORED = st.dictionaries(
    st.tuples(QIDS, PIDS), st.sampled_from([-1.5, 0.0, 1.0, 1.0 + 1e-9, 2.5, 1e300]), min_size=1
)


def judgements(grades):
    return Judgements.of(Qrel(*key, grade) for key, grade in grades.items())


def read(text, judged, ties="pid", depth=None):
    stream = BufferedReader(BytesIO(text.encode()))
    return columns.rankings(stream, judged, ties=ties, depth=depth)


def plain(ranking):
    return ranking.hits, list(ranking.ranks), list(ranking.grades)


@pytest.mark.parametrize("block", [40, 8 << 20])
@pytest.mark.parametrize("ties", ["pid", "trec_eval"])
@given(
    grades=GRADED, scores=SCORED, depth=st.sampled_from([None, 1, 3]), gap=st.sampled_from(" \t")
)
@settings(max_examples=60)
def test_it_ranks_as_the_reader_of_lines_does(block, ties, grades, scores, depth, gap):
    judged = judgements(grades)
    lines = sorted(scores.items(), key=lambda item: item[0][0])  # together by query, not in order
    text = "".join(gap.join((q, "Q0", p, "1", repr(s), "x")) + "\n" for (q, p), s in lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_BLOCK", block)
        try:
            found = read(text, judged, ties, depth)
        except columns.Unusual:
            assert block == 40  # a line can be longer than such a block
            return
    expected = {
        qid: ORDERS[ties](hits)[:depth]
        for qid, hits in runs.by_query(Hit(*key, score) for key, score in scores.items()).items()
    }
    assert list(map(plain, found.rankings)) == list(map(plain, judged.rankings(expected)))
    assert found.queries == len({qid for qid, _ in scores})


JUDGED = judgements({("q1", "p1"): 1, ("q2", "p2"): 2})
GOOD = "q1 Q0 p1 1 2.0 x\nq1 Q0 p2 2 1.0 x\nq2 Q0 p2 1 1e-3 x\n"


def test_by_hand():
    found = read(GOOD, JUDGED)
    assert (found.rankings, found.queries) == ([Ranking(2, [1], [1]), Ranking(1, [1], [2])], 2)
    assert read(GOOD.replace("\n", "\r\n"), JUDGED) == found
    assert read(GOOD.removesuffix("\n"), JUDGED) == found
    assert read("q9 Q0 p 1 1 x\n", JUDGED).rankings == [Ranking(0, (), ())] * 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\ufeff" + GOOD,
        GOOD + "\n",
        GOOD + "q3 Q0 p 1 1\n",
        GOOD + "q3 Q0 p 1 1 x y\n",
        GOOD + "q3  Q0 p 1 1 x\n",
        GOOD + "q3 Q0 p 1 nan x\n",
        GOOD + "q3 Q0 p 1 1e999 x\n",
        GOOD + "q3 Q0 p 1 1_0 x\n",
        GOOD + "q3 Q0 p 1  x\n",
        GOOD + "q2 Q0 p2 2 0.5 x\n",
        GOOD + "q1 Q0 p3 3 0.5 x\n",
        GOOD.replace(" ", "  "),
        GOOD + "q3 Q0 p\u00a03 1 1 x\n",
        GOOD + "q3 Q0 p\x0b3 1 1 x\n",
        GOOD + "q3 Q0  1 1 x\n",
        GOOD + " Q0 p 1 1 x\n",
        "q1 0 p1 1\n",
    ],
)
def test_what_is_unusual_is_left_to_the_other_reader(text):
    with pytest.raises(columns.Unusual):
        read(text, JUDGED)


def test_numbers_are_read_as_python_does():
    text = ["1e-320", "-0.0", "1.7976931348623157e308", "0.1", "3", "+2.5", ".5"]
    for number in text:
        line = f"q1 Q0 p1 1 {number} x\n"
        try:
            read(line, JUDGED)
        except columns.Unusual:
            continue  # also right: the other reader will do it
        assert formats.parse_hit(line).score == float(number)

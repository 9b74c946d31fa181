import pytest

from cstool.datasets.collection import OneLine, Tables, text_id
from cstool.records import Qrel, Text


def test_one_line_collapses_whitespace_and_counts_what_it_changed():
    one_line = OneLine()
    assert one_line("as it was") == "as it was"
    assert one_line(" two\r\nlines\tand  a tab ") == "two lines and a tab"
    assert one_line("no\u00a0break\u2028space") == "no break space"
    assert one_line("\ufeffDie Panthers") == "Die Panthers"
    assert one_line(" \n ") == ""
    assert (one_line.changed, one_line.empty) == (4, 1)


def test_text_id_is_the_start_of_the_digest():
    # printf 'who?' | sha256sum
    assert text_id("q", "who?") == "q1d8176d17935a44c"
    # printf 'größe' | sha256sum
    assert text_id("p", "größe") == "pd353a2671b67afff"


def test_tables_leave_out_unjudged_queries_and_say_so():
    tables = Tables()
    for qid in ("q2", "q1", "q3"):
        tables.query(Text(qid, f" {qid}?"))
    for qrel in (Qrel("q3", "p1", 2), Qrel("q2", "p1", 0), Qrel("q3", "p1", 2)):
        tables.qrel(qrel)
    found = tables.collection([], unjudged=False)
    assert found.queries == [Text("q2", "q2?"), Text("q3", "q3?")]
    assert found.qrels == [Qrel("q3", "p1", 2), Qrel("q2", "p1", 0)]
    assert found.left_out == {"unjudged queries": 1, "repeated judgements": 1}
    everything = tables.collection([], unjudged=True)
    assert [query.id for query in everything.queries] == ["q2", "q1", "q3"]


def test_tables_refuse_contradictions_and_second_texts():
    tables = Tables()
    tables.query(Text("q1", "?"))
    tables.qrel(Qrel("q1", "p1", 1))
    with pytest.raises(ValueError, match="passage p1 is judged 0 for query q1, 1 before"):
        tables.qrel(Qrel("q1", "p1", 0))
    with pytest.raises(ValueError, match="query q1 comes a second time"):
        tables.query(Text("q1", "again"))
    assert tables.passage(Text("p1", "a\tb")) == Text("p1", "a b")
    with pytest.raises(ValueError, match="passage p1 comes a second time"):
        tables.passage(Text("p1", "again"))


def test_tables_know_which_judged_passages_have_not_come():
    tables = Tables()
    tables.query(Text("q1", "?"))
    tables.qrel(Qrel("q1", "p1", 1))
    tables.qrel(Qrel("q1", "p2", 1))
    tables.passage(Text("p2", "found"))
    tables.passage(Text("p3", "not judged"))
    assert tables.awaited == {"p1"}

import pytest

from cstool.datasets.collection import Tables
from cstool.datasets.msmarco import complete, parse_passage, parse_qrel, parse_query
from cstool.errors import CstoolError
from cstool.records import Qrel, Text


@pytest.fixture
def tables():
    tables = Tables()
    parse_query("1048585\twhat is paula deen's brother", tables)
    return tables


def test_qrels_may_have_tabs_or_spaces(tables):
    assert parse_qrel("1048585\t0\t7187158\t1", tables, "q.tsv") == Qrel("1048585", "7187158", 1)
    assert parse_qrel("1048585 0 7187159 0", tables, "q.tsv") == Qrel("1048585", "7187159", 0)


def test_a_judgement_of_an_unknown_query_is_wrong(tables):
    with pytest.raises(ValueError, match=r"^query 3 is not in q\.tsv$"):
        parse_qrel("3 0 7187158 1", tables, "q.tsv")
    assert tables.grades == {}


def test_passages_stream_and_are_put_on_one_line(tables):
    parse_qrel("1048585 0 7 1", tables, "q.tsv")
    texts = (parse_passage(line, tables) for line in ("5\tone\ttwo", "7\tthree "))
    stream = complete(texts, tables, qrels="r", source="p")
    assert next(stream) == Text("5", "one two")
    assert list(stream) == [Text("7", "three")]


def test_a_judged_passage_that_never_comes_is_an_error_at_the_end(tables):
    parse_qrel("1048585 0 8 1", tables, "q.tsv")
    parse_qrel("1048585 0 7 1", tables, "q.tsv")
    stream = complete([Text("5", "x")], tables, qrels="r.tsv", source="p.tsv")
    assert next(stream) == Text("5", "x")
    with pytest.raises(CstoolError, match=r"^r\.tsv: passage 7 is not in p\.tsv \(nor 1 more\)$"):
        next(stream)

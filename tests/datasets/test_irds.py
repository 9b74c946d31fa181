import sys

import ir_datasets
import pytest

from cstool.datasets.collection import Tables
from cstool.datasets.irds import Dataset
from cstool.errors import CstoolError
from cstool.records import Qrel, Text


@pytest.fixture
def local(tmp_path):
    """A function that registers a dataset made of local files, forgotten after the test."""
    names = []

    def register(name, **tables):
        paths = {}
        for kind, text in tables.items():
            paths[kind] = tmp_path / f"{len(names)}.{kind}"
            paths[kind].write_text(text, encoding="utf-8")
        ir_datasets.registry.register(name, ir_datasets.create_dataset(**paths))
        names.append(name)
        return name

    yield register
    for name in names:
        del ir_datasets.registry._registered[name]


QUERIES = "q1\twho wrote it?\nq2\tunjudged\n"
DOCS = "d1\tGoethe  wrote it.\nd2\tIt rained.\n"


def test_a_dataset_becomes_texts_and_judgements(local):
    name = local("local/a", queries_tsv=QUERIES, docs_tsv=DOCS, qrels_trec="q1 0 d1 2\nq1 0 d2 0\n")
    dataset, tables = Dataset.load(name), Tables()
    dataset.judge(tables)
    found = tables.collection(dataset.passages(tables), unjudged=False)
    assert found.queries == [Text("q1", "who wrote it?")]
    assert list(found.passages) == [Text("d1", "Goethe wrote it."), Text("d2", "It rained.")]
    assert found.qrels == [Qrel("q1", "d1", 2), Qrel("q1", "d2", 0)]
    assert (tables.awaited, tables.one_line.changed) == (set(), 1)
    assert dataset.version == ir_datasets.__version__


def test_what_a_dataset_lacks_is_told_with_parts_that_have_it(local):
    local("local/b", docs_tsv=DOCS)
    local("local/b/test", queries_tsv=QUERIES, docs_tsv=DOCS, qrels_trec="q1 0 d1 1\n")
    with pytest.raises(
        CstoolError, match=r"^local/b has no queries and no qrels; try local/b/test$"
    ):
        Dataset.load("local/b")


def test_an_unknown_id_is_told():
    with pytest.raises(CstoolError, match=r"^no such/thing in ir_datasets"):
        Dataset.load("such/thing")


def test_a_broken_file_is_told_with_the_name_of_the_dataset(local):
    name = local("local/c", queries_tsv="q1\n", docs_tsv=DOCS, qrels_trec="q1 0 d1 1\n")
    with pytest.raises(CstoolError, match=r"^local/c: expected 2 fields, got 1$"):
        Dataset.load(name).judge(Tables())


def test_a_file_that_is_missing_is_told(local, tmp_path):
    name = local("local/d", queries_tsv=QUERIES, docs_tsv=DOCS, qrels_trec="q1 0 d1 1\n")
    for path in tmp_path.glob("*.docs_tsv"):
        path.unlink()
    with pytest.raises(CstoolError, match=r"^local/d: "):
        list(Dataset.load(name).passages(Tables()))


def test_a_dataset_without_plain_text_is_told():
    with pytest.raises(CstoolError, match=r"^clinicaltrials/2017/trec-pm-2017: .* its docs$"):
        Dataset.load("clinicaltrials/2017/trec-pm-2017")


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ir_datasets", None)  # import then fails
    with pytest.raises(CstoolError, match=r"pip install 'cstool\[irds\]'"):
        Dataset.load("mmarco/v2/de/dev/small")

import gzip
import json

import pytest

from cstool.datasets.collection import OneLine
from cstool.datasets.squad import collect
from cstool.formats import format_qrel, format_text_tsv
from cstool.records import Qrel, Text

CONTEXT = "Paris is old. It lies on the Seine."  # sentences 0-13 and 14-35


def question(qid, text="Where?", start=0, **more):
    return {"id": qid, "question": text, "answers": [{"text": "x", "answer_start": start}], **more}


def document(*questions, context=CONTEXT, **more):
    paragraph = {"context": context, "qas": list(questions), **more}
    return {"version": "1", "data": [{"title": "Paris", "paragraphs": [paragraph]}]}


def made(document, **how):
    return collect(json.dumps(document), OneLine(), **how)


def test_paragraphs_are_numbered_over_all_articles():
    first, second = document(question("b")), document(question("a"), context="Rome is older.")
    first["data"] += second["data"]
    found = made(first)
    assert found.passages == [Text("p000", CONTEXT), Text("p001", "Rome is older.")]
    assert found.queries == [Text("b", "Where?"), Text("a", "Where?")]
    assert found.qrels == [Qrel("b", "p000", 1), Qrel("a", "p001", 1)]


def test_a_paragraph_without_questions_stays_a_passage():
    found = made(document(question("a")) | {"version": "2"})
    alone = document(question("a"))
    alone["data"][0]["paragraphs"].insert(0, {"context": "Nothing asked.", "qas": []})
    assert [qrel.pid for qrel in made(alone).qrels] == ["p001"]
    assert [passage.id for passage in made(alone).passages] == ["p000", "p001"]
    assert [qrel.pid for qrel in found.qrels] == ["p000"]


def test_questions_without_an_answer_are_left_out_and_counted():
    impossible = {"id": "b", "question": "Why?", "answers": [], "is_impossible": True}
    emptied = {"id": "c", "question": "When?", "answers": []}
    found = made(document(question("a", is_impossible=False), impossible, emptied))
    assert [query.id for query in found.queries] == ["a"]
    assert found.left_out == {"unanswerable questions": 2}


def test_the_relevant_sentence_holds_the_start_of_the_answer():
    breaks = [[0, 13], [14, 35]]
    asked = [question("a", start=12), question("b", start=14), question("c", start=34)]
    found = made(document(*asked, sentence_breaks=breaks), sentences=True)
    assert found.passages == [
        Text("p000_s00", "Paris is old."),
        Text("p000_s01", "It lies on the Seine."),
    ]
    assert found.qrels == [
        Qrel("a", "p000_s00", 1),
        Qrel("b", "p000_s01", 1),
        Qrel("c", "p000_s01", 1),
    ]


def test_answers_in_several_sentences_make_each_of_them_relevant_once():
    several = question("a")
    several["answers"] = [{"text": "", "answer_start": start} for start in (20, 0, 30)]
    found = made(document(several, sentence_breaks=[[0, 13], [14, 35]]), sentences=True)
    assert found.qrels == [Qrel("a", "p000_s00", 1), Qrel("a", "p000_s01", 1)]


def test_texts_are_put_on_one_line_without_moving_the_sentences():
    one_line = OneLine()
    text = json.dumps(document(question("a", start=4), context="A.\nB", sentence_breaks=[[0, 4]]))
    text = text.replace('"answer_start": 4', '"answer_start": 3')
    found = collect(text, one_line, sentences=True)
    assert found.passages == [Text("p000_s00", "A. B")]
    assert one_line.changed == 1


def test_ids_may_be_numbers():
    found = made(document(question(38582)))
    assert found.queries == [Text("38582", "Where?")]


def without(key, node):
    return {name: value for name, value in node.items() if name != key}


AT = r"data\[0\]\.paragraphs\[0\]"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "^the document is no object$"),
        ({"questions": []}, "^the document has no data$"),
        ({"data": {}}, r"^data is \{\}, expected a list$"),
        ({"data": ["x"]}, r"^data\[0\] is no object$"),
        ({"data": [{"title": "x"}]}, r"^data\[0\] has no paragraphs$"),
        (document(question("a"), context=None), f"^{AT}.context is None, expected a string$"),
        (document(without("id", question("a"))), rf"^{AT}\.qas\[0\] has no id$"),
        (document(question("a"), {"id": "b"}), rf"^{AT}\.qas\[1\] has no question$"),
        (document(question(True)), rf"^{AT}\.qas\[0\]\.id is True, expected a string$"),
        (document(question("a b")), rf"^{AT}\.qas\[0\]: id is .*a b.*, expected a word"),
        (
            document(question("a"), question("a")),
            rf"^{AT}\.qas\[1\]\.id is a, which is another question's id$",
        ),
    ],
)
def test_a_wrong_document_is_named_by_its_place(wrong, message):
    with pytest.raises(ValueError, match=message):
        made(wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (document(question("a")), f"^{AT} has no sentence_breaks; only XQuAD-R has them$"),
        (
            document(question("a"), sentence_breaks=[[0, 13], [12, 35]]),
            rf"^{AT}\.sentence_breaks\[1\] is \[12, 35\], expected \[start, end\] between 13 and",
        ),
        (
            document(question("a"), sentence_breaks=[[0, 36]]),
            rf"^{AT}\.sentence_breaks\[0\] is \[0, 36\], expected .* between 0 and 35$",
        ),
        (
            document(question("a", start=13), sentence_breaks=[[0, 13], [14, 35]]),
            rf"^{AT}\.qas\[0\]\.answers\[0\]\.answer_start is 13, which is in no sentence$",
        ),
        (
            document({"id": "a", "question": "?"}, sentence_breaks=[[0, 13]]),
            rf"^{AT}\.qas\[0\] has no answers$",
        ),
    ],
)
def test_wrong_sentences_are_named_by_their_place(wrong, message):
    with pytest.raises(ValueError, match=message):
        made(wrong, sentences=True)


def test_what_is_no_json_is_told():
    with pytest.raises(ValueError, match=r"^no JSON: .* line 1 column 3"):
        collect('{"', OneLine())


@pytest.mark.realdata
@pytest.mark.parametrize("lang", ["en", "de", "es", "ru", "ar"])
@pytest.mark.parametrize(
    ("sentences", "passages", "qrels"),
    [(False, "passages.{}.tsv", "qrels.tsv"), (True, "sentences.{}.tsv", "qrels.sentences.{}.tsv")],
)
def test_xquad_r_equals_the_tables_made_elsewhere(real_data, lang, sentences, passages, qrels):
    with gzip.open(
        real_data / "raw" / "xquad-r" / f"{lang}.json.gz", "rt", encoding="utf-8"
    ) as raw:
        found = collect(raw.read(), OneLine(), sentences=sentences)

    def table(name):
        lines = (real_data / "xquad-r" / name.format(lang)).read_bytes().decode("utf-8")
        return lines.removesuffix("\n").split("\n")

    assert [format_text_tsv(text) for text in found.queries] == table("queries.{}.tsv")
    assert [format_text_tsv(text) for text in found.passages] == table(passages)
    assert [format_qrel(qrel) for qrel in found.qrels] == table(qrels)

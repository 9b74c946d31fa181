from transformers import AutoTokenizer

from cstool.analysis.tokens import languages
from cstool.evaluate import Judgements
from cstool.records import Qrel

QUERIES = {"en": {"q1": "what is paris", "q2": "xyz"}}
PASSAGES = {"en": {"p1": "paris lies on the seine", "p2": "Привет"}}


def test_fertility_unknown_and_cut(bert):
    tokenizer = AutoTokenizer.from_pretrained(bert)
    judged = Judgements.of([Qrel("q1", "p1", 1), Qrel("q1", "p2", 0), Qrel("q2", "p2", 1)])
    found = languages(
        tokenizer, [("en", "en")], QUERIES.__getitem__, PASSAGES.__getitem__, lambda _: judged, 10
    )
    # "xyz" falls into three letters; the Cyrillic word is unknown.
    assert found[0].rows == [
        ["queries", "en", "2", "1.50", "0.00%"],
        ["passages", "en", "2", "1.00", "16.67%"],
    ]
    # 3 + 5 tokens and 3 around them; 3 + 1 and 3.
    assert found[1].title == "relevant pairs of more than 10 tokens"
    assert found[1].rows == [["en-en", "2", "50.0%"]]

from cstool.datasets.collection import OneLine
from cstool.datasets.pairs import collect
from cstool.records import Pair, Qrel, Text

# printf 'who?' | sha256sum, and so on
WHO, A_B, X = "1d8176d17935a44c", "c8687a08aa5d6ed2", "2d711642b726b044"


def test_equal_texts_have_equal_ids_and_come_once():
    found = collect([Pair("who?", "a b"), Pair("x", "a b"), Pair("who?", "x")], OneLine())
    assert found.queries == [Text(f"q{WHO}", "who?"), Text(f"q{X}", "x")]
    assert found.passages == [Text(f"p{A_B}", "a b"), Text(f"p{X}", "x")]
    assert found.qrels == [
        Qrel(f"q{WHO}", f"p{A_B}", 1),
        Qrel(f"q{X}", f"p{A_B}", 1),
        Qrel(f"q{WHO}", f"p{X}", 1),
    ]
    assert found.left_out == {"repeated pairs": 0}


def test_the_id_is_that_of_the_text_as_it_is_written():
    one_line = OneLine()
    found = collect([Pair("who?", "a b"), Pair(" who?\n", "a\t b")], one_line)
    assert found.passages == [Text(f"p{A_B}", "a b")]
    assert found.qrels == [Qrel(f"q{WHO}", f"p{A_B}", 1)]
    assert found.left_out == {"repeated pairs": 1}
    assert one_line.changed == 2

import json

import pytest

from cstool.lexicons import vocabulary
from cstool.lexicons.vocabulary import Parser

EXAMPLE = json.dumps(
    {"qid": "1", "query": "Who?", "pid": "2", "passage": "The New-York Times", "label": 1}
)


def parsed(*lines):
    parse = Parser()
    return [parse(line) for line in lines]


def test_texts_of_every_kind_of_file():
    assert parsed(EXAMPLE) == [("Who?", "The New-York Times")]
    assert parsed('{"id": "q1", "contents": "a b"}', '{"id": 2, "text": ""}') == [("a b",), ("",)]
    assert parsed("q1\tone two\tthree") == [("one two\tthree",)]
    assert parsed("a paragraph\tof a novel", "word", "") == [
        ("a paragraph\tof a novel",),
        ("word",),
        ("",),
    ]


def test_running_text_may_hold_braces():
    assert parsed("Chapter one", "{The worldly holy.", '{"x": 1}') == [
        ("Chapter one",),
        ("{The worldly holy.",),
        ('{"x": 1}',),
    ]
    assert parsed("{The worldly holy.") == [("{The worldly holy.",)]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (['{"id": "1", "te'], "expected a JSON object"),
        (['{"word": "dog"}'], "expected keys qid, query, pid"),
        ([EXAMPLE, '{"id": "1"}'], "expected id and text"),
        ([EXAMPLE, "a word"], "expected id<TAB>text or a JSON object"),
    ],
)
def test_wrong_lines_of_json_are_told(lines, problem):
    with pytest.raises(ValueError, match=problem):
        parsed(*lines)


def test_keys_are_those_that_lexicons_are_matched_by():
    known = vocabulary.keys([("Who Straße?", "the NEW-York times"), ("don’t 9/11",)])
    assert known >= {"who", "strasse", "the", "new", "york", "times", "don't"}
    assert vocabulary.keys([]) == frozenset()


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("House", True),
        ("new york", True),
        ("New-York", True),
        ("york house", True),
        ("old york", False),
        ("9/11", False),
        ("", False),
    ],
)
def test_a_phrase_occurs_if_all_of_its_words_do(phrase, expected):
    assert vocabulary.occurs(phrase, frozenset({"house", "new", "york", "9", "11"})) is expected

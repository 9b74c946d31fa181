import unicodedata

import regex
from hypothesis import example, given
from hypothesis import strategies as st

from cstool.datasets.answers import holds, tokens


def words(text):
    """Tokens as DPR's SimpleTokenizer defines them: pattern and normalisation from the paper."""
    pattern = r"([\p{L}\p{N}\p{M}]+)|([^\p{Z}\p{C}])"
    text = unicodedata.normalize("NFD", text)
    return [match.group().lower() for match in regex.finditer(pattern, text)]


def has_answer(answers, text):
    """DPR's definition: the answer's tokens are a run of the text's tokens."""
    there = words(text)
    return any(
        wanted == there[i : i + len(wanted)]
        for wanted in map(words, answers)
        for i in range(len(there) - len(wanted) + 1)
        if wanted
    )


TEXT = st.text(st.sampled_from("aAbé é.,-–'’0 1\t\u00a0\u0301日İß") | st.characters(), max_size=30)


@given(TEXT, st.lists(TEXT, max_size=3))
@example("He won in 2017.", ["2017"])
@example("Curaçao", ["Curac\u0327ao"])
def test_it_agrees_with_the_definition(text, answers):
    assert holds(tokens(text), map(tokens, answers)) == has_answer(answers, text)


def test_an_answer_is_whole_tokens_in_their_order():
    passage = tokens("The Beatles' tennis-court, opened 14 December 1972 (UTC).")
    for answer in ("beatles", "Tennis", "tennis-court", "14 december  1972", "(UTC)", "1972 ( utc"):
        assert holds(passage, [tokens(answer)]), answer
    for answer in ("ten", "Beatle", "December 14", "1972 UTC", "2 (", "court opened"):
        assert not holds(passage, [tokens(answer)]), answer


def test_an_answer_without_tokens_stands_nowhere():
    assert not holds(tokens("text"), [tokens(""), tokens(" \t")])
    assert not holds(tokens(""), [tokens("x")])

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstool import files, formats
from cstool.records import Entry, Example, Hit, Pair, Qrel, Score, Text, Triple

texts = st.text(st.characters(codec="utf-8"))
lines = st.text(st.characters(codec="utf-8", exclude_characters="\n"))
ids = lines.filter(lambda name: name.split() == [name])
words = lines.filter(lambda word: word and "\t" not in word and word == word.strip())
scores = st.floats(width=32, allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


def extra(*taken):
    return st.dictionaries(texts.filter(lambda key: key not in taken), values, max_size=3)


examples = st.builds(
    Example,
    qid=texts.filter(bool),
    query=texts,
    pid=texts.filter(bool),
    passage=texts,
    label=st.sampled_from([0, 1, 0.5]),
    extra=extra(*formats.EXAMPLE_KEYS),
)
json_texts = st.builds(Text, ids, texts, extra("id", "text", "query"))
tsv_texts = st.builds(Text, ids.filter(lambda name: name[0] != "{"), lines)


def float32(number):
    return struct.pack("f", number)


# What is written can be read


@given(examples | json_texts | tsv_texts)
def test_training_records_survive(record):
    assert formats.parse_record(formats.format_record(record)) == record


@given(examples)
def test_an_example_survives(example):
    assert formats.parse_example(formats.format_example(example)) == example


@given(json_texts | tsv_texts)
def test_a_text_survives(text):
    assert formats.parse_text(formats.format_text(text)) == text


@given(ids, ids, st.integers())
def test_a_judgement_survives(qid, pid, relevance):
    qrel = Qrel(qid, pid, relevance)
    assert formats.parse_qrel(formats.format_qrel(qrel)) == qrel


@given(ids, ids, scores)
def test_a_hit_survives_and_its_score_as_a_float32(qid, pid, score):
    hit = formats.parse_hit(formats.format_hit(Hit(qid, pid, score), 1, "tag"))
    assert (hit.qid, hit.pid) == (qid, pid)
    assert float32(hit.score) == float32(score)


@given(words, words, scores)
def test_a_lexicon_entry_survives(source, target, score):
    entry = formats.parse_entry(formats.format_entry(Entry(source, target, score)))
    assert (entry.source, entry.target) == (source, target)
    assert float32(entry.score) == float32(score)


# What is read, by hand


def test_the_data_released_with_the_paper():
    line = '{"qid":"121352","query":"define extreme","pid":"1","passage":"Ä \\u00e4","label":1}'
    assert formats.parse_record(line) == Example("121352", "define extreme", "1", "Ä ä", 1)
    swapped = '{"label": 0, "pid": 7, "qid": 3, "passage": "p", "query": "q"}'
    assert formats.parse_record(swapped) == Example("3", "q", "7", "p", 0)


def test_further_keys_pass_through_unchanged():
    row = '{"qid":"1","query":"q","pid":"2","passage":"p","label":0.25,'
    row += '"teacher":-1.5,"id":"x","copy":3,"tags":["a",{"b":null}]}'
    assert formats.format_record(formats.parse_record(row)) == row


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("7\ta\tb ", Text("7", "a\tb ")),
        ("7\t", Text("7", "")),
        ("7\ta\r", Text("7", "a\r")),
        ('{"id":"7","text":"a\\nb"}', Text("7", "a\nb", {})),
        ('{"contents":"a","id":7}', Text("7", "a", {})),
        ('{"id":"7","text":"a","contents":"b"}', Text("7", "a", {"contents": "b"})),
        ('{"id":"7","text":"a","copy":1}', Text("7", "a", {"copy": 1})),
    ],
)
def test_texts(line, text):
    assert formats.parse_text(line) == formats.parse_record(line) == text


def test_judgements_and_hits_take_any_blank():
    assert formats.parse_qrel("q1 0\tp1  -1") == Qrel("q1", "p1", -1)
    assert formats.parse_hit("q1 Q0 p1\t7 -1.5e-3 tag\r") == Hit("q1", "p1", -0.0015)


def test_lexicon_entries():
    assert formats.parse_entry("New York\tНью-Йорк") == Entry("New York", "Нью-Йорк", 1.0)
    assert formats.parse_entry("a\tb\t0.5") == Entry("a", "b", 0.5)


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("house Haus", Entry("house", "Haus")),
        ("house\tHaus", Entry("house", "Haus")),
        ("New York\tNeu York\t7\tcity", Entry("New York", "Neu York")),
    ],
)
def test_dictionaries(line, entry):
    assert formats.parse_word_pair(line) == entry


def test_pairs_and_triples():
    assert formats.parse_pair('{"query":"q","passage":"p","title":"t"}') == Pair("q", "p")
    assert formats.parse_triple("1\t2\t3") == Triple("1", "2", "3")


# What is written, by hand


def test_lines_that_other_programs_read():
    assert formats.format_qrel(Qrel("q", "p", 2)) == "q 0 p 2"
    assert formats.format_hit(Hit("q", "p", 1 / 3), 1, "t") == "q Q0 p 1 0.333333333 t"
    assert formats.format_hit(Hit("q", "p", -12345678912.0), 2, "t") == "q Q0 p 2 -1.23456789e+10 t"
    assert formats.format_entry(Entry("a", "b")) == "a\tb\t1"
    score = Score("ml-cs", "de", "en", "1", "mrr@10", "all", 1 / 3)
    assert formats.format_score(score) == "ml-cs\tde\ten\t1\tmrr@10\tall\t0.333333"


def test_every_script_is_readable():
    example = Example("1", "Ä क", "2", "р\u2028", 1)
    assert '"query":"Ä क","pid":"2","passage":"р\u2028"' in formats.format_example(example)


# What is refused


@pytest.mark.parametrize(
    ("parse", "line", "problem"),
    [
        (formats.parse_text, "", "'', expected id<TAB>text or a JSON object"),
        (formats.parse_text, "x" * 99, f"'{'x' * 57}...', expected id<TAB>text or a JSON object"),
        (formats.parse_text, "\ta", "id is ''"),
        (formats.parse_text, "a b\tc", "id is 'a b', expected a word: TREC files split at spaces"),
        (formats.parse_text, '{"id":"a b","text":"c"}', "id is 'a b', expected a word"),
        (formats.parse_text, '{"id":"","text":"c"}', "id is '', expected an id"),
        (formats.parse_text, '{"id":true,"text":"c"}', "id is True, expected an id"),
        (formats.parse_text, '{"id":1.5,"text":"c"}', "id is 1.5, expected an id"),
        (formats.parse_text, '{"id":"1","text":null}', "text is None, expected a string"),
        (formats.parse_text, '{"id":"1"}', "keys 'id', expected id and text (or contents)"),
        (formats.parse_text, '{"a\\nb":"1"}', r"keys 'a\nb', expected id and text (or contents)"),
        (formats.parse_text, '{"id":"1"', "expected a JSON object (unexpected end of data at char"),
        (formats.parse_record, "", "'', expected id<TAB>text or a JSON object"),
        (formats.parse_record, '{"qid":"1"}', "no query, pid, passage, label; expected keys qid,"),
        (formats.parse_record, '{"id":"1"}', "keys 'id', expected id and text"),
        (formats.parse_example, "", "'', expected a JSON object"),
        (formats.parse_example, "[1]", "'[1]', expected a JSON object"),
        (formats.parse_pair, '{"query":"q"}', "no passage; expected keys query and passage"),
        (formats.parse_pair, "{}", "no query and no passage; expected keys query and passage"),
        (formats.parse_triple, "1\t2", "2 tab-separated fields, expected query, positive, negat"),
        (formats.parse_qrel, "q 0 p", "3 fields, expected 4: qid 0 pid relevance"),
        (formats.parse_qrel, "q 0 p 1.0", "relevance is '1.0', expected a whole number"),
        (formats.parse_hit, "q Q0 p 1 2.5", "5 fields, expected 6: qid Q0 pid rank score tag"),
        (formats.parse_hit, "q Q0 p 1 x t", "score is 'x', expected a finite number"),
        (formats.parse_hit, "q Q0 p 1 nan t", "score is 'nan', expected a finite number"),
        (formats.parse_hit, "q Q0 p 1 -inf t", "score is '-inf', expected a finite number"),
        (formats.parse_hit, "q Q0 p 1 1e999 t", "score is '1e999', expected a finite number"),
        (formats.parse_entry, "house", "1 tab-separated fields, expected source, target[, score]"),
        (formats.parse_entry, "house\t", "expected a source and a target without space around"),
        (formats.parse_entry, "house \tHaus", "expected a source and a target without space"),
        (formats.parse_entry, "house\tHaus\r", "expected a source and a target without space"),
        (formats.parse_entry, "house\tHaus\tNaN", "score is 'NaN', expected a finite number"),
        (formats.parse_word_pair, "new york Neu York", "expected source<TAB>target or two words"),
        (formats.parse_word_pair, "house", "'house', expected source<TAB>target or two words"),
        (formats.parse_word_pair, "house\t ", "expected source<TAB>target or two words"),
    ],
)
def test_a_wrong_line_is_explained(parse, line, problem):
    with pytest.raises(ValueError) as caught:
        parse(line)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("label", "true", "label is True, expected a number from 0 to 1"),
        ("label", '"1"', "label is '1', expected a number from 0 to 1"),
        ("label", "2", "label is 2, expected a number from 0 to 1"),
        ("label", "-0.1", "label is -0.1, expected a number from 0 to 1"),
        ("label", "null", "label is None, expected a number from 0 to 1"),
        ("label", "NaN", "expected a JSON object"),
        ("qid", '""', "qid is '', expected an id"),
        ("qid", "true", "qid is True, expected an id"),
        ("pid", "1.5", "pid is 1.5, expected an id"),
        ("query", "[1]", "query is [1], expected a string"),
        ("passage", "null", "passage is None, expected a string"),
        ("passage", r'"\ud800"', "expected a JSON object"),
    ],
)
def test_a_wrong_value_of_an_example_is_explained(key, value, problem):
    row = {"qid": '"1"', "query": '"q"', "pid": '"2"', "passage": '"p"', "label": "1", key: value}
    line = "{" + ",".join(f'"{name}":{value}' for name, value in row.items()) + "}"
    with pytest.raises(ValueError) as caught:
        formats.parse_example(line)
    assert problem in str(caught.value)


def test_what_no_line_can_hold_is_refused():
    with pytest.raises(ValueError, match=r"TSV has no room for 'copy'; write \.jsonl"):
        formats.format_text_tsv(Text("1", "a", {"copy": 1}))
    for entry in (Entry("a\tb", "c"), Entry("a", " b"), Entry("", "b")):
        with pytest.raises(ValueError, match="expected no tab and no space around"):
            formats.format_entry(entry)
    nested = math.nan
    for _ in range(300):
        nested = [nested]
    with pytest.raises(ValueError, match="cannot be written as JSON: Recursion limit reached"):
        formats.format_example(Example("1", "q", "2", "p", 1, {"deep": nested}))


@pytest.mark.realdata
def test_files_as_they_were_published(real_data):
    pairs = list(files.read(real_data / "train" / "en.wiki.jsonl.gz", formats.parse_pair))
    assert len(pairs) == 14_200
    assert len(list(files.read(real_data / "xquad-r" / "qrels.tsv", formats.parse_qrel))) == 1190
    queries = list(files.read(real_data / "xquad-r" / "queries.ar.tsv", formats.parse_text))
    assert len({query.id for query in queries}) == 1190
    muse = real_data / "dictionaries" / "muse" / "en-de.txt.gz"
    assert next(iter(files.read(muse, formats.parse_word_pair))).source

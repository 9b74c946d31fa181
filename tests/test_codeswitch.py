import json
import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare, pearsonr

from cstool import words
from cstool.codeswitch import Switcher, codeswitch, without_stopwords
from cstool.errors import CstoolError
from cstool.lexicons.store import Table
from cstool.records import Entry, Example, Text
from cstool.replacements import Replacement, joined, trace

# Targets are the source in angle brackets with the language's mark, so that a switched text shows
# what was replaced: `house` becomes `<house>` in "de" and `<house!>` in "it".
MARKS = {"de": "", "it": "!", "ru": "?", "nl": "+"}
KNOWN = ("house", "red", "river", "sea")
SPAN = re.compile(r"<([^<>!?+]*)([!?+]?)>")


def lexicon(*languages, known=KNOWN):
    return {
        language: Table.of(Entry(word, f"<{word}{MARKS[language]}>") for word in known)
        for language in languages
    }


def switcher(tables, *languages, ratio=0.5, seed=1, **more):
    sides = dict.fromkeys(("query", "passage", "text"), languages or tuple(tables))
    return Switcher(tables, sides, ratio=ratio, seed=seed, **more)


def restored(switched):
    """Take every replacement back; exact where the text was in lower case."""
    return SPAN.sub(lambda match: match[1], switched)


def replaced(switched):
    """List what was replaced: the number of the word in the text, and the language's mark."""
    return [
        (number, match[2])
        for number, token in enumerate(switched.split())
        if (match := SPAN.search(token))
    ]


sentences = st.lists(
    st.sampled_from([*KNOWN, "the", "seahouse", "red's", "a-sea", "(river),", "http://red.sea"]),
    max_size=12,
).map(" ".join)
cased = st.lists(
    st.sampled_from([*KNOWN, "House", "RED", "seahouse", "'", "’s", "-", ".", "\u2028", "1", "é"])
    | st.sampled_from([" ", " ", "  ", "\t"]),
    max_size=20,
).map("".join)
records = st.lists(
    st.builds(Example, st.text(), sentences, st.text(), sentences, st.just(1))
    | st.builds(Text, st.text(), sentences),
    max_size=3,
)
ratios = st.floats(0, 1)


# What is drawn depends on the record alone


@given(records, st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(found, random):
    order = list(range(len(found)))
    random.shuffle(order)
    tables = lexicon("de", "it")
    straight = list(codeswitch(found, switcher(tables)))
    shuffled = list(codeswitch([found[n] for n in order], switcher(tables)))
    assert shuffled == [straight[n] for n in order]


@given(sentences, st.text(max_size=3), ratios)
def test_another_language_moves_only_the_spans_that_it_wins(text, name, ratio):
    one = switcher(lexicon("de", "it"), ratio=ratio).text(text, "text", name)
    more = switcher(lexicon("de", "it", "ru"), ratio=ratio).text(text, "text", name)
    assert [n for n, _ in replaced(more)] == [n for n, _ in replaced(one)]
    assert [span for span in replaced(more) if span[1] != "?"] == [
        span for span in replaced(one) if (span[0], "?") not in replaced(more)
    ]


@given(sentences, st.permutations(["de", "it", "ru", "nl"]))
def test_the_place_of_a_language_in_the_list_does_not_matter(text, languages):
    tables = lexicon(*MARKS)
    for per in ("span", "text"):
        expected = switcher(tables, *MARKS, per=per).text(text, "text", "1")
        assert switcher(tables, *languages, per=per).text(text, "text", "1") == expected


@given(sentences, ratios)
def test_an_entry_for_a_word_that_does_not_occur_changes_nothing(text, ratio):
    one = switcher(lexicon("de", "it"), ratio=ratio).text(text, "text", "1")
    tables = lexicon("de", "it", known=(*KNOWN, "sky", "sky house", "river sky"))
    assert switcher(tables, ratio=ratio).text(text, "text", "1") == one


@given(sentences, ratios)
def test_an_entry_for_a_word_changes_spans_of_that_word_only(text, ratio):
    tables = lexicon("de", "it", known=("house", "red", "river"))
    one = switcher(tables, ratio=ratio).text(text, "text", "1")
    more = switcher(lexicon("de", "it"), ratio=ratio).text(text, "text", "1")
    assert re.sub(r"<sea[!]?>", "sea", more) == one


def test_everything_that_a_draw_depends_on():
    text = "the red house " * 20
    tables = lexicon("de", "it")
    example = Example("q", text, "p", text, 1)
    switched = switcher(tables).switch(example)
    assert switcher(tables).switch(example) == switched
    assert switcher(tables, seed=2).switch(example).query != switched.query
    assert switcher(tables).switch(replace(example, qid="r")).query != switched.query
    assert switcher(tables).switch(replace(example, pid="r")).query != switched.query
    # Ids do not run into each other, nor into the side.
    assert switcher(tables).switch(Example("qp", text, "", text, 1)).query != switched.query
    assert switcher(tables).text(text, "text", "q", "p") != switched.query
    # A copy is drawn for anew; what else stands in a record has no say.
    copies = [replace(example, extra={"copy": n}) for n in (1, 2)]
    assert len({switcher(tables).switch(copy).query for copy in [example, *copies]}) == 3
    other = replace(example, label=0, extra={"language": "en"})
    assert switcher(tables).switch(other).query == switched.query


def test_the_hash_is_fixed():
    """Whoever changes what is drawn makes every published result unrepeatable.

    Expected is what the plain rule of test_batch makes of it.
    """
    text = "the red house by the river by the sea by the red river"
    example = Example("q1", text, "p1", text, 1)
    switched = switcher(lexicon("de", "it")).switch(example)
    assert switched.query == "the red house by the river by the sea by the red <river!>"
    assert switched.passage == "the <red!> house by the <river> by the <sea!> by the <red> <river>"
    assert (
        switcher(lexicon("de", "it")).switch(Text("q1", text)).text
        == "the <red> <house> by the river by the sea by the <red> river"
    )


def test_query_and_passage_are_drawn_independently():
    """Two fair coins agree half of the time."""
    text = "red " * 1000
    switched = switcher(lexicon("de")).switch(Example("q", text, "p", text, 1))
    query, passage = (dict(replaced(side)) for side in (switched.query, switched.passage))
    same = sum((number in query) == (number in passage) for number in range(1000))
    assert binomtest(same, 1000, 0.5).pvalue > 0.01


# What is replaced


@given(records)
def test_ratio_0_replaces_nothing(found):
    assert list(codeswitch(found, switcher(lexicon("de", "it"), ratio=0))) == found


@given(sentences)
def test_ratio_1_replaces_every_known_word(text):
    switched = switcher(lexicon("de"), ratio=1).text(text, "text", "1")
    by_hand = text.split(" ") if text else []
    by_hand = [f"<{word}>" if word in KNOWN else word for word in by_hand]
    fixed = {"red's": "<red>'s", "a-sea": "a-<sea>", "(river),": "(<river>),"}
    assert switched == " ".join(fixed.get(word, word) for word in by_hand)


@given(cased, ratios)
def test_nothing_but_whole_words_changes(text, ratio):
    """What stands between the replacements stood in the text, byte for byte."""
    switched = switcher(lexicon("de", "it"), ratio=ratio).text(text, "text", "1")
    pattern, end = "", 0
    for match in SPAN.finditer(switched):
        pattern += re.escape(switched[end : match.start()])
        pattern += rf"(?<![^\W_])(?i:{match[1]})(?![^\W_])"
        end = match.end()
    assert re.fullmatch(pattern + re.escape(switched[end:]), text)


def test_a_replacement_is_never_replaced_again():
    tables = {"de": Table.of([Entry("red", "house red"), Entry("house", "red")])}
    assert switcher(tables, ratio=1).text("red house red", "text", "1") == "house red red house red"


def test_capitals_and_punctuation_stay():
    tables = {"de": Table.of([Entry("red", "rot"), Entry("house", "Haus")])}
    text = "Red, RED; “red” (House's) red-house\tred\u2028HOUSE."
    expected = "Rot, ROT; “rot” (Haus's) rot-Haus\trot\u2028HAUS."
    assert switcher(tables, ratio=1).text(text, "text", "1") == expected


def test_the_capital_of_a_turkish_i():
    tables = {"tr": Table.of([Entry("in", "içinde")])}
    assert switcher(tables, ratio=1).text("In it", "text", "1") == "İçinde it"


# Phrases

PHRASES = {
    "de": Table.of(
        Entry(*entry)
        for entry in [("new", "1"), ("york", "2"), ("new york", "3"), ("new york city hall", "4")]
    )
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("new york city hall", "4"),
        ("new york city", "3 city"),
        ("new new york york", "1 3 2"),
        ("New-York  City Hall", "4"),
        ("new, york", "1, 2"),
        ("new york, city hall", "3, city hall"),
        ("new york's hall", "3's hall"),
        ("new york city hallway", "3 city hallway"),
    ],
)
def test_the_longest_phrase_wins(text, expected):
    assert switcher(PHRASES, ratio=1).text(text, "text", "1") == expected


def test_a_phrase_is_one_draw():
    made = Switcher(PHRASES, {"text": ["de"]}, ratio=0.5, seed=1)
    phrases = made.text("new york. " * 1000, "text", "1").split(". ")[:-1]
    counts = Counter(phrases)
    assert set(counts) == {"new york", "3"}
    assert binomtest(counts["3"], 1000, 0.5).pvalue > 0.01
    assert made.accounts["text"].replaced == {"de": 2 * counts["3"]}
    assert made.accounts["text"].matched == made.accounts["text"].words == 2000


# Replacements


@given(cased, ratios)
def test_replacements_tell_where_they_stand(text, ratio):
    tables = {
        "de": Table.of([Entry("red", "<red>"), Entry("red house", "<red house>")]),
        "it": Table.of([Entry("house", "<house!>")]),
    }
    made = switcher(tables, ratio=ratio).replacements(text, "text", "1")
    ends = [0, *(item.end for item in made)]
    assert all(end <= item.start < item.end for end, item in zip(ends, made, strict=False))
    assert [text[item.start : item.end] for item in made] == [item.source for item in made]
    switched_text = switcher(tables, ratio=ratio).text(text, "text", "1")
    assert joined(text, made) == switched_text
    assert sum(item.language == "it" for item in made) == switched_text.count("!")


def test_replacements_by_hand():
    tables = {"de": Table.of([Entry("sea", "Meer"), Entry("new york", "Neu York")])}
    text = "In NEW-YORK, the Sea's é"
    made = switcher(tables, ratio=1).replacements(text, "text", "1")
    assert made == [
        Replacement(3, 11, "NEW-YORK", "NEU YORK", "de"),
        Replacement(17, 20, "Sea", "Meer", "de"),
    ]


def as_noted(record, sides):
    return replace(record, **{side: joined(getattr(record, side), sides[side]) for side in sides})


@given(records)
def test_what_is_noted_is_what_is_replaced(found):
    noted = []
    made = codeswitch(
        found, switcher(lexicon("de", "it")), lambda *about: noted.append(as_noted(*about))
    )
    assert list(made) == noted


def test_a_trace_by_hand():
    tables = {"de": Table.of([Entry("sea", "Meer")]), "it": Table.of([Entry("red", "rosso")])}
    made = switcher(tables, ratio=1)
    example = Example("q", "Red sea", "p", "é sea", 1, {"language": "en", "copy": 2})
    lines = [json.loads(line) for line in trace(example, made.sides(example))]
    whose = {"qid": "q", "pid": "p", "copy": 2}
    german = {"source": "sea", "target": "Meer", "language": "de"}
    italian = {"source": "Red", "target": "Rosso", "language": "it"}
    assert lines == [
        {**whose, "side": "query", "start": 0, "end": 3, **italian},
        {**whose, "side": "query", "start": 4, "end": 7, **german},
        {**whose, "side": "passage", "start": 2, "end": 5, **german},
    ]
    [line] = trace(Text("1", "sea"), made.sides(Text("1", "sea")))
    assert json.loads(line) == {"id": "1", "side": "text", "start": 0, "end": 3, **german}
    assert list(trace(Text("1", ""), made.sides(Text("1", "")))) == []


# Stop words


def test_stop_words_stay_unless_in_a_phrase():
    entries = [
        *(Entry("the", "der"), Entry("The", "die"), Entry("Don’t", "nicht")),
        *(Entry("who", "wer"), Entry("house", "Haus"), Entry("house of the", "Haus des")),
    ]
    made = switcher({"de": Table.of(without_stopwords(entries))}, ratio=1)
    text = "Who? THE house of the sun, the house; don't"
    assert made.text(text, "text", "1") == "Who? THE Haus des sun, the Haus; don't"
    assert (made.accounts["text"].words, made.accounts["text"].matched) == (9, 4)


@given(sentences, ratios)
def test_without_stop_words_other_words_are_drawn_as_with_them(text, ratio):
    entries = [Entry(word, f"<{word}>") for word in ("the", *KNOWN)]
    with_them = switcher({"de": Table.of(entries)}, ratio=ratio)
    without = switcher({"de": Table.of(without_stopwords(entries))}, ratio=ratio)
    expected = with_them.text(text, "text", "1").replace("<the>", "the")
    assert without.text(text, "text", "1") == expected


# Shares


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9])
def test_the_share_of_one_language(ratio):
    made = switcher(lexicon("de"), ratio=ratio)
    for n in range(100):
        made.text("red house " * 100, "text", str(n))
    account = made.accounts["text"]
    assert account.words == account.matched == 20_000
    assert binomtest(account.replaced["de"], 20_000, ratio).pvalue > 0.01


@pytest.mark.parametrize("per", ["span", "text"])
def test_several_languages_get_even_shares(per):
    made = switcher(lexicon(*MARKS), ratio=1, per=per)
    length = 1 if per == "text" else 100  # one word a text, so that every word is a draw
    for n in range(4000 // length):
        made.text("red " * length, "text", str(n))
    counts = made.accounts["text"].replaced
    assert sum(counts.values()) == 4000
    for language in MARKS:
        assert binomtest(counts[language], 4000, 1 / 4).pvalue > 0.01


def test_the_language_does_not_depend_on_whether_a_word_is_replaced():
    few, all_words = (
        dict(replaced(switcher(lexicon("de", "it"), ratio=ratio).text("red " * 2000, "text", "1")))
        for ratio in (0.5, 1)
    )
    assert set(few.items()) <= set(all_words.items())
    chosen = [number in few for number in range(2000)]
    italian = [all_words[number] == "!" for number in range(2000)]
    assert pearsonr(chosen, italian).pvalue > 0.01


def test_one_language_for_each_text():
    made = switcher(lexicon(*MARKS), ratio=0.5, per="text")
    drawn = set()
    for n in range(40):
        marks = {mark for _, mark in replaced(made.text("red house " * 20, "text", str(n)))}
        assert len(marks) == 1
        drawn |= marks
    assert drawn == set(MARKS.values())


def test_only_languages_that_know_a_word_are_drawn():
    tables = {"de": lexicon("de")["de"], "it": lexicon("it", known=["red"])["it"]}
    switched = switcher(tables, ratio=1).text("house " * 50 + "red " * 50, "text", "1")
    marks = Counter(mark for _, mark in replaced(switched)[:50])
    assert marks == {"": 50}
    assert {mark for _, mark in replaced(switched)[50:]} == {"", "!"}


# Sides


def test_a_side_in_english_stays():
    sides = {"query": ["en"], "passage": ["de"]}
    made = Switcher(lexicon("de"), sides, ratio=1, seed=1)
    switched = made.switch(Example("q", "red house", "p", "red house", 1))
    assert (switched.query, switched.passage) == ("red house", "<red> <house>")


def test_english_among_the_languages_takes_its_share():
    made = switcher(lexicon("de", "it"), "de", "en", "it", ratio=1)
    made.text("red " * 3000, "text", "1")
    counts = made.accounts["text"].replaced
    english = 3000 - counts["de"] - counts["it"]
    assert binomtest(english, 3000, 1 / 3).pvalue > 0.01


def test_wiki_cs():
    """Query and passage of an example each are in one of six languages, independently."""
    languages = ["ar", "de", "en", "it", "nl", "ru"]
    entries = {name: [Entry("the", "x"), Entry("red sea", name)] for name in languages}
    tables = {
        name: Table.of(without_stopwords(entries[name])) for name in languages if name != "en"
    }
    sides = {"query": languages, "passage": languages}
    made = Switcher(tables, sides, ratio=1, seed=1, per="text")
    pairs = Counter()
    for number in range(3600):
        record = made.switch(Example(f"q{number}", "the Red Sea", "p", "red sea, red sea!", 1))
        query = re.fullmatch("the (.*)", record.query)[1].lower()
        passage = re.fullmatch("(.*), \\1!", record.passage)[1]
        pairs[query.replace("red sea", "en"), passage.replace("red sea", "en")] += 1
    assert set(pairs) == {(query, passage) for query in languages for passage in languages}
    assert chisquare(list(pairs.values())).pvalue > 0.01
    english = {
        side: sum(count for names, count in pairs.items() if names[number] == "en")
        for number, side in enumerate(sides)
    }
    assert made.accounts["query"].matched == 2 * (3600 - english["query"])
    assert made.accounts["passage"].matched == 4 * (3600 - english["passage"])


def test_a_query_alone_needs_a_language():
    made = Switcher(lexicon("de"), {"query": ["de"]}, ratio=1, seed=1)
    with pytest.raises(CstoolError, match="q1 is a query or a passage alone"):
        made.switch(Text("q1", "red"))


def test_further_keys_and_labels_stay():
    example = Example("q", "red", "p", "red", 0.5, {"language": "en", "copy": 3})
    switched = switcher(lexicon("de"), ratio=1).switch(example)
    assert switched == replace(example, query="<red>", passage="<red>")


# The account


def test_the_account_by_hand():
    made = switcher(lexicon("de"), "de", ratio=1)
    for n, text in enumerate(["the red house", "the tree 7", ""]):
        made.text(text, "text", str(n))
    summary = made.summary()["text"]
    assert summary.pop("most_used") == [
        {"language": "de", "source": source, "target": f"<{source}>", "count": 1}
        for source in ("house", "red")
    ]
    counts = {"words": 5, "matched": 2, "replaced": 2, "nominal_ratio": 1, "effective_ratio": 0.4}
    assert summary == {
        "texts": 3,
        "kept_texts": 0,
        **counts,  # the, red, house; the, tree: 7 is no word
        "replaced_spans": 2,
        "identical_spans": 0,
        "code_mixing_index": 0.1111,  # (1/3 + 0 + 0) / 3
        "switch_points": 1,  # the | red house
        "languages": {"de": counts},
    }


def test_the_code_mixing_index_of_three_languages():
    """Two of four words in one language, one in each of two others: 1 - 2/4."""
    tables = {
        "de": Table.of([Entry("red", "rot"), Entry("house", "Haus")]),
        "it": Table.of([Entry("sea", "mare")]),
    }
    made = switcher(tables, ratio=1)
    assert made.text("the red house sea", "text", "1") == "the rot Haus mare"
    assert made.summary()["text"]["code_mixing_index"] == 0.5


@given(sentences, ratios)
def test_the_account_counts_what_the_text_shows(text, ratio):
    made = switcher(lexicon("de", "it"), ratio=ratio)
    switched = made.text(text, "text", "1")
    account = made.accounts["text"]
    marks = Counter(match[2] for match in SPAN.finditer(switched))
    assert account.replaced == +Counter({"de": marks[""], "it": marks["!"]})
    assert restored(switched) == text
    assert account.words == len(words.spans(text))

"""The arrays against the rule written down plainly, one text and one span at a time."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cstool import draws, words
from cstool.account import Account
from cstool.codeswitch import Switcher
from cstool.lexicons.store import Table
from cstool.records import Entry
from cstool.replacements import Replacement, joined

PARTS = ["red", "Red", "SEA", "house", "the", "in", "new", "york", "city", "it's", "Café", "紅色",
         "的", "房子", "мир", "3rd", "x_1", "http://red.sea", "a@red.com", "'s", "’s"]  # fmt: skip
GAPS = [" ", " ", " ", "  ", "-", ", ", ".", "\t", "\xa0", "\n", "", "'"]
SOURCES = ["red", "sea", "red sea", "house", "the house", "in the house", "new york", "york city",
           "new york city", "new york city house", "café", "it's", "紅色", "房子", "紅色的房子",
           "мир", "red-house", "s"]  # fmt: skip

texts = st.lists(st.tuples(st.sampled_from(PARTS), st.sampled_from(GAPS)), max_size=12).map(
    lambda parts: "".join(part + gap for part, gap in parts)
)


@st.composite
def lexicons(draw):
    tables = {}
    for language in draw(st.sampled_from([("de",), ("de", "it"), ("de", "it", "ru")])):
        known = draw(st.lists(st.sampled_from(SOURCES), unique=True, min_size=1))
        entries = [
            Entry(source, f"<{source}{number}{language}>", number)
            for source in known
            for number in range(draw(st.integers(1, 3)), 0, -1)
        ]
        tables[language] = Table.of(entries, several=True)
    return tables


def by_the_rule(text, switcher, side, ids):
    """Replace span by span; everything is drawn with draws.one_*, from names and positions."""
    plan, rules = switcher._plan(side), switcher
    draw = draws.named(rules.seed, ids, side)
    languages = dict(plan.languages)
    if rules.per == "text" and languages:
        languages = {draws.winner(draw, languages.items()): 1.0}
    hidden = text
    if rules.protect:
        hide = re.compile(rules.protect)
        hidden = hide.sub(lambda match: re.sub("[^ ]", "_", match[0]), text)
    if draws.named(rules.seed, ids, "kept") < rules.keep_english * 2.0**64:
        return []
    found = words.units(hidden)
    keys = [words.key(hidden[start:end]) for start, end in found]
    spans = []  # of units that are replaced or could be: draw, start, end, language, phrase
    place = 0
    while place < len(found):
        start = found[place][0]
        before = text[:start]
        position = before.count(" ") << 32 | start - (before.rfind(" ") + 1)
        drawn = draws.one_at(draw, position)
        options = {
            language: match
            for language, table in switcher.lexicon.items()
            if language in languages and (match := table.match(hidden, found, keys, place))
        }
        if not options:
            place += 1
            continue
        racing = set(options) | ({rules.source} & set(languages) if rules.per == "span" else set())
        language = draws.winner(drawn, [(name, languages[name]) for name in racing])
        longest = max(length for length, _ in options.values())
        length, phrase = options.get(language, (longest, None))
        spans.append((drawn, start, found[place + length - 1][1], length, language, phrase))
        place += length
    share = plan.ratio
    if rules.ratio_of == "all":
        share = min(1, plan.ratio * len(found) / max(1, sum(span[3] for span in spans)))
    made = []
    for drawn, start, end, _, language, phrase in spans:
        chosen = draws.one_of(drawn, draws.named("is it replaced?")) >> 1 < share * 2.0**63
        if not chosen or phrase is None:
            continue
        table = switcher.lexicon[language]
        target = table.best[phrase]
        if rules.choice == "weighted" and phrase in table.several:
            by = draws.one_of(drawn, draws.named("by which translation?"))
            target = draws.winner(by, table.several[phrase].items())
        source = text[start:end]
        target = words.with_case_of(source, target, language)
        made.append(Replacement(start, end, source, target, language))
    return made


@settings(max_examples=400)
@given(
    st.lists(texts, min_size=1, max_size=5),
    lexicons(),
    st.sampled_from(["span", "text"]),
    st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    st.sampled_from([(), ("en",)]),
    st.sampled_from(["best", "weighted"]),
    st.sampled_from([None, "sea|h.*e", "the in"]),
    st.sampled_from([0.0, 0.4]),
)
def test_the_arrays_do_what_the_rule_says(given, tables, per, ratio, more, choice, protect, kept):
    languages = {name: 1.0 + number for number, name in enumerate((*tables, *more))}
    switcher = Switcher(
        tables, {"text": languages}, ratio, 7, per, choice=choice, protect=protect,
        keep_english=kept,
    )  # fmt: skip
    ids = [(str(number),) for number in range(len(given))]
    expected = [
        by_the_rule(text, switcher, "text", name) for text, name in zip(given, ids, strict=True)
    ]
    for _ in range(2):  # what was seen before is found again
        batch = switcher._batch("text", given, ids, with_replacements=True)
        assert [batch.replacements(number) for number in range(len(given))] == expected
        assert batch.texts == list(map(joined, given, expected))
    alone = [
        switcher.replacements(text, "text", *name) for text, name in zip(given, ids, strict=True)
    ]
    assert alone == expected


@settings(max_examples=150)
@given(texts, lexicons(), st.sampled_from([0.2, 0.5, 0.9]), st.sampled_from(["span", "text"]))
def test_the_ratio_of_all_words(text, tables, ratio, per):
    switcher = Switcher(tables, {"text": tuple(tables)}, ratio, 7, per, ratio_of="all")
    made = switcher.replacements(text, "text", "1")
    assert made == by_the_rule(text, switcher, "text", ("1",))


@settings(max_examples=150)
@given(st.lists(texts, min_size=1, max_size=4), lexicons(), st.sampled_from([0.3, 1.0]))
def test_the_account_is_what_the_replacements_say(given, tables, ratio):
    switcher = Switcher(tables, {"text": tuple(tables)}, ratio, 7)
    ids = [(str(number),) for number in range(len(given))]
    batch = switcher._batch("text", given, ids, with_replacements=True)
    account, expected = batch.account, Account(texts=len(given))
    for number, text in enumerate(given):
        found = words.units(text)
        spoken = dict.fromkeys(range(len(found)))
        for item in batch.replacements(number):
            inside = [n for n, (start, _) in enumerate(found) if item.start <= start < item.end]
            expected.replaced[item.language] += len(inside)
            spoken |= dict.fromkeys(inside, item.language)
        expected.words += len(found)
        names = list(spoken.values())
        expected.switch_points += sum(a != b for a, b in pairwise(names))
        if names:
            expected.mixing += 1 - max(map(names.count, names)) / len(names)
    assert account.words == expected.words
    assert account.replaced == expected.replaced
    assert account.switch_points == expected.switch_points
    assert account.mixing == pytest.approx(expected.mixing)
    assert account.used.total() == sum(len(batch.replacements(n)) for n in range(len(given)))
    assert sum(account.replaced.values()) <= account.matched <= account.words


def test_forgetting_changes_nothing(monkeypatch):
    tables = {"de": Table.of([Entry("red", "rot"), Entry("red sea", "Rotes Meer")])}
    given = [f"the red{n} sea red sea-{n} Red n{n}" for n in range(50)]
    whole = Switcher(tables, {"text": ("de",)}, 0.5, 1)
    expected = [whole(text, str(n)) for n, text in enumerate(given)]
    monkeypatch.setattr("cstool.switching.pieces._MAX_ROWS", 5)
    short = Switcher(tables, {"text": ("de",)}, 0.5, 1)
    assert [short(text, str(n)) for n, text in enumerate(given)] == expected


def test_regions_are_remembered_and_forgotten(monkeypatch):
    """Phrases and words with hyphens, again and again, for several sets of languages."""
    tables = {
        "de": Table.of([Entry("red", "rot"), Entry("red sea", "Rotes Meer")]),
        "it": Table.of([Entry("sea", "mare"), Entry("the red sea", "il mar Rosso")]),
    }
    given = [f"the red sea {'red-sea ' * (n % 3)}the red-hot sea Red Sea {n}" for n in range(60)]
    sides = {"text": ("de", "it"), "query": ("it",)}
    for per in ("span", "text"):
        alone = [Switcher(tables, sides, 0.7, 1, per) for _ in given]
        expected = [
            each.text(text, side, str(n))
            for n, (each, text) in enumerate(zip(alone, given, strict=True))
            for side in sides
        ]
        for most in (1 << 17, 3):
            monkeypatch.setattr("cstool.switching.pieces._MAX_REGIONS", most)
            one = Switcher(tables, sides, 0.7, 1, per)
            found = [one.text(text, side, str(n)) for n, text in enumerate(given) for side in sides]
            assert found == expected


@pytest.mark.parametrize(
    "text",
    ["red " * 2_500_000, "red" * 3_000_000, "red\x00sea\x00 red", "\ud800red red\udfff", "🏠red"],
)
def test_texts_of_any_kind_come_back_whole(text):
    tables = {"de": Table.of([Entry("red", "<red>")])}
    made = Switcher(tables, {"text": ("de",)}, 1, 1)(text, "1")
    assert made.replace("<red>", "red") == text
    assert made.count("<red>") == text.count("red") * (len(text) < 9_000_000 or " " in text)

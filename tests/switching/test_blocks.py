import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cstool.account import Account
from cstool.codeswitch import Switcher
from cstool.files import Block
from cstool.lexicons.store import Table
from cstool.records import Entry
from cstool.switching.blocks import BlockSwitcher

KNOWN = {"house": ("Haus", "casa"), "red": ("rot", "rosso"), "red sea": ("Rotes Meer", "mar Rosso")}
TABLES = {
    language: Table.of(Entry(source, targets[number]) for source, targets in KNOWN.items())
    for number, language in enumerate(("de", "it"))
}
SIDES = dict.fromkeys(("query", "passage", "text"), ("de", "it"))


def switcher(**more):
    return BlockSwitcher(Switcher(TABLES, SIDES, ratio=0.5, seed=1), **more)


def example(number, query="the red house", passage="a house by the Red Sea"):
    row = {"qid": f"q{number}", "query": query, "pid": f"p{number}", "passage": passage, "label": 1}
    return json.dumps(row).encode() + b"\n"


numbers = st.integers(0, 10**9)
texts = st.lists(st.sampled_from(["red", "house", "sea", "the", "Ünd", "\u2028", ","])).map(
    " ".join
)
good = st.one_of(
    st.builds(example, numbers, texts, texts),
    st.builds(lambda number, text: f"{number}\t{text}\n".encode(), numbers, texts),
)
wrong = st.sampled_from(
    [b"\n", b"bad\n", b"1\t\xff\n", b'{"qid":1}\n', b'{"id":"1","text":"\\ud800"}\n']
)
lines = st.lists(good, min_size=1, max_size=12)


def parts(given, sizes, step=1, index=0):
    """Cut every step-th line, from line `index` on, into blocks of these sizes."""
    ours, first = given[index::step], index + 1
    for size in [*sizes, len(given)]:
        if taken := ours[:size]:
            yield Block(Path("in.jsonl"), first, step, b"".join(taken))
            first += step * len(taken)
            ours = ours[size:]


def joined(work, blocks):
    """Switch block by block and put together what comes out."""
    done = [work(block) for block in blocks]
    accounts = {side: Account() for each in done for side in each.accounts}
    for each in done:
        for side, account in each.accounts.items():
            accounts[side].add(account)
    return (
        b"".join(each.lines for each in done),
        b"".join(each.trace for each in done),
        sum(each.records for each in done),
        [(str(error), line) for each in done for error, line in each.rejected],
        {side: replace(account, mixing=0) for side, account in accounts.items()},
        [str(each.error) for each in done if each.error],
    )


sizes = st.lists(st.integers(1, 5))


@settings(max_examples=40)
@given(st.lists(st.one_of(good, good, wrong), max_size=12), sizes)
def test_how_lines_fall_into_blocks_changes_nothing(given, sizes):
    work = switcher(tracing=True, skip=True)
    assert joined(work, parts(given, sizes)) == joined(work, parts(given, []))


@settings(max_examples=40)
@given(lines, st.integers(1, 4), sizes)
def test_shards_interleave_to_the_whole(given, count, sizes):
    work = switcher()
    whole = joined(work, parts(given, []))[0].splitlines(keepends=True)
    assert len(whole) == len(given)
    for index in range(count):
        shard = joined(work, parts(given, sizes, count, index))[0]
        assert shard.splitlines(keepends=True) == whole[index::count]


@settings(max_examples=40)
@given(lines.flatmap(lambda given: st.tuples(st.just(given), st.permutations(range(len(given))))))
def test_lines_in_another_order_come_out_the_same(given_and_order):
    given, order = given_and_order
    work = switcher()
    whole = joined(work, parts(given, []))[0].splitlines(keepends=True)
    other = joined(work, parts([given[place] for place in order], []))[0]
    assert other.splitlines(keepends=True) == [whole[place] for place in order]


@settings(max_examples=40)
@given(lines, sizes)
def test_a_block_can_be_done_again(given, sizes):
    """As Ray does when a machine is lost."""
    work = switcher(tracing=True)
    blocks = list(parts(given, sizes))
    assert joined(work, blocks) == joined(work, blocks)


extras = st.sampled_from(
    [{}, {"lang": "en"}, {"copy": 3}, {"qid": 7}, {"label": 0.5}, {"label": True}, {"label": 2},
     {"query": "a\u0000red"}, {"qid": ""}, {"pid": None}, {"switched": {}}]
)  # fmt: skip


@settings(max_examples=150)
@given(st.lists(st.tuples(texts, extras, st.booleans()), min_size=1, max_size=5), st.integers(1, 3))
def test_blocks_of_examples_alone_are_read_and_written_as_others_are(given, count):
    """A line that is no example in the form that we write sends its block the slower way."""
    lines = []
    for number, (text, extra, backward) in enumerate(given):
        row = json.loads(example(number, text)) | extra
        row = dict(reversed(row.items())) if backward else row
        lines.append(json.dumps(row).encode() + b"\n")
    block = Block(Path("x"), 1, 1, b"".join(lines))
    quick = switcher(count=count)(block)
    slow = switcher(count=count, tracing=True)(block)  # a trace is made record by record
    assert quick.lines == slow.lines
    assert str(quick.error) == str(slow.error)
    assert (quick.records, quick.accounts) == (slow.records, slow.accounts)


def test_copies_stand_together():
    done = switcher(count=3)(Block(Path("x"), 1, 1, example(1) + example(2)))
    rows = [json.loads(line) for line in done.lines.splitlines()]
    assert [(row["qid"], row["copy"]) for row in rows] == [
        (qid, copy) for qid in ("q1", "q2") for copy in (1, 2, 3)
    ]
    assert done.records == 6


@pytest.mark.parametrize(("step", "number"), [(1, 12), (3, 16)])
def test_a_wrong_line_stops_the_block_and_is_named(step, number):
    lines = [example(1), b"2\tred\n", b"bad\n", example(4), b"worse\n"]
    done = switcher()(Block(Path("in.jsonl"), 10, step, b"".join(lines)))
    assert str(done.error).startswith(f"in.jsonl:{number}: 'bad', expected ")
    assert done.lines.count(b"\n") == done.records == 2
    assert done.rejected == []
    assert switcher()(Block(Path("in.jsonl"), 10, step, b"".join(lines[:2]))).lines == done.lines


def test_wrong_lines_can_be_kept_aside():
    lines = [b"1\tred\n", b"bad\n", b"2\tred\n", b"worse"]
    done = switcher(skip=True)(Block(Path("x"), 1, 2, b"".join(lines)))
    assert [(str(error)[:4], line) for error, line in done.rejected] == [
        ("x:3:", b"bad\n"),
        ("x:7:", b"worse"),
    ]
    assert (done.records, done.error) == (2, None)


def test_what_the_switcher_refuses_is_an_error_of_the_block():
    work = BlockSwitcher(Switcher(TABLES, {"query": ["de"]}, ratio=0.5, seed=1), skip=True)
    done = work(Block(Path("x"), 1, 1, example(1) + b"2\tred\n"))
    assert str(done.error).startswith("2 is a query or a passage alone")
    assert done.records == 1

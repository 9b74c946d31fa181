from itertools import islice, repeat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstool.lexicons.sqldump import MAX_ROW, rows, table, unescaped

DATA = Path(__file__).parents[1] / "data"
HEAD = (DATA / "langlinks.head.sql").read_bytes()
TAIL = (DATA / "tail.sql").read_bytes()
COLUMNS = ("ll_from", "ll_lang", "ll_title")
ESCAPES = {0: b"\\0", 10: b"\\n", 13: b"\\r", 26: b"\\Z", 34: b'\\"', 39: b"\\'", 92: b"\\\\"}


def quoted(text: bytes) -> bytes:
    """Quote a string as mysql_real_escape_string does."""
    return b"'" + b"".join(ESCAPES.get(byte, bytes([byte])) for byte in text) + b"'"


def blocks(dump: bytes, size: int = 1 << 20):
    return (dump[start : start + size] for start in range(0, len(dump), size))


def selected(dump, *languages, size=1 << 20, columns=COLUMNS):
    found = rows(blocks(dump, size), "langlinks", columns, ("ll_lang", languages or ("de", "ru")))
    return [row for some in found for row in some]


def insert(*values: bytes) -> bytes:
    return b"INSERT INTO `langlinks` VALUES " + b",".join(values) + b";\n"


def link(number: int, language: bytes, title: bytes) -> bytes:
    return b"(%d,%s,%s)" % (number, quoted(language), quoted(title))


def test_rows_with_one_of_the_values_are_selected():
    values = [b"(12,'de','Wasser')", b"(12,'es','Agua')", b"(13,'ru','\xd0\xaf')", b"(14,'d','e')"]
    expected = [(b"12", b"de", b"Wasser"), (b"13", b"ru", b"\xd0\xaf")]
    assert selected(HEAD + insert(*values) + TAIL) == expected
    assert selected(HEAD + insert(*values) + insert(values[0]) + TAIL)[2] == expected[0]


TEXTS = st.one_of(
    st.binary(max_size=20),
    st.lists(
        st.sampled_from(
            [b"'", b"\\", b"),(", b"(1,'de','", b"');", b"\n", b"INSERT INTO `a` VALUES "]
        )
    ).map(b"".join),
)


@given(
    st.lists(st.tuples(st.integers(0, 99), st.sampled_from([b"de", b"es", b"ru", b"x'de"]), TEXTS)),
    st.integers(1, 400),
    st.integers(1, 5),
)
def test_any_string_comes_through_wherever_blocks_and_statements_end(links, size, together):
    statements = [
        insert(*(link(*one) for one in links[start : start + together]))
        for start in range(0, len(links), together)
    ]
    found = selected(HEAD + b"".join(statements) + TAIL, size=size)
    expected = [(n, lang, title) for n, lang, title in links if lang in (b"de", b"ru")]
    assert [(int(n), lang, unescaped(title)) for n, lang, title in found] == expected


@pytest.mark.parametrize(
    ("escaped", "meant"),
    [
        (rb"Rock \'n\' Roll", b"Rock 'n' Roll"),
        (b"Rock ''n'' Roll", b"Rock 'n' Roll"),
        (rb"AC\\DC", rb"AC\DC"),
        (rb"a\\\'b", rb"a\'b"),
        (rb"\0\b\n\r\t\Z\"", b'\0\b\n\r\t\x1a"'),
        (rb"100\% a\_b", rb"100\% a\_b"),
        (rb"\a", b"a"),
        (b"", b""),
    ],
)
def test_escapes_mean_what_mysql_says(escaped, meant):
    assert unescaped(escaped) == meant
    assert selected(HEAD + insert(b"(1,'de','" + escaped + b"')") + TAIL) == [
        (b"1", b"de", escaped)
    ]


def test_columns_are_found_by_name_and_come_as_they_were_asked_for():
    head = b"CREATE TABLE `langlinks` (\n  `ll_title` varbinary(255),\n  `more` tinyblob,\n"
    head += (
        b"  `ll_lang` varbinary(35),\n  `ll_from` int(8) unsigned,\n  PRIMARY KEY (`ll_from`)\n);\n"
    )
    dump = head + insert(b"('Wasser',NULL,'de',12)", b"('Agua','de','es',12)", b"(NULL,'','ru',13)")
    assert selected(dump) == [(b"12", b"de", b"Wasser"), (b"13", b"ru", b"")]
    assert selected(dump, columns=("ll_title", "ll_from")) == [(b"Wasser", b"12"), (b"", b"13")]


def test_rows_may_stand_on_lines_of_their_own_and_strings_be_marked_binary():
    values = b"INSERT INTO `langlinks` VALUES\n(1,_binary 'de','a'),\n(2,'es',_binary 'b'),\n"
    dump = HEAD + values + b"(3,'ru',_binary 'c');\n" + TAIL
    assert selected(dump) == [(b"1", b"de", b"a"), (b"3", b"ru", b"c")]


def test_statements_between_inserts_are_passed_over():
    other = b"/*!40000 ALTER TABLE `langlinks` ENABLE KEYS */;\n-- done\n"
    dump = HEAD + insert(b"(1,'de','a')") + other + insert(b"(2,'de','b')") + other + TAIL
    assert [row[0] for row in selected(dump)] == [b"1", b"2"]


def test_a_dump_without_rows_has_none():
    assert selected(HEAD + TAIL) == []


def test_every_piece_of_a_dump_is_known_to_be_one():
    dump = HEAD + insert(b"(1,'de','a;')", b"(2,'de','b')") + insert(b"(3,'ru','c')") + TAIL
    end = dump.index(b"-- Dump completed") + len(b"-- Dump completed")
    for length in [*range(0, len(HEAD), 100), *range(len(HEAD), end)]:
        with pytest.raises(ValueError, match=r"is cut off|is no SQL dump"):
            selected(dump[:length], size=97)
    assert len(selected(dump[:end])) == 3


@pytest.mark.parametrize(
    ("dump", "problem"),
    [
        (b"", "is no SQL dump of the table langlinks"),
        (b"Water\tWasser\n", "is no SQL dump of the table langlinks"),
        (insert(b"(1,'de','a')"), "has no CREATE TABLE `langlinks`"),
        (HEAD.replace(b"langlinks", b"page"), "is no SQL dump of the table langlinks"),
        (HEAD + b"INSERT INTO `page` VALUES (1,2);\n", "holds the table page, expected langlinks"),
        (
            HEAD.replace(b"ll_lang", b"ll_x") + insert(b"(1,'de','a')"),
            "has no ll_lang, but ll_from",
        ),
        (HEAD + insert(b"(1,'de','a','b')") + TAIL, r"wrong where a row of langlinks .*\(1,'de'"),
        (HEAD + insert(b"(1,'de','a')").replace(b"(", b"") + TAIL, "should be: \"1,'de'"),
    ],
)
def test_what_is_no_dump_of_the_table_is_told(dump, problem):
    with pytest.raises(ValueError, match=problem):
        selected(dump)


@pytest.mark.parametrize("start", [b"", HEAD, HEAD + b"INSERT INTO `langlinks` VALUES (1,'de','"])
def test_what_never_ends_is_refused_before_it_fills_the_memory(start):
    taken = 0

    def endless():
        nonlocal taken
        yield start
        for block in islice(repeat(b"x" * 100_000), 1000):
            taken += len(block)
            yield block

    with pytest.raises(ValueError, match=r"has no (row of langlinks|INSERT statement) in 1 MiB"):
        list(rows(endless(), "langlinks", COLUMNS, ("ll_lang", ["de"])))
    assert taken <= MAX_ROW + 100_000


def test_the_table_is_told_by_the_head_or_by_an_insert():
    assert table(HEAD) == "langlinks"
    assert table(b"-- x\nINSERT INTO `page` VALUES (1)") == "page"
    assert table(b"-- x\n") is None

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cstool import files, formats
from cstool.errors import CstoolError
from cstool.records import Text
from cstool.retrieve import Index, Retriever, relevant, retrieve, tokens


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        # Porter's stemmer: plural and past; the apostrophe is no letter.
        ("en", "The Panthers' DEFENSES defended it!", "the panther defens defend it"),
        ("en", "don't stop at 3:45", "don t stop at 3 45"),
        # ß is ss, umlauts go with the ending.
        ("de", "Die Häuser der GROSSEN Straße", "die haus der gross strass"),
        ("ru", "В книгах и с книгами", "в книг и с книг"),
        # Vowel signs and the article go; Arabic-Indic digits are digits.
        ("ar", "الكُتُبُ ١٢٣", "كتب 123"),
        # Virama and vowel signs are marks: they do not end a word.
        ("hi", "हिन्दी की किताबें १२", "हिन्द क किताब 12"),
        ("xx", "हिन्दी की किताबें १२", "हिन्दी की किताबें 12"),
        ("zh", "我爱北京，2020年好", "我爱 爱北 北京 2020 年好"),
        ("zh", "A股", "a 股"),
        # The prolonged sound mark belongs to the word, half-width Kana become full-width.
        ("ja", "コーヒーを、ｶﾀｶﾅ ３", "コー ーヒ ヒー ーを カタ タカ カナ 3"),
        # น้ำ-ดื่-ม are three characters of 3, 3 and 1 code points.
        ("th", "น้ำดื่ม", "น้ำดื่ ดื่ม"),
        ("th", "น้ำ ๒๕๖๐", "น้ำ 2560"),
        ("lo", "ນ້ຳ", "ນ້ຳ"),
        ("km", "ខ្មែរ ក", "ខ្មែរ ក"),
        # မြ-န်-မာ: a medial, a killed consonant and a vowel sign are marks.
        ("my", "မြန်မာ", "မြန် န်မာ"),
        ("ko", "한국어를 배우다", "한국어를 배우다"),
    ],
)
def test_tokens(language, text, expected):
    assert tokens(text, language) == expected.split()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("STRASSE", "straße"),
        ("Café", "cafe\u0301"),
        ("ＡＢＣ１２", "abc12"),
        ("Wör\u00adter", "Wörter"),
        ("क्\u200dष", "क्ष"),
        ("น้ํา", "น้ำ"),
        ("1٢3", "123"),
    ],
)
def test_forms_of_the_same_word_are_the_same_token(one, other):
    assert tokens(one, "xx") == tokens(other, "xx")
    assert len(tokens(one, "xx")) == 1


def test_region_of_a_language_does_not_matter_for_the_stemmer():
    assert tokens("livros", "pt_br") == tokens("livros", "pt") == ["livr"]


def lucene(passages, query, k1, b):
    """BM25 as in Kamphuis et al. 2020, table 1, row "Lucene (accurate)", without (k1 + 1)."""
    bags = {pid: Counter(text.split()) for pid, text in passages.items()}
    length = sum(bag.total() for bag in bags.values())
    scores = {}
    for pid, bag in bags.items():
        score = 0.0
        for word in filter(bag.get, query.split()):
            df = sum(word in other for other in bags.values())
            idf = math.log(1 + (len(bags) - df + 0.5) / (df + 0.5))
            score += (
                idf * bag[word] / (bag[word] + k1 * (1 - b + b * bag.total() * len(bags) / length))
            )
        if set(query.split()) & set(bag):
            scores[pid] = score
    return scores


WORDS = st.lists(st.sampled_from("abcde"), max_size=8).map(" ".join)


def search(passages, query, depth=1000, k1=0.9, b=0.4, wanted=None):
    index = Index.of((Text(*p) for p in passages.items()), "xx", k1=k1, b=b)
    retriever = Retriever(index, "xx", depth, {"q": wanted} if wanted else {})
    [hits] = retrieve([Text("q", query)], retriever)
    return [(hit.pid, hit.score) for hit in hits], retriever.account


@given(
    passages=st.dictionaries(st.sampled_from(["p1", "p10", "p2", "p3", "p4"]), WORDS),
    query=WORDS,
    k1=st.sampled_from([0.0, 0.9, 1.2]),
    b=st.sampled_from([0.0, 0.4, 1.0]),
    depth=st.integers(1, 6),
)
@settings(deadline=None)  # the first example imports bm25s
def test_scores_are_those_of_the_formula_and_ties_go_by_id(passages, query, k1, b, depth):
    hits, _ = search(passages, query, k1=k1, b=b)
    assert dict(hits) == pytest.approx(lucene(passages, query, k1, b), rel=1e-5)
    assert hits == sorted(hits, key=lambda hit: (-hit[1], hit[0]))
    assert search(passages, query, depth=depth, k1=k1, b=b)[0] == hits[:depth]


def test_ties_at_the_cut_go_by_id_whatever_the_order_of_the_file():
    passages = {"p3": "a b", "p1": "b a", "p2": "a b", "p0": "c"}
    assert [pid for pid, _ in search(passages, "a", depth=2)[0]] == ["p1", "p2"]


def test_many_ties_go_by_id():
    pids = [f"p{(37 * i) % 500}" for i in range(500)]
    passages = {pid: "a b" for pid in pids} | {"best": "a"}
    hits, _ = search(passages, "a", depth=300)
    assert [pid for pid, _ in hits] == ["best", *sorted(pids)[:299]]


@pytest.mark.parametrize(("query", "without"), [("", 1), ("?!", 1), ("unheard", 0)])
def test_query_without_hits(query, without):
    hits, account = search({"p1": "a"}, query)
    assert hits == []
    assert (account.without_tokens, account.without_hits) == (without, 1)


def test_no_passages_or_empty_ones_give_no_hits():
    assert search({}, "a")[0] == []
    assert search({"p1": "", "p2": "..."}, "a")[0] == []


def test_relevant_passages_take_the_place_of_the_last_others():
    passages = {"p1": "a a a", "p2": "a a b", "p3": "a c c c", "p4": "d", "p5": "e"}
    found, _ = search(passages, "a")
    assert [pid for pid, _ in found] == ["p1", "p2", "p3"]
    wanted = ["p5", "p3", "p4", "p6"]
    hits, account = search(passages, "a", depth=4, wanted=wanted)
    # p3 was found and stays; p2 is the last of the others; p6 is no passage.
    assert [pid for pid, _ in hits] == ["p1", "p3", "p5", "p4"]
    assert hits[:2] == [found[0], found[2]]
    scores = [float(f"{score:.9g}") for _, score in hits]
    assert scores == sorted(set(scores), reverse=True)
    assert scores[2:] == pytest.approx([scores[1]] * 2, rel=1e-5)
    assert (account.relevant_added, account.relevant_left_out, account.relevant_unknown) == (
        2,
        0,
        1,
    )


def test_relevant_passages_beyond_the_depth_are_left_out_and_counted():
    passages = {"p1": "a", "p2": "a b", "p3": "c", "p4": "d"}
    hits, account = search(passages, "a", depth=2, wanted=["p2", "p3", "p4"])
    assert [pid for pid, _ in hits] == ["p2", "p3"]
    assert (account.relevant_added, account.relevant_left_out) == (1, 1)


def test_relevant_passage_is_added_where_nothing_was_found():
    hits, account = search({"p1": "a"}, "unheard", wanted=["p1"])
    assert [pid for pid, _ in hits] == ["p1"]
    assert account.without_hits == 0


def test_relevant_are_those_above_grade_0_best_first():
    grades = {("q", "p1"): 1, ("q", "p2"): 3, ("q", "p0"): 1, ("q", "p4"): 0, ("r", "p1"): -1}
    assert relevant(grades) == {"q": ["p2", "p0", "p1"]}


def test_an_id_that_comes_twice_is_an_error():
    with pytest.raises(CstoolError, match="passage p1 comes more than once"):
        Index.of([Text("p1", "a"), Text("p1", "b")], "en", k1=0.9, b=0.4)
    index = Index.of([Text("p1", "a")], "en", k1=0.9, b=0.4)
    with pytest.raises(CstoolError, match="query q comes more than once"):
        list(retrieve([Text("q", "a"), Text("q", "b")], Retriever(index, "en", 10)))


@pytest.mark.realdata
@pytest.mark.parametrize(("language", "least"), [("en", 0.95), ("ar", 0.91)])
def test_xquad_r(real_data, language, least):
    folder = real_data / "xquad-r"
    right = {q.qid: q.pid for q in files.read(folder / "qrels.tsv", formats.parse_qrel)}
    passages = files.read(folder / f"passages.{language}.tsv", formats.parse_text)
    index = Index.of(passages, language, k1=0.9, b=0.4)
    queries = files.read(folder / f"queries.{language}.tsv", formats.parse_text)
    reciprocal = [
        next((1 / rank for rank, hit in enumerate(hits, 1) if hit.pid == right[hit.qid]), 0)
        for hits in retrieve(queries, Retriever(index, language, 10))
    ]
    assert len(reciprocal) == 1190
    assert least < sum(reciprocal) / 1190 < least + 0.02

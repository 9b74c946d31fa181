"""First-stage retrieval with BM25 (the Lucene variant), for any language.

Text becomes tokens in the same way for queries and passages (see `tokens`); only the stemmer
depends on the language, so that a query in one language finds passages in another by the names
and numbers that both share.
"""

import functools
import re
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import regex

from cstool.errors import CstoolError
from cstool.records import Hit, Text

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
# The prolonged sound mark and the closing mark belong to Kana and Han, but Unicode calls their
# script common. Digits are words in every script.
_SCRIPTS = r"\p{Han}\p{Hiragana}\p{Katakana}ー〆\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_UNSPACED = rf"[[{_SCRIPTS}]&&[\p{{L}}\p{{M}}\p{{Nl}}]]"
_RUN = regex.compile(rf"(?V1)(?P<unspaced>(?:{_UNSPACED}\p{{M}}*)+)|[^{_UNSPACED}]+")
_FIRST_UNSPACED = "\u0e00"  # the block of Thai is the first of them
_CLUSTER = regex.compile(r"\X\p{M}*")  # Unicode cuts before some Burmese vowel signs
_IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
_DIGIT = regex.compile(r"(?V1)[\p{Nd}--0-9]")
# NFKC takes Thai and Lao AM apart, and its second half would count as a character of its own.
_AM = {"\u0e4d\u0e32": "\u0e33", "\u0ecd\u0eb2": "\u0eb3"}
_STEMS = 1 << 17  # words whose stem is remembered
_STEP = 1e-6  # between the scores of added passages: distinct as float32 and in nine digits


def tokens(text: str, language: str) -> list[str]:
    """Split a text into the tokens that BM25 counts.

    1. Unicode's NFKC_Casefold: no difference of case, width or invisible characters. Decimal
       digits of all scripts become 0-9.
    2. Words are runs of letters, combining marks and digits, stemmed by Snowball where it has the
       language, as they are otherwise.
    3. Scripts without spaces between words (Han, Kana, Thai, Lao, Khmer, Myanmar) give overlapping
       pairs of characters, a single one stands for itself. A character is a grapheme cluster: a
       vowel sign or a tone mark belongs to its consonant.
    """
    found: list[str] = []
    for word in _words(text):
        if word.isascii() or max(word) < _FIRST_UNSPACED:
            found.append(word)
            continue
        for run in _RUN.finditer(word):
            if run["unspaced"] is None or len(clusters := _CLUSTER.findall(run[0])) == 1:
                found.append(run[0])
            else:
                found += map("".join, pairwise(clusters))
    # No stemmer touches a script without spaces; the Arabic one leaves nothing of a lone mark.
    return list(filter(None, map(_stemmer(language), found)))


@dataclass
class Account:
    """What became of the queries."""

    queries: int = 0
    without_tokens: int = 0
    without_hits: int = 0
    hits: int = 0
    relevant_added: int = 0
    relevant_left_out: int = 0  # more relevant passages than the depth has room for
    relevant_unknown: int = 0  # judged relevant, but not among the passages

    def summary(self) -> dict[str, int]:
        """Give all counts by name."""
        return asdict(self)


@dataclass
class Index:
    """Passages by their tokens; `pids` are in order, so that a lower number wins a tie."""

    pids: list[str]
    known: Mapping[str, int]
    bm25: Any  # bm25s has no types

    @classmethod
    def of(cls, passages: Iterable[Text], language: str, *, k1: float, b: float) -> "Index":
        """Index passages; CstoolError for an id that comes twice."""
        import bm25s

        known: dict[str, int] = {}
        numbered: dict[str, array[int]] = {}
        for passage in passages:
            if passage.id in numbered:
                raise CstoolError(f"passage {passage.id} comes more than once")
            found = tokens(passage.text, language)
            numbered[passage.id] = array("i", (known.setdefault(t, len(known)) for t in found))
        pids = sorted(numbered)
        bm25 = bm25s.BM25(method="lucene", k1=k1, b=b)
        if known:  # without a single token there is no mean length
            corpus = [numbered.pop(pid) for pid in pids]
            bm25.index((corpus, known), create_empty_token=False, show_progress=False)
        return cls(pids, known, bm25)

    def search(self, query: Iterable[str], depth: int) -> list[tuple[str, float]]:
        """Find the best passages that share a token: score descending, then pid ascending."""
        import numpy as np

        numbers = [self.known[token] for token in query if token in self.known]
        if not numbers:
            return []
        scores = self.bm25.get_scores_from_ids(numbers)
        found = np.flatnonzero(scores > 0)
        if len(found) > depth:
            cut = np.partition(scores[found], len(found) - depth)[len(found) - depth]
            found = found[scores[found] >= cut]
        best = found[np.argsort(-scores[found], kind="stable")][:depth]
        return [(self.pids[number], float(scores[number])) for number in best]


@dataclass
class Retriever:
    """Answers queries from an index.

    `relevant` gives queries the passages that have to be among the hits, most important first.
    """

    index: Index
    language: str
    depth: int
    relevant: Mapping[str, list[str]] = field(default_factory=dict)
    account: Account = field(default_factory=Account)

    def __post_init__(self) -> None:
        self._known = frozenset(self.index.pids) if self.relevant else frozenset()

    def hits(self, query: Text) -> list[Hit]:
        """Find the hits of one query."""
        found = tokens(query.text, self.language)
        hits = [Hit(query.id, *hit) for hit in self.index.search(found, self.depth)]
        hits = self._with_relevant(query.id, hits)
        self.account.queries += 1
        self.account.without_tokens += not found
        self.account.without_hits += not hits
        self.account.hits += len(hits)
        return hits

    def _with_relevant(self, qid: str, hits: list[Hit]) -> list[Hit]:
        wanted = self.relevant.get(qid, ())
        found = {hit.pid for hit in hits}
        missing = [pid for pid in wanted if pid in self._known and pid not in found]
        # A relevant passage that BM25 found is not given up for one that it did not find.
        others = [hit.pid for hit in hits if hit.pid not in wanted]
        added = missing[: self.depth - len(hits) + len(others)]
        self.account.relevant_added += len(added)
        self.account.relevant_left_out += len(missing) - len(added)
        self.account.relevant_unknown += sum(pid not in self._known for pid in wanted)
        excess = max(0, len(hits) + len(added) - self.depth)
        given_up = set(others[len(others) - excess :])
        kept = [hit for hit in hits if hit.pid not in given_up]
        last = kept[-1].score if kept else 0.0
        step = _STEP * (last or 1.0)
        return kept + [Hit(qid, pid, last - i * step) for i, pid in enumerate(added, start=1)]


def retrieve(queries: Iterable[Text], retriever: Retriever) -> Iterator[list[Hit]]:
    """Yield the hits of every query, in the order of the queries; CstoolError for an id twice."""
    seen: set[str] = set()
    for query in queries:
        if query.id in seen:
            raise CstoolError(f"query {query.id} comes more than once")
        seen.add(query.id)
        yield retriever.hits(query)


def relevant(grades: Mapping[tuple[str, str], int]) -> dict[str, list[str]]:
    """List the relevant passages of each query: highest grade first, then pid ascending."""
    found: dict[str, list[str]] = {}
    ordered = sorted(grades.items(), key=lambda item: (-item[1], item[0]))
    for (qid, pid), grade in ordered:
        if grade > 0:
            found.setdefault(qid, []).append(pid)
    return found


def _words(text: str) -> list[str]:
    if text.isascii():  # the same, and faster
        return _ASCII_WORD.findall(text.lower())
    text = unicodedata.normalize("NFKC", _IGNORABLE.sub("", text)).casefold()
    text = unicodedata.normalize("NFKC", text)
    text = _DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), text)
    for apart, whole in _AM.items():
        text = text.replace(apart, whole)
    return _WORD.findall(text)


@functools.cache
def _stemmer(language: str) -> Callable[[str], str]:
    import Stemmer

    try:
        stemmer = Stemmer.Stemmer(language.split("_")[0], 0)
    except KeyError:
        return str
    return functools.lru_cache(_STEMS)(stemmer.stemWord)  # twice as fast as the stemmer's own

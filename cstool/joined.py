"""Token ids of many pairs: each text is tokenised once, and pairs are joined from ids.

A window of 64k pairs is held as ids of its distinct texts, 4 bytes a token; what the tokenizer
knows besides (strings, offsets) takes a hundred times as much and is let go at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

Ids = NDArray[np.int32]
_AT_ONCE = 1024  # texts


@dataclass(frozen=True)
class Frame:
    """The special tokens before, between and behind the two texts, and the types of all five."""

    parts: tuple[list[int], list[int], list[int]]
    types: tuple[int, int, int, int, int]

    @property
    def size(self) -> int:
        """Count the special tokens."""
        return sum(map(len, self.parts))

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "Frame":
        """Read it off a pair of two tokens, as the tokenizer puts them together."""
        one = next(
            found
            for text in ("a", "the", "1", "x y z")
            if len(found := tokenizer.encode(text, add_special_tokens=False)) > 0
        )
        one.truncate(1)
        made = tokenizer.post_process(one, one)
        # Special tokens are marked, unless the text is itself one.
        first, last = (i for i, special in enumerate(made.special_tokens_mask) if not special)
        ids, kinds = made.ids, made.type_ids
        parts = (ids[:first], ids[first + 1 : last], ids[last + 1 :])
        between = kinds[first + 1] if last > first + 1 else 0
        before, behind = (kinds[0] if first else 0), kinds[-1]
        return cls(parts, (before, kinds[first], between, kinds[last], behind))

    def join(self, query: Ids, passage: Ids) -> tuple[Ids, Ids]:
        """Give the ids and the types of a pair."""
        before, between, behind = self.parts
        pieces = (before, query, between, passage, behind)
        ids = np.concatenate([np.asarray(piece, dtype=np.int32) for piece in pieces])
        types = np.repeat(np.array(self.types, dtype=np.int32), [len(piece) for piece in pieces])
        return ids, types


@dataclass(frozen=True)
class Joined:
    """The pairs of a window as rows of tokens: one for each pair, or for each part of its passage.

    `rows` holds the number of the pair, the tokens of the query that are kept, and those of the
    passage from where to where; rows of a pair are neighbours. `lengths` are in tokens, special
    ones included.
    """

    frame: Frame
    known: dict[str, Ids]
    pairs: Sequence[tuple[str, str]]
    rows: NDArray[np.int64]  # (rows, 4)
    truncated_passages: int
    truncated_queries: int

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Count the tokens of every row."""
        _, query, start, stop = self.rows.T
        lengths: NDArray[np.int64] = query + stop - start + self.frame.size
        return lengths

    def tokens(self, numbers: Sequence[int]) -> list[tuple[Ids, Ids]]:
        """Give the ids and the types of these rows."""
        found = []
        for pair, left, start, stop in self.rows[numbers].tolist():
            query, passage = (self.known[text] for text in self.pairs[pair])
            found.append(self.frame.join(query[:left], passage[start:stop]))
        return found

    def best(self, values: Sequence[float]) -> list[float]:
        """Give the score of every pair: the highest of its rows (MaxP, Dai and Callan 2019)."""
        found = np.full(len(self.pairs), -np.inf)
        with np.errstate(invalid="ignore"):  # where one is no number, none comes out
            np.maximum.at(found, self.rows[:, 0], values)
        best: list[float] = found.tolist()
        return best


def join(
    tokenizer: Tokenizer,
    frame: Frame,
    pairs: Sequence[tuple[str, str]],
    max_length: int,
    *,
    passage_windows: bool = False,
) -> Joined:
    """Tokenise the texts of pairs and cut them as `PairEncoder` does: the passage at its end.

    With `passage_windows` a passage too long for its pair is cut into parts that fill it, each of
    which begins in the middle of the last one.
    """
    texts = dict.fromkeys(text for pair in pairs for text in pair)
    known = dict(zip(texts, _tokenised(tokenizer, list(texts)), strict=True))
    room = max_length - frame.size
    rows = []
    cut_passages = cut_queries = 0
    for number, (query, passage) in enumerate(pairs):
        left, right = min(len(known[query]), room), len(known[passage])
        free = room - left
        cut_queries += left < len(known[query])
        if right <= free or not passage_windows or free < 2:
            cut_passages += right > free
            rows.append((number, left, 0, min(right, free)))
            continue
        starts = range(0, right - free + free // 2, free // 2)
        rows += [(number, left, start, min(start + free, right)) for start in starts]
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return Joined(frame, known, pairs, table, cut_passages, cut_queries)


def batches(lengths: NDArray[np.int64], size: int, tokens: int) -> Iterator[list[int]]:
    """Put pairs of like length together, the longest first, so that a lack of memory shows soon."""
    batch: list[int] = []
    held = 0
    for i in np.argsort(-lengths, kind="stable").tolist():
        if batch and (len(batch) == size or held + lengths[i] > tokens):
            yield batch
            batch, held = [], 0
        batch.append(i)
        held += lengths[i]
    if batch:
        yield batch


def _tokenised(tokenizer: Any, texts: Sequence[str]) -> Iterator[Ids]:
    for start in range(0, len(texts), _AT_ONCE):
        some = texts[start : start + _AT_ONCE]
        for encoded in tokenizer.encode_batch_fast(some, add_special_tokens=False):
            yield np.array(encoded.ids, dtype=np.int32)

"""From texts to batches: views that belong together, code-switched, masked, cut to the budget."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, cast

import numpy as np
import torch
from tokenizers import Encoding, Tokenizer

from cstool import draws, masking
from cstool.codeswitch import Switcher
from cstool.corpus import Corpus, Item
from cstool.errors import CstoolError
from cstool.masking import IGNORED, Vocabulary
from cstool.records import Example, Text
from cstool.replacements import Replacement
from cstool.settings import Pretraining

LEAST = 2  # tokens without the special ones: one alone has nothing to be guessed from


@dataclass(frozen=True)
class View:
    """One text as it is forwarded; its name is what its chance depends on.

    `made` is what was replaced in `original`, if that is known and of use.
    """

    name: tuple[Any, ...]
    text: str
    original: str = ""
    made: Sequence[Replacement] = ()


@dataclass(frozen=True)
class Batch:
    """Tensors of one process's part of a batch, and what is to be known of all of it.

    `inputs` and `labels` are of the shape (rows, length): the first views of the process's items,
    then their second ones, if there are any. `related` (items, items) is of the whole batch, and so
    are `tokens`, which count everything but padding, and `masked`. Of `unswitched` items the
    lexicon has changed nothing.
    """

    inputs: dict[str, torch.Tensor]
    labels: torch.Tensor | None
    related: torch.Tensor
    items: int
    tokens: int
    masked: int
    alone: int  # items without a negative
    unswitched: int


class Views:
    """Makes batches out of items."""

    def __init__(
        self, corpus: Corpus, tokenizer: Any, settings: Pretraining, switcher: Switcher | None
    ) -> None:
        self._corpus, self._settings, self._switcher = corpus, settings, switcher
        self._tokenizer = tokenizer
        self._backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        self._backend.no_truncation()
        self._backend.no_padding()
        self._special: int = self._backend.num_special_tokens_to_add(False)
        self._vocabulary = None
        if settings.masks:
            special = set(tokenizer.all_special_ids)
            known = sorted(set(tokenizer.get_vocab().values()) - special)
            self._vocabulary = Vocabulary(tokenizer.mask_token_id, np.array(known, dtype=np.int64))

    @property
    def least(self) -> int:
        """Count the tokens of the smallest batch there may be: of two items, none empty."""
        return 2 * self._sides * (self._special + LEAST)

    @property
    def _sides(self) -> int:
        return 2 if self._settings.contrasts else 1

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of texts, without special ones."""
        return [len(each) for each in self._backend.encode_batch(texts, add_special_tokens=False)]

    def batch(
        self, drawn: Sequence[tuple[int, Item]], room: int | None, own: range
    ) -> Batch | None:
        """Make a batch of items with their epochs, of at most `room` tokens.

        Where it has more, its longest views are cut until it has exactly `room`, or, if only
        slightly fewer would be left for the next one, until enough are. None if no two items fit.
        `own` says which of the items this process computes.
        """
        sides, unswitched = self._views(drawn)
        encoded = [self._encode(views) for views in sides]
        lengths = [len(each) + self._special for one in zip(*encoded, strict=True) for each in one]
        count = len(drawn)
        if room is not None:
            total, least = sum(lengths), self._special + LEAST
            if total >= room:
                total = room
            elif total > room - self.least:
                total = room - self.least
            smallest = least * self._sides
            while count and sum(min(each, least) for each in lengths) > total:
                count, lengths = count - 1, lengths[: -self._sides]
            if count < min(2, len(drawn)) or total < smallest:
                return None
            lengths = cut(lengths, total)
        rows = [
            self._finished(encoded[side][item], lengths[item * self._sides + side])
            for side in range(self._sides)
            for item in range(count)
        ]
        views = [view for side in sides for view in side[:count]]
        ids = _padded([row.ids for row in rows], self._tokenizer.pad_token_id)
        labels = np.full(ids.shape, IGNORED)
        if self._vocabulary:
            ids, labels = self._masked(ids, rows, views, self._vocabulary)
        mine = [side * count + item for side in range(self._sides) for item in own if item < count]
        inputs = {
            "input_ids": torch.from_numpy(ids[mine]),
            "attention_mask": torch.from_numpy(
                _padded([row.attention_mask for row in rows], 0)[mine]
            ),
        }
        if "token_type_ids" in self._tokenizer.model_input_names:
            inputs["token_type_ids"] = torch.zeros_like(inputs["input_ids"])
        related = self._related([item for _, item in drawn[:count]])
        return Batch(
            inputs,
            torch.from_numpy(labels[mine]) if self._vocabulary else None,
            related,
            count,
            sum(lengths),
            int((labels != IGNORED).sum()),
            int(related.all(1).sum()) if self._settings.contrasts else 0,
            unswitched,
        )

    def _views(self, drawn: Sequence[tuple[int, Item]]) -> tuple[list[list[View]], int]:
        """Give the first views of all items, and their second ones if those are compared."""
        plain = [
            [View((*_ids(item), epoch, side), text) for side, text in _sides(item)]
            for epoch, item in drawn
        ]
        if not self._settings.contrasts:
            made = self._switched(drawn) if self._switcher else plain
            return [[views[0] for views in made]], _same(made, plain)
        if self._settings.views == "pairs":
            made = self._switched(drawn) if self._switcher else plain
            both = made
        elif self._settings.views == "switched":
            made = self._switched(drawn)
            both = [[left[0], right[0]] for left, right in zip(plain, made, strict=True)]
        else:
            versions = [self._switched(drawn, copy) if self._switcher else plain for copy in (0, 1)]
            made = versions[0]
            crops = [
                self._crops([views[0] for views in version], copy)
                for copy, version in enumerate(versions)
            ]
            both = [list(pair) for pair in zip(*crops, strict=True)]
        return [list(side) for side in zip(*both, strict=True)], _same(made, plain)

    def _switched(self, drawn: Sequence[tuple[int, Item]], copy: int = 0) -> list[list[View]]:
        """Switch items as `train` does in each epoch; a further copy is switched on its own."""
        switcher = cast(Switcher, self._switcher)
        found: list[list[View]] = []
        for epoch, together in groupby(drawn, key=lambda pair: pair[0]):
            items = [item for _, item in together]
            if copy:
                items = [replace(item, extra={"copy": copy}) for item in items]
            for item, (new, sides) in zip(
                items,
                switcher.records(items, epoch=epoch, with_sides=self._settings.mask_switched),
                strict=True,
            ):
                found.append(
                    [
                        View(
                            (*_ids(item), epoch, side, "switched", copy),
                            text,
                            getattr(item, side),
                            sides.get(side, ()),
                        )
                        for side, text in _sides(new)
                    ]
                )
        switcher.accounts.clear()  # of all epochs together they would say little
        return found

    def _crops(self, views: Sequence[View], number: int) -> list[View]:
        """Take a random run of tokens of each text, but never one that is shorter than allowed."""
        low, high = self._settings.crop_min, self._settings.crop_max
        encoded = self._backend.encode_batch(
            [view.text for view in views], add_special_tokens=False
        )
        found = []
        for view, encoding in zip(views, encoded, strict=True):
            draw = draws.named(self._settings.seed, view.name, "crop", number)
            share, place = (draws.one_at(draw, i) * 2.0**-64 for i in (0, 1))
            size = max(LEAST, round((low + share * (high - low)) * len(encoding)))
            first = int(place * (len(encoding) - size + 1))
            begin, end = encoding.offsets[first][0], encoding.offsets[first + size - 1][1]
            found.append(
                View((*view.name, "crop", number), view.text[begin:end].strip() or view.text)
            )
        return found

    def _encode(self, views: Sequence[View]) -> list[Encoding]:
        encoded = self._backend.encode_batch(
            [view.text for view in views], add_special_tokens=False
        )
        for each in encoded:
            each.truncate(cast(int, self._settings.max_length) - self._special)
        return encoded

    def _finished(self, encoding: Encoding, length: int) -> Encoding:
        encoding.truncate(length - self._special)
        return self._backend.post_process(encoding)

    def _masked(
        self,
        ids: np.ndarray[Any, Any],
        rows: Sequence[Encoding],
        views: Sequence[View],
        vocabulary: Vocabulary,
    ) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        settings = self._settings
        free = _padded([row.special_tokens_mask for row in rows], 1) == 0
        group = np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
        if settings.whole_words:
            starts = [
                masking.word_starts(view.text, row.offsets)
                for view, row in zip(views, rows, strict=True)
            ]
            group = _padded(starts, 0)
        shares = np.full(len(rows), settings.mlm_probability)
        if settings.mask_switched:
            free, shares = self._at_switches(free, rows, views, shares)
        texts = [draws.named(settings.seed, view.name, "mask") for view in views]
        drawn = np.array(texts, dtype=np.uint64)
        return masking.mask(ids, free, group, drawn, shares, vocabulary)

    def _at_switches(
        self,
        free: np.ndarray[Any, Any],
        rows: Sequence[Encoding],
        views: Sequence[View],
        shares: np.ndarray[Any, Any],
    ) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Leave free the words at switch points alone, of which as many more are to be masked."""
        source = cast(Switcher, self._switcher).source
        near = [
            masking.covered(row.offsets, masking.at_switches(view.original, view.made, source))
            for view, row in zip(views, rows, strict=True)
        ]
        allowed = free & _padded(near, 0).astype(bool)
        before, after = free.sum(1), allowed.sum(1)
        some = after > 0  # a text without a switch point is masked as ever
        wanted = np.minimum(1.0, shares * before / np.maximum(after, 1))
        return np.where(some[:, None], allowed, free), np.where(some, wanted, shares)

    def _related(self, items: Sequence[Item]) -> torch.Tensor:
        """Tell which items are no negatives of each other (n, n), each related to itself."""
        named: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        found = torch.eye(len(items), dtype=torch.bool)
        if self._settings.contrasts:
            for number, item in enumerate(items):
                for name in self._corpus.names(item):
                    named[name].append(number)
            for together in named.values():
                if len(together) > 1:
                    places = torch.tensor(together)
                    found[places[:, None], places] = True
        return found


def cut(lengths: Sequence[int], total: int) -> list[int]:
    """Cut the longest of some lengths until they sum to a total, or give them as they are.

    All are cut to the same length, or to one more, the first ones first.
    """
    if sum(lengths) <= total:
        return list(lengths)
    low, high = 0, max(lengths)  # at `low` they fit, at `high` they do not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (middle, high) if sum(min(each, middle) for each in lengths) <= total else (low, middle)
        )
    found = [min(each, low) for each in lengths]
    left = total - sum(found)
    for number, each in enumerate(lengths):
        if left and each > low:
            found[number] += 1
            left -= 1
    return found


def check_switcher(corpus: Corpus, switcher: Switcher) -> None:
    """Complain about a lexicon that changes none of the texts: CstoolError."""
    for start in range(0, len(corpus), 512):
        items = corpus.items(range(start, min(start + 512, len(corpus))))
        changed = any(
            _sides(new) != _sides(old)
            for old, (new, _) in zip(items, switcher.records(items), strict=True)
        )
        switcher.accounts.clear()
        if changed:
            return
    raise CstoolError(
        "the lexicon replaces no word of the texts: it has none of them, or --ratio is too low"
    )


def _sides(item: Item) -> list[tuple[str, str]]:
    if isinstance(item, Text):
        return [("text", item.text)]
    return [("query", item.query), ("passage", item.passage)]


def _ids(item: Item) -> tuple[str, ...]:
    return (item.qid, item.pid) if isinstance(item, Example) else (item.id,)


def _same(made: Sequence[Sequence[View]], plain: Sequence[Sequence[View]]) -> int:
    """Count the items of which nothing was switched."""
    if made is plain:
        return 0
    return sum(
        [view.text for view in new] == [view.text for view in old]
        for new, old in zip(made, plain, strict=True)
    )


def _padded(rows: Sequence[Sequence[int]], value: int) -> np.ndarray[Any, Any]:
    longest = max(map(len, rows))
    return np.array([[*row, *[value] * (longest - len(row))] for row in rows], dtype=np.int64)

"""The nearest words of another language: by cosine, or by CSLS, which is fairer to rare words.

    CSLS(x, y) = 2 cos(x, y) - r(x) - r(y)

where r(x) is the mean cosine of x with its k nearest targets, and r(y) that of y with its k
nearest sources (Conneau et al. 2018, arXiv 1710.04087, section 2.3). A hub, which is near to
everything, has a high r.

The search is exact. The products of all sources with all targets are computed in chunks of a given
size and never held at once; from one pass over them come r of all sources and of all targets, from
a second one the best targets. In fp32 equal scores are ordered by the lower index.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cstool import words
from cstool.devices import find_device
from cstool.lexicons import vocabulary
from cstool.lexicons.embeddings import Vectors, normalized
from cstool.records import Entry
from cstool.settings import Computing, Induction

Indices = NDArray[np.int64]
Floats = NDArray[np.float32]
OnRows = Callable[[int, int], None]  # rows done, of how many
# A row or column of products is looked through by the maxima of blocks of this many.
_BLOCK = 32
_LOW = 0xFFFFFFFF
_SIGN_FREE = 0x7FFFFFFF
# With bf16 so many times more candidates are taken, and scored again in fp32.
_MORE = 4
_FEWEST = 32
_GATHERED = 256  # rows whose candidates are scored again at a time
# Added to ranks before they are compared: the 1st and the 5th word are about as frequent.
_RANKS = 100


@dataclass(frozen=True)
class Found:
    """The nearest targets of some sources, best first.

    `indices` (of targets) and `scores` have the shape (sources, n). `back` holds the best source
    of each target, shape (targets,), if asked for.
    """

    indices: Indices
    scores: Floats
    back: Indices | None


def search(
    sources: Floats,
    targets: Floats,
    *,
    n: int,
    neighbours: str = "csls",
    k: int = 10,
    rows: Indices | None = None,
    back: bool = False,
    computing: Computing = Computing(),
    on_rows: OnRows = lambda done, of: None,
) -> Found:
    """Find the n best targets of each source, or only of those in `rows`.

    `sources` (n, d) and `targets` (m, d) are unit vectors; `neighbours` is nn (the score is the
    cosine) or csls. What is found for a source does not depend on `rows`. `back` finds the best
    source of each target by the same score as well. CstoolError if the device is none.
    """
    device = find_device(computing.device)
    x = torch.from_numpy(np.ascontiguousarray(sources)).to(device)
    y = torch.from_numpy(np.ascontiguousarray(targets)).to(device)
    asked = x if rows is None or back else x[torch.from_numpy(rows).to(device)]
    grid = _Grid(y, computing)
    total = len(asked) + (len(x) if neighbours == "csls" else 0)
    done = 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        on_rows(done, total)

    hub_x, hub_y = x.new_zeros(len(x)), x.new_zeros(grid.width)
    if neighbours == "csls":
        hub_x, hub_y = grid.means(x, k, progress)
        hub_x, hub_y = hub_x / 2, hub_y / 2
    if asked is not x:
        hub_x = hub_x[torch.from_numpy(rows).to(device)]
    indices, scores, best = grid.nearest(asked, n, hub_x, hub_y, back=back, progress=progress)
    if rows is not None and back:
        indices, scores = indices[rows], scores[rows]
    if neighbours == "csls":
        scores = 2 * scores
    return Found(indices.cpu().numpy(), scores.cpu().numpy(), best)


class _Grid:
    """The products of sources with all targets, chunk by chunk.

    The targets stand in an order of their own: those of a block, which follow each other, are
    `self.blocks` columns apart. So the maxima of blocks are maxima of whole rows of numbers, which
    a processor is good at, and of two equal maxima the first is still that of lower indices.
    """

    def __init__(self, targets: Tensor, computing: Computing) -> None:
        self.targets = targets
        self.blocks = -(-len(targets) // _BLOCK)
        self.width = self.blocks * _BLOCK
        self.half = computing.precision == "bf16"
        padded = targets.new_zeros(self.width, targets.shape[1])
        padded[: len(targets)] = targets
        place = torch.arange(self.width, device=targets.device)
        self.order = (place % self.blocks) * _BLOCK + place // self.blocks  # column -> index
        self.padding = (self.order >= len(targets)).nonzero().squeeze(1)
        columns = padded[self.order]
        self.columns = (columns.bfloat16() if self.half else columns).T
        rows = computing.chunk_bytes // (4 * self.width) // _BLOCK * _BLOCK
        self.rows = max(_BLOCK, rows)

    def chunks(self, sources: Tensor, less: Tensor | None = None) -> Iterator[tuple[int, Tensor]]:
        """Yield (number of the first source, products less `less` of each column).

        The products have the shape (rows, width); the rows are a multiple of the block, and what
        stands for no source or no target is minus infinity. The tensor is used again.
        """
        rows = min(self.rows, -(-len(sources) // _BLOCK) * _BLOCK)
        space = sources.new_empty(rows, self.width)
        half = space.bfloat16() if self.half else space
        for start in range(0, len(sources), rows):
            part = sources[start : start + rows]
            used = -(-len(part) // _BLOCK) * _BLOCK
            torch.mm(part.to(half.dtype), self.columns, out=half[: len(part)])
            if self.half:
                space[: len(part)] = half[: len(part)]
            if less is not None:
                space[: len(part)].sub_(less)
            space[len(part) : used] = -torch.inf
            space[:used].index_fill_(1, self.padding, -torch.inf)
            yield start, space[:used]

    def means(self, sources: Tensor, k: int, progress: Callable[[int], None]) -> tuple[Tensor, ...]:
        """Give r of the sources (n,) and r of the columns (width,), from one product."""
        of_sources = sources.new_empty(len(sources))
        of_columns = _ColumnTop(min(k, len(sources)), self.width, sources.device)
        for start, products in self.chunks(sources):
            of_columns.add(products)
            count = min(len(products), len(sources) - start)
            candidates, _ = self._candidates(products[:count], min(k, len(self.targets)))
            top = candidates.flatten(1).topk(min(k, len(self.targets))).values
            of_sources[start : start + count] = top.mean(1)
            progress(count)
        means = of_columns.top.mean(0)
        means[self.padding] = 0
        return of_sources, means

    def nearest(
        self,
        sources: Tensor,
        n: int,
        hub_x: Tensor,
        hub_y: Tensor,
        *,
        back: bool,
        progress: Callable[[int], None],
    ) -> tuple[Tensor, Tensor, Indices | None]:
        """Give indices and scores (sources, n) of the best targets by product - hub_x - hub_y.

        The third is the best source of each target (targets,), if asked for `back`.
        """
        n = min(n, len(self.targets))
        taken = min(len(self.targets), max(_MORE * n, _FEWEST)) if self.half else n
        indices = torch.empty(len(sources), n, dtype=torch.long, device=sources.device)
        scores = sources.new_empty(len(sources), n)
        best = _ColumnBest(self.width, sources.device)
        for start, products in self.chunks(sources, hub_y):
            count = min(len(products), len(sources) - start)
            here = slice(start, start + count)
            values, places = self._best(products[:count], taken)
            if self.half:
                values = self._exact(sources[here], places, hub_y)
                values, places = _top(values, places, n)
            indices[here], scores[here] = places, values - hub_x[here, None]
            if back:
                products[:count].sub_(hub_x[here, None])
                best.add(start, products)
            progress(count)
        if not back:
            return indices, scores, None
        sources_of = torch.empty_like(best.index)
        sources_of[self.order] = best.index
        return indices, scores, sources_of[: len(self.targets)].cpu().numpy()

    def _candidates(self, products: Tensor, n: int) -> tuple[Tensor, Tensor]:
        """Give what the n blocks with the highest maxima hold, and the numbers of these blocks.

        The shapes are (rows, _BLOCK, n) and (rows, n). The n highest of a row are among them: each
        block left out has n others with maxima at least as high, at lower indices if equal.
        """
        blocks = products.view(len(products), _BLOCK, self.blocks)
        maxima = blocks.amax(1)
        _, chosen = _top(maxima, torch.arange(self.blocks, device=maxima.device), n)
        return blocks.gather(2, chosen[:, None].expand(-1, _BLOCK, -1)), chosen

    def _best(self, products: Tensor, n: int) -> tuple[Tensor, Tensor]:
        values, chosen = self._candidates(products, n)
        within = torch.arange(_BLOCK, device=products.device)[:, None]
        places = chosen[:, None] * _BLOCK + within
        return _top(values.flatten(1), places.flatten(1), n)

    def _exact(self, sources: Tensor, places: Tensor, hub_y: Tensor) -> Tensor:
        less = torch.empty_like(hub_y)
        less[self.order] = hub_y
        scores = [
            (self.targets[places[part]] @ sources[part, :, None]).squeeze(2) - less[places[part]]
            for part in (
                slice(start, start + _GATHERED) for start in range(0, len(sources), _GATHERED)
            )
        ]
        return torch.cat(scores)


def _top(values: Tensor, places: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Give the n highest of each row with their places, the highest first.

    Of equal values the one with the lower place comes first: value and place are put into one
    whole number, the bits of a float being in the order of its value but for the sign.
    """
    bits = (values + 0.0).view(torch.int32).long()  # -0.0 becomes 0.0
    bits = torch.where(bits < 0, bits ^ _SIGN_FREE, bits)
    keys = ((bits << 32) | (_LOW - places)).topk(min(n, values.shape[1])).values
    bits = keys >> 32
    bits = torch.where(bits < 0, bits ^ _SIGN_FREE, bits)
    return bits.int().view(torch.float32), _LOW - (keys & _LOW)


class _ColumnTop:
    """The k highest values of each column, over the chunks that have been added: (k, width)."""

    def __init__(self, k: int, width: int, device: torch.device) -> None:
        self.top = torch.full((k, width), -torch.inf, device=device)

    def add(self, products: Tensor) -> None:
        """Take a chunk into account. Only blocks whose maximum can change anything are read."""
        k, width = self.top.shape
        blocks = products.view(-1, _BLOCK, width)
        maxima = blocks.amax(1)
        limit = self.top[-1]
        if len(maxima) >= k:
            lowest = maxima.topk(k, dim=0).values[-1]  # so many values at least are not lower
            limit = torch.maximum(limit, torch.nextafter(lowest, lowest.new_tensor(-torch.inf)))
        block, column = (maxima > limit).nonzero(as_tuple=True)
        values = blocks[block, :, column]
        chosen, within = (values > limit[column, None]).nonzero(as_tuple=True)
        self._merge(column[chosen], values[chosen, within])

    def _merge(self, columns: Tensor, values: Tensor) -> None:
        k = len(self.top)
        order = values.argsort(descending=True)
        order = order[columns[order].argsort(stable=True)]
        columns, values = columns[order], values[order]
        changed, inverse, counts = torch.unique_consecutive(
            columns, return_inverse=True, return_counts=True
        )
        rank = torch.arange(len(columns), device=columns.device)
        rank -= (counts.cumsum(0) - counts)[inverse]
        high = rank < k
        new = self.top.new_full((k, len(changed)), -torch.inf)
        new[rank[high], inverse[high]] = values[high]
        self.top[:, changed] = torch.cat([self.top[:, changed], new]).topk(k, dim=0).values


class _ColumnBest:
    """The highest value of each column and its row, the lowest row of equal ones."""

    def __init__(self, width: int, device: torch.device) -> None:
        self.value = torch.full((width,), -torch.inf, device=device)
        self.index = torch.zeros(width, dtype=torch.long, device=device)

    def add(self, start: int, products: Tensor) -> None:
        """Take a chunk into account whose first row is row number `start`."""
        blocks = products.view(-1, _BLOCK, products.shape[1])
        maxima = blocks.amax(1)
        highest = maxima.amax(0)
        better = (highest > self.value).nonzero().squeeze(1)
        value = highest[better]
        block = (maxima[:, better] == value).int().argmax(0)  # argmax gives the first
        within = (blocks[block, :, better] == value[:, None]).int().argmax(1)
        self.value[better] = value
        self.index[better] = start + block * _BLOCK + within


def induce(
    source: Vectors,
    target: Vectors,
    settings: Induction,
    left_out: Counter[str],
    *,
    occurring: Collection[str] | None = None,
    computing: Computing = Computing(),
    on_rows: OnRows = lambda done, of: None,
) -> list[Entry]:
    """Translate the source words by their nearest targets; the vectors are in one space already.

    Sources come in the order of their vectors, the best translation first; the score is the cosine
    or the CSLS. `occurring` holds the keys of words (`vocabulary.keys`): other sources are not
    translated, which changes nothing for these. Every filter takes entries away and moves none:
    of the N best translations those go that are too low, too near to the next one, not mutual, or
    much rarer or commoner than the source. `left_out` counts by reason.
    """
    keys = _Keys(source.words, target.words)
    rows = None
    if occurring is not None:
        known = [vocabulary.occurs(word, occurring) for word in source.words]
        rows = np.flatnonzero(known)
        left_out["not in the vocabulary"] += len(known) - len(rows)
    asked = np.arange(len(source.words)) if rows is None else rows
    if not len(asked) or not len(target.words):
        return []
    wanted = settings.max_translations
    found = search(
        normalized(source.matrix, ("unit",)),
        normalized(target.matrix, ("unit",)),
        # One more for the margin, and those that may be dropped as identical.
        n=wanted + 1 + (0 if settings.keep_identical else keys.most_alike(asked)),
        neighbours=settings.neighbours,
        k=settings.k,
        rows=rows,
        back=settings.mutual,
        computing=computing,
        on_rows=on_rows,
    )
    near, scores = found.indices, found.scores
    if not settings.keep_identical:
        same = keys.same(asked, near)
        left_out["identical"] += int(same[:, :wanted].sum())
        order = np.argsort(same, axis=1, kind="stable")  # the others first
        near = np.take_along_axis(near, order, axis=1)
        # Where there are too few others, what is the same must not come in again.
        scores = np.take_along_axis(np.where(same, -np.inf, scores), order, axis=1)
    kept = np.isfinite(scores[:, :wanted])

    def keep(condition: NDArray[np.bool_], reason: str) -> None:
        nonlocal kept
        left_out[reason] += int((kept & ~condition).sum())
        kept &= condition

    if settings.min_score is not None:
        keep(scores[:, :wanted] >= settings.min_score, "below the score")
    if settings.min_margin is not None and scores.shape[1] > 1:
        with np.errstate(invalid="ignore"):  # neither is there: minus infinity twice
            margin = scores[:, :1] - scores[:, 1:2]
        keep(margin >= settings.min_margin, "below the margin")
    if found.back is not None:
        keep(found.back[near[:, :wanted]] == asked[:, None], "not mutual")
    if settings.max_rank_ratio is not None:
        ranks, others = asked[:, None] + _RANKS, near[:, :wanted] + _RANKS
        ratio = np.maximum(ranks, others) / np.minimum(ranks, others)
        keep(ratio <= settings.max_rank_ratio, "of another frequency")
    return [
        Entry(source.words[asked[row]], target.words[near[row, place]], float(scores[row, place]))
        for row, place in np.argwhere(kept)
    ]


class _Keys:
    """Which words are the same but for case, as numbers."""

    def __init__(self, sources: Sequence[str], targets: Sequence[str]) -> None:
        number: dict[str, int] = {}
        self.sources, self.targets = (
            np.array([number.setdefault(words.key(w), len(number)) for w in side], dtype=np.int64)
            for side in (sources, targets)
        )

    def same(self, rows: Indices, near: Indices) -> NDArray[np.bool_]:
        """Tell for each source and each of its neighbours whether they are the same word."""
        same: NDArray[np.bool_] = self.targets[near] == self.sources[rows][:, None]
        return same

    def most_alike(self, rows: Indices) -> int:
        """Count the targets that are the same word as a source, for the source with the most."""
        counts = np.bincount(self.targets, minlength=int(self.sources.max()) + 1)
        return int(counts[self.sources[rows]].max())

"""Which examples each step of a training takes: a function of the seed and the step's number."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import ceil
from typing import NamedTuple

import torch

_WINDOW = 1000  # draws of a source after which the shares are exact


class Drawn(NamedTuple):
    """A group of examples, by its number, and how many times its source has come round before."""

    cycle: int
    group: int


class Order:
    """The batches of a training, a list of groups for each step.

    `sizes` has the number of groups of each source, in the order in which they are numbered, and
    `weights` the share of the draws that each gets. Every source is gone through in an order of
    its own, and again in another. Of a single source no batch reaches from one round into the
    next, so the last of a round can be smaller. Any batch can be computed alone: a training that
    goes on at step n needs none of those before.
    """

    def __init__(
        self, sizes: Sequence[int], weights: Sequence[float], batch_size: int, steps: int, seed: int
    ) -> None:
        self._sizes, self._batch_size, self._steps, self._seed = sizes, batch_size, steps, seed
        self._starts = [sum(sizes[:source]) for source in range(len(sizes))]
        whole = sum(map(Fraction, weights))
        self._bounds = [sum(map(Fraction, weights[:n])) / whole for n in range(len(weights) + 1)]
        # Of each source the round that it is in: two, where a window reaches into the next.
        self._round = lru_cache(2 * len(sizes))(self._shuffled_round)
        self._window = lru_cache(2)(self._shuffled_window)

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[list[Drawn]]:
        return map(self.batch, range(self._steps))

    def batch(self, step: int) -> list[Drawn]:
        """Give what the step of this number, from 0, takes."""
        if len(self._sizes) == 1:
            cycle, place = divmod(step, ceil(self._sizes[0] / self._batch_size))
            first = place * self._batch_size
            last = min(first + self._batch_size, self._sizes[0])
            return [Drawn(cycle, group) for group in self._round(0, cycle)[first:last].tolist()]
        draws = range(step * self._batch_size, (step + 1) * self._batch_size)
        return [self._drawn(draw) for draw in draws]

    def _drawn(self, draw: int) -> Drawn:
        source, before = self._window(draw // _WINDOW)[draw % _WINDOW]
        cycle, place = divmod(before, self._sizes[source])
        return Drawn(cycle, self._starts[source] + int(self._round(source, cycle)[place]))

    def _shuffled_round(self, source: int, cycle: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(self._seed + cycle + (source << 32))
        return torch.randperm(self._sizes[source], generator=generator)

    def _shuffled_window(self, number: int) -> list[tuple[int, int]]:
        """Say of each draw of a window which source it is from, and how many were before it."""
        begins, ends = (self._counts(at * _WINDOW) for at in (number, number + 1))
        sources = [
            source
            for source, (begin, end) in enumerate(zip(begins, ends, strict=True))
            for _ in range(end - begin)
        ]
        generator = torch.Generator().manual_seed(self._seed - 1 - number)
        counts = begins
        window = []
        for place in torch.randperm(_WINDOW, generator=generator).tolist():
            source = sources[place]
            window.append((source, counts[source]))
            counts[source] += 1
        return window

    def _counts(self, draws: int) -> list[int]:
        """Share out the first so many draws: each source gets its share, rounded to a neighbour."""
        below = [int(bound * draws) for bound in self._bounds]
        return [after - before for before, after in pairwise(below)]

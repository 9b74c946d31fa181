"""From the examples of a step to what a model computes: switched, tokenised, cut into parts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any, cast

import torch
from tokenizers import Encoding

from cstool.codeswitch import Switcher
from cstool.crossencoder import Pair, PairEncoder
from cstool.records import Example
from cstool.replacements import marked, restored
from cstool.training import losses
from cstool.training.data import TEACHER, Group
from cstool.training.losses import Targets

# What is computed at once. `inputs` are those of the model: a row for each of `labels`, then a row
# for each original text of `switched`, which has the rows of its versions. `words` are bags of the
# tokens of replacements. `units` are what the loss of the part weighs in that of the batch.
Part = dict[str, Any]
_NOTHING: Part = {"units": 0, "switched": torch.tensor([], dtype=torch.long), "words": None}


@dataclass
class Batches:
    """Makes batches when they are needed.

    Of several processes, each computes its `share` (which one, of how many) of every batch. A part
    has at most `token_budget` tokens, padding counted, unless a single group has more: groups of
    like length share a part, so there is little padding, and the gradients of the parts add up to
    that of the batch.
    """

    encoder: PairEncoder
    loss: str
    switcher: Switcher | None = None
    align_words: bool = False
    align_texts: bool = False
    token_budget: int | None = None
    share: tuple[int, int] = (0, 1)

    def __call__(self, drawn: Sequence[tuple[int, Group]]) -> dict[str, Any]:
        """Turn groups, each with the cycle that it was drawn in, into the `parts` of a batch.

        `cut` tells how many passages and queries were cut.
        """
        chosen, counts = self._own(drawn)
        groups = self._switched(chosen) if self.switcher else [group for _, group in chosen]
        originals = [self._originals(group) for group in groups]
        rows = [
            [(one.query, one.passage) for one in group] + list(other.values())
            for group, other in zip(groups, originals, strict=True)
        ]
        before = self._cut_so_far()
        encoded = iter(self.encoder.encode([pair for group in rows for pair in group]))
        cut = [now - then for now, then in zip(self._cut_so_far(), before, strict=True)]
        tokens = [[next(encoded) for _ in group] for group in rows]
        parts = [
            self._part(
                [groups[i] for i in part], [originals[i] for i in part], [tokens[i] for i in part]
            )
            for part in self._cut(tokens)
        ]
        if not counts:
            return {"parts": [part | _NOTHING for part in parts], "cut": [0, 0]}
        return {"parts": parts, "cut": cut}

    def _cut_so_far(self) -> tuple[int, int]:
        return self.encoder.truncated_passages, self.encoder.truncated_queries

    def _own(self, drawn: Sequence[tuple[int, Group]]) -> tuple[Sequence[tuple[int, Group]], bool]:
        """Choose what this process computes, and whether it counts."""
        which, of = self.share
        if of == 1:
            return drawn, True
        longest = sorted(range(len(drawn)), key=lambda i: (-_characters(drawn[i][1]), i))
        own = sorted(longest[which::of])
        # A step with fewer groups than processes: nobody may stand aside when gradients are added.
        return ([drawn[i] for i in own], True) if own else (drawn[:1], False)

    def _switched(self, drawn: Sequence[tuple[int, Group]]) -> list[Group]:
        switcher = cast(Switcher, self.switcher)
        with_sides = self.align_words or self.align_texts
        made: dict[int, Iterator[Example]] = {}
        for cycle in {cycle for cycle, _ in drawn}:
            examples = [one for at, group in drawn if at == cycle for one in group]
            switched = switcher.records(examples, epoch=cycle, with_sides=with_sides)
            made[cycle] = iter(
                [
                    marked(new, sides) if with_sides else cast(Example, new)
                    for new, sides in switched
                ]
            )
        switcher.accounts.clear()  # of all cycles together they would say little
        return [[next(made[cycle]) for _ in group] for cycle, group in drawn]

    def _originals(self, group: Group) -> dict[int, Pair]:
        """Give the texts that were switched, by their place in the group, if they are needed."""
        if not self.align_texts:
            return {}
        found = {}
        for place, one in enumerate(group):
            sides = one.extra.get("switched", {})
            if any(sides.values()):
                query, passage = (
                    restored(text, sides.get(side, ()))[0]
                    for side, text in (("query", one.query), ("passage", one.passage))
                )
                found[place] = (query, passage)
        return found

    def _cut(self, tokens: Sequence[Sequence[Encoding]]) -> list[list[int]]:
        """Choose the groups of each part; within it they stand in the order of the batch."""
        if self.token_budget is None:
            return [list(range(len(tokens)))]
        longest = [max(map(len, group)) for group in tokens]
        parts: list[list[int]] = []
        rows = 0
        for i in sorted(range(len(tokens)), key=lambda i: (-longest[i], i)):
            rows += len(tokens[i])
            if not parts or rows * longest[parts[-1][0]] > self.token_budget:
                parts.append([])
                rows = len(tokens[i])
            parts[-1].append(i)
        return [sorted(part) for part in parts]

    def _part(
        self,
        groups: Sequence[Group],
        originals: Sequence[dict[int, Pair]],
        tokens: Sequence[Sequence[Encoding]],
    ) -> Part:
        examples = [one for group in groups for one in group]
        starts = [0, *accumulate(map(len, groups))]
        switched = [start + at for start, own in zip(starts, originals, strict=False) for at in own]
        both = list(zip(groups, tokens, strict=True))
        first = [token for group, row in both for token in row[: len(group)]]
        behind = [token for group, row in both for token in row[len(group) :]]
        numbers = [number for number, group in enumerate(groups) for _ in group]
        part: Part = {
            "inputs": self.encoder.batch(first + behind),
            "labels": torch.tensor([float(one.label) for one in examples]),
            "groups": torch.tensor(numbers),
            "switched": torch.tensor(switched, dtype=torch.long),
        }
        if TEACHER in examples[0].extra:
            part["teacher"] = torch.tensor([float(one.extra[TEACHER]) for one in examples])
        part["units"] = losses.units(self.loss, Targets(part["labels"], part["groups"]))
        if self.align_words and (pairs := [p for one in examples for p in self._words(one)]):
            sides = zip(*pairs, strict=True)
            part["words"] = dict(zip(("switched", "originals"), map(_bags, sides), strict=True))
        return part

    def _words(self, example: Example) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Give the tokens of every replacement and those of the words that it replaces."""
        for side, text in (("query", example.query), ("passage", example.passage)):
            found = example.extra.get("switched", {}).get(side, [])
            original, spans = restored(text, found)
            switched = [(start, end) for start, end, _ in found]
            left = self.encoder.tokens(text, switched)
            right = self.encoder.tokens(original, spans)
            yield from (pair for pair in zip(left, right, strict=True) if all(pair))


def _characters(group: Group) -> int:
    return max(len(one.query) + len(one.passage) for one in group)


def _bags(words: Sequence[tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Put the tokens of words one after another, and say where each word starts."""
    return {
        "ids": torch.tensor(list(chain.from_iterable(words))),
        "starts": torch.tensor([0, *accumulate(map(len, words[:-1]))]),
    }

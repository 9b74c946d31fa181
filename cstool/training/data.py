"""The examples of a training: checked, grouped, and mapped into memory from an Arrow file."""

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson
import torch
from datasets import Dataset, Features, Value
from datasets.arrow_writer import ArrowWriter

from cstool import formats
from cstool.codeswitch import Switcher
from cstool.errors import CstoolError
from cstool.formats import EXAMPLE_KEYS
from cstool.records import Example
from cstool.settings import DATA
from cstool.training.losses import GROUPED, LABELLED, TAUGHT
from cstool.training.order import Drawn

Teacher = Mapping[tuple[str, str], float]  # qid, pid -> score
Group = list[Example]
TEACHER = "teacher_score"
_EXTRA = ("copy", "switched", TEACHER)
_GROUPS = "groups.bin"  # where each group starts, and where the last one ends: 64-bit numbers
_ROWS = 1000  # examples per write


@dataclass(frozen=True)
class Source:
    """Training examples, and how often they are drawn beside those of other sources."""

    examples: Iterable[Example]
    weight: float = 1.0


class Groups(torch.utils.data.Dataset[tuple[int, Group]]):
    """Groups of examples, read from an Arrow file when they are needed."""

    def __init__(self, folder: Path) -> None:
        self._data = Dataset.from_file(str(folder / DATA))
        path = folder / _GROUPS
        count = path.stat().st_size // 8
        self._starts = torch.from_file(str(path), size=count, dtype=torch.int64)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, drawn: Drawn) -> tuple[int, Group]:
        """Give the examples of a group, and the cycle that it was drawn in."""
        first, end = self._starts[drawn.group : drawn.group + 2].tolist()
        columns = self._data[first:end]
        rows = zip(*(columns[key] for key in (*EXAMPLE_KEYS, "extra")), strict=True)
        return drawn.cycle, [
            Example(qid, query, pid, passage, label, orjson.loads(extra))
            for qid, query, pid, passage, label, extra in rows
        ]


def write(
    sources: Sequence[Source],
    folder: Path,
    *,
    loss: str,
    teacher: Teacher | None = None,
    switcher: Switcher | None = None,
    need_marks: bool = False,
) -> dict[str, Any]:
    """Write the groups of all sources to a folder, for `Groups`, and give an account of them.

    CstoolError for what the loss cannot use, a source without examples, and a full disk.
    """
    try:
        return _written(sources, folder, loss, teacher, switcher, need_marks)
    except OSError as error:
        raise CstoolError(f"{folder}: the examples cannot be written: {error}") from error


def _written(
    sources: Sequence[Source],
    folder: Path,
    loss: str,
    teacher: Teacher | None,
    switcher: Switcher | None,
    need_marks: bool,
) -> dict[str, Any]:
    features = Features(
        {key: Value("float32" if key == "label" else "string") for key in EXAMPLE_KEYS}
        | {"extra": Value("string")}  # JSON, of the further keys that are of use here
    )
    digest, positives, is_marked = hashlib.sha256(), 0.0, False
    starts = array("q", [0])
    sizes: list[int] = []
    with ArrowWriter(path=str(folder / DATA), features=features, writer_batch_size=_ROWS) as writer:
        for source in sources:
            before = len(starts)
            for group in groups(source.examples, loss, teacher, switcher):
                for example in group:
                    digest.update(formats.format_example(example).encode())
                    positives += example.label
                    is_marked |= "switched" in example.extra
                    extra = {key: example.extra[key] for key in _EXTRA if key in example.extra}
                    row = {key: getattr(example, key) for key in EXAMPLE_KEYS}
                    writer.write(row | {"extra": orjson.dumps(extra).decode()})
                starts.append(starts[-1] + len(group))
            sizes.append(len(starts) - before)
            if not sizes[-1]:
                number = f" in source {len(sizes)}" if len(sources) > 1 else ""
                raise CstoolError(f"there is no training example{number}")
        writer.finalize()
    if need_marks and not is_marked:
        raise CstoolError("no example says what was replaced in it: use codeswitch --mark")
    with (folder / _GROUPS).open("wb") as out:
        starts.tofile(out)
    account = {
        "examples": starts[-1],
        "groups": len(starts) - 1,
        "positives": positives,
        "examples_sha256": digest.hexdigest(),
    }
    if len(sources) > 1:
        weights = [source.weight for source in sources]
        account["sources"] = [
            {"weight": weight, "groups": size} for weight, size in zip(weights, sizes, strict=True)
        ]
    return account


def groups(
    examples: Iterable[Example],
    loss: str,
    teacher: Teacher | None = None,
    switcher: Switcher | None = None,
) -> Iterator[Group]:
    """Put examples into groups, of one each if the loss does not compare any.

    A group is what stands together with the same qid and copy number. CstoolError for what the
    loss cannot use.
    """
    examples = _readable(examples)
    if switcher:
        examples = _switchable(examples, switcher)
    if loss in TAUGHT:
        if teacher is None:
            raise CstoolError(f"the loss {loss} learns from a teacher: give --teacher-scores")
        examples = _taught(examples, teacher)
    else:
        examples = _untaught(examples)
    if loss not in GROUPED:
        yield from ([example] for example in examples)
        return
    for _, together in groupby(examples, key=lambda example: example.qid):
        copies: dict[Any, Group] = {}
        for example in together:
            copies.setdefault(example.extra.get("copy"), []).append(example)
        for group in copies.values():
            _check_group(group, loss)
            yield group


def _check_group(group: Group, loss: str) -> None:
    """Complain about a group that has nothing to compare."""
    if loss not in LABELLED:
        if len(group) < 2:
            raise CstoolError(
                f"query {group[0].qid} has one passage: the loss {loss} compares several, so they "
                "must stand together"
            )
    elif len({example.label for example in group}) < 2:
        lacks = "negative" if group[0].label else "positive"
        raise CstoolError(
            f"query {group[0].qid} has no {lacks} passage beside the others: the loss {loss} "
            "compares them, so they must stand together"
        )


def _readable(examples: Iterable[Example]) -> Iterator[Example]:
    """Check the further keys that mean something here."""
    for example in examples:
        copy, switched = example.extra.get("copy"), example.extra.get("switched", {})
        wrong = None
        if not isinstance(copy, int | None):
            wrong = "copy"
        elif not (isinstance(switched, dict) and all(map(_are_places, switched.values()))):
            wrong = "switched"
        if wrong:
            raise CstoolError(
                f'query {example.qid} with passage {example.pid}: "{wrong}" is not what codeswitch '
                "writes there"
            )
        yield example


def _are_places(places: Any) -> bool:
    return isinstance(places, list) and all(
        isinstance(place, list | tuple) and [type(part) for part in place] == [int, int, str]
        for place in places
    )


def _switchable(examples: Iterable[Example], switcher: Switcher) -> Iterator[Example]:
    for example in examples:
        switcher.check(example)
        yield example


def _untaught(examples: Iterable[Example]) -> Iterator[Example]:
    """Leave out scores of a teacher that nobody learns from."""
    for example in examples:
        if TEACHER in example.extra:
            kept = {key: value for key, value in example.extra.items() if key != TEACHER}
            example = replace(example, extra=kept)
        yield example


def _taught(examples: Iterable[Example], teacher: Teacher) -> Iterator[Example]:
    for example in examples:
        score = teacher.get((example.qid, example.pid))
        if score is None:
            raise CstoolError(
                f"query {example.qid} with passage {example.pid} has no score of the teacher"
            )
        yield replace(example, extra={**example.extra, TEACHER: score})

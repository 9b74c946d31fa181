"""Large runs, column by column: where the judged passages stand, without an object per line.

Only what a measure needs is kept, and only one query's lines besides the block that is being read.
Files that are not laid out the usual way are left to the reader that goes line by line, which also
knows what to say about a wrong line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from cstool.measures import Ranking

if TYPE_CHECKING:
    from io import BufferedReader

    import numpy as np
    from numpy.typing import NDArray

    from cstool.evaluate import Judgements

_NAMES = ("qid", "iteration", "pid", "rank", "score", "tag")
_BLOCK = 8 << 20  # bytes


class Unusual(Exception):
    """A file that must be read line by line."""


@dataclass(frozen=True)
class Found:
    """Rankings in the order of the judgements' queries; queries and lines that the run has."""

    rankings: Sequence[Ranking]
    queries: int
    lines: int


@dataclass(frozen=True)
class _Block:
    """Whole queries: where each begins and ends, and the columns that count."""

    qids: Sequence[str]
    bounds: "NDArray[np.int64]"  # one more than queries
    pids: Any  # pyarrow strings
    scores: "NDArray[np.float64]"


def rankings(
    stream: BinaryIO, judged: "Judgements", *, ties: str, depth: int | None = None
) -> Found:
    """Rank a run whose lines are grouped by query, as TREC runs are.

    `ties` is "pid" or "trec_eval"; `depth` keeps the best hits alone. Raises Unusual for fields
    that are not separated by one space or one tab, lines of a query that are not together, a
    passage listed twice, and whatever is wrong with a line.
    """
    import pyarrow as pa

    places = {qid: place for place, qid in enumerate(judged.qids)}
    found: list[Ranking] = [Ranking(0, (), ())] * len(places)
    known = pa.array(sorted({pid for passages in judged.passages for pid in passages}), pa.string())
    seen: set[str] = set()
    lines = 0
    for block in _blocks(stream):
        if not seen.isdisjoint(block.qids) or len(set(block.qids)) < len(block.qids):
            raise Unusual
        seen.update(block.qids)
        lines += len(block.pids)
        for qid, ranking in _ranked(block, judged, places, known, ties, depth):
            found[places[qid]] = ranking
    return Found(found, len(seen), lines)


def _blocks(stream: BinaryIO) -> Iterator[_Block]:
    """Yield blocks of whole queries; what is begun at the end of one goes to the next."""
    import pyarrow as pa

    rest: Any = None
    try:
        for batch in _batches(stream):
            lines = pa.Table.from_batches([batch])
            if rest is not None:
                lines = pa.concat_tables([rest, lines])
            lines = lines.combine_chunks()
            starts = _starts(lines)
            if len(starts) > 1:
                yield _block(lines.slice(0, starts[-1]), starts)
            rest = lines.slice(starts[-1])
    except pa.ArrowInvalid as error:
        raise Unusual from error
    if rest is not None and len(rest):
        lines = rest.combine_chunks()
        yield _block(lines, [0, len(lines)])


def _batches(stream: BinaryIO) -> Any:
    from pyarrow import csv, float64, string

    head = cast("BufferedReader", stream).peek(1)
    first = head.partition(b"\n")[0]
    if not first or first.startswith(b"\xef\xbb\xbf"):
        raise Unusual
    return csv.open_csv(
        stream,
        read_options=csv.ReadOptions(column_names=_NAMES, block_size=_BLOCK),
        parse_options=csv.ParseOptions(
            delimiter="\t" if b"\t" in first else " ",
            quote_char=False,
            double_quote=False,
            escape_char=False,
            newlines_in_values=False,
            ignore_empty_lines=False,
        ),
        convert_options=csv.ConvertOptions(
            include_columns=["qid", "pid", "score"],
            column_types={"qid": string(), "pid": string(), "score": float64()},
            null_values=[],
            strings_can_be_null=False,
        ),
    )


def _starts(lines: Any) -> list[int]:
    """Say where queries begin, by the lines whose query is not that of the line before."""
    import numpy as np
    import pyarrow.compute as pc

    qids = lines["qid"].chunk(0)
    changed = pc.not_equal(qids.slice(1), qids.slice(0, len(qids) - 1))
    return [0, *(np.flatnonzero(changed.to_numpy(zero_copy_only=False)) + 1).tolist()]


def _block(lines: Any, bounds: Sequence[int]) -> _Block:
    import numpy as np

    lines = lines.combine_chunks()
    pids = lines["pid"].chunk(0)
    scores = lines["score"].to_numpy()
    if not np.isfinite(scores).all():
        raise Unusual
    ends = np.array(bounds)
    codes = pids.dictionary_encode().indices.to_numpy().astype(np.int64)
    queries = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    keys = np.sort(queries * (codes.max() + 1) + codes)
    if (keys[1:] == keys[:-1]).any():
        raise Unusual  # a passage twice
    qids = lines["qid"].take(ends[:-1]).to_pylist()
    if not _are_words(pids) or not all(qid.split() == [qid] for qid in qids):
        raise Unusual
    return _Block(qids, ends, pids, scores)


def _are_words(ids: Any) -> bool:
    """Tell whether ids could not be split at spaces, those of other scripts included."""
    import pyarrow.compute as pc

    if pc.any(pc.match_substring_regex(ids, r"^$|[\x09-\x0d\x1c-\x20]")).as_py():
        return False
    others = ids.filter(pc.invert(pc.string_is_ascii(ids))).to_pylist()
    return all(name.split() == [name] for name in others)


def _ranked(
    block: _Block,
    judged: "Judgements",
    places: dict[str, int],
    known: Any,
    ties: str,
    depth: int | None,
) -> Iterator[tuple[str, Ranking]]:
    import numpy as np
    import pyarrow.compute as pc

    with np.errstate(over="ignore"):  # what is too large for 32 bits is infinite there
        scores = block.scores if ties == "pid" else block.scores.astype(np.float32)
    mask = pc.is_in(block.pids, value_set=known)
    rows = np.flatnonzero(mask.to_numpy(zero_copy_only=False))
    queries = (np.searchsorted(block.bounds, rows, side="right") - 1).tolist()
    hits: dict[int, list[tuple[int, int]]] = {}
    names = block.pids.filter(mask).to_pylist()
    for row, query, pid in zip(rows.tolist(), queries, names, strict=True):
        place = places.get(block.qids[query])
        grade = None if place is None else judged.passages[place].get(pid)
        if grade is None:
            continue
        start, end = block.bounds[query], block.bounds[query + 1]
        rank = _rank(scores[start:end], block.pids.slice(start, end - start), row - start, ties)
        if depth is None or rank <= depth:
            hits.setdefault(query, []).append((rank, grade))
    for query, qid in enumerate(block.qids):
        if qid in places:
            count = int(block.bounds[query + 1] - block.bounds[query])
            ranked = sorted(hits.get(query, ()))
            yield (
                qid,
                Ranking(
                    count if depth is None else min(count, depth),
                    [rank for rank, _ in ranked],
                    [grade for _, grade in ranked],
                ),
            )


def _rank(scores: "NDArray[np.floating[Any]]", pids: Any, row: int, ties: str) -> int:
    """Count the hits above one: those with more, and those with as much whose id comes first."""
    import numpy as np

    above = int(np.count_nonzero(scores > scores[row]))
    equal = np.flatnonzero(scores == scores[row])
    if len(equal) > 1:
        pid, rivals = pids[row].as_py(), pids.take(equal).to_pylist()
        above += sum(rival < pid if ties == "pid" else rival > pid for rival in rivals)
    return above + 1

"""One line of text to one record and back. No files, no loops over lines.

Every parser raises ValueError with what is wrong and what was expected; the reader adds FILE:LINE.
"""

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import orjson

from cstool.records import Entry, Example, Hit, Pair, Qrel, Score, Text, Triple

EXAMPLE_KEYS = ("qid", "query", "pid", "passage", "label")
SCORE_COLUMNS = ("system", "query_lang", "passage_lang", "seed", "measure", "qid", "value")


def parse_text(line: str) -> Text:
    """Read a query or passage: `id<TAB>text`, or JSON with `id` and `text` or `contents`."""
    if line.startswith("{"):
        return _text(_object(line))
    name, tab, text = line.partition("\t")
    if not tab:
        raise ValueError(f"{_shown(line)}, expected id<TAB>text or a JSON object")
    return Text(_trec_id(name), text)


def parse_line(line: str) -> Text:
    """Read a line that is a text and nothing else; equal texts have the same id."""
    name = hashlib.sha256(line.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return Text(f"t{name}", line)


def format_text(text: Text) -> str:
    """Write a query or passage the way it came: JSONL if it was read from JSON, TSV otherwise."""
    return format_text_tsv(text) if text.extra is None else format_text_jsonl(text)


def format_text_tsv(text: Text) -> str:
    """Write `id<TAB>text`; ValueError if the record has keys that a TSV line cannot hold."""
    if text.extra:
        raise ValueError(f"{text.id}: TSV has no room for {_keys(text.extra)}; write .jsonl")
    return f"{text.id}\t{text.text}"


def format_text_jsonl(text: Text) -> str:
    """Write a JSON object with id, text and the further keys."""
    return _json({"id": text.id, "text": text.text, **(text.extra or {})})


def parse_example(line: str) -> Example:
    """Read a training example: JSON with qid, query, pid, passage, label and any further keys."""
    return _example(_object(line))


def format_example(example: Example) -> str:
    """Write a training example as JSON, every script readable, the further keys last."""
    row = {
        "qid": example.qid,
        "query": example.query,
        "pid": example.pid,
        "passage": example.passage,
        "label": example.label,
    }
    return _json({**row, **example.extra})


def parse_record(line: str) -> Example | Text:
    """Read a training example, a query or a passage, told apart by their keys."""
    if not line.startswith("{"):
        return parse_text(line)
    row = _object(line)
    return _example(row) if "query" in row or "id" not in row else _text(row)


def format_record(record: Example | Text) -> str:
    """Write what `parse_record` read, in the form it was read from."""
    return format_example(record) if isinstance(record, Example) else format_text(record)


def parse_pair(line: str) -> Pair:
    """Read a query-passage pair: JSON with query and passage; further keys are not kept."""
    row = _object(line)
    missing = [key for key in ("query", "passage") if key not in row]
    if missing:
        raise ValueError(f"no {' and no '.join(missing)}; expected keys query and passage")
    return Pair(_string(row, "query"), _string(row, "passage"))


def parse_triple(line: str) -> Triple:
    """Read an MS MARCO training triple: three ids or three texts, tab-separated."""
    fields = line.split("\t")
    if len(fields) != 3:
        raise ValueError(f"{len(fields)} tab-separated fields, expected query, positive, negative")
    return Triple(*fields)


def parse_qrel(line: str) -> Qrel:
    """Read a TREC judgement: qid, iteration (ignored), pid, relevance."""
    fields = line.split()
    if len(fields) != 4:
        hint = "; a line of six is one of a run, not of qrels" if len(fields) == 6 else ""
        raise ValueError(f"{len(fields)} fields, expected 4: qid 0 pid relevance{hint}")
    try:
        return Qrel(fields[0], fields[2], int(fields[3]))
    except ValueError:
        raise ValueError(f"relevance is {fields[3]!r}, expected a whole number") from None


def format_qrel(qrel: Qrel) -> str:
    """Write a TREC judgement."""
    return f"{qrel.qid} 0 {qrel.pid} {qrel.relevance}"


def parse_hit(line: str) -> Hit:
    """Read a line of a TREC run: qid, Q0, pid, rank (ignored: the score ranks), score, tag."""
    fields = line.split()
    if len(fields) != 6:
        hint = "; a line of four is one of qrels, not of a run" if len(fields) == 4 else ""
        raise ValueError(f"{len(fields)} fields, expected 6: qid Q0 pid rank score tag{hint}")
    return Hit(fields[0], fields[2], _number(fields[4], "score"))


def format_hit(hit: Hit, rank: int, tag: str) -> str:
    """Write a line of a TREC run; the score has nine significant digits, enough for any float32."""
    return f"{hit.qid} Q0 {hit.pid} {rank} {hit.score:.9g} {tag}"


def parse_entry(line: str) -> Entry:
    """Read a lexicon line: source<TAB>target[<TAB>score]."""
    fields = line.split("\t")
    if len(fields) not in (2, 3):
        raise ValueError(f"{len(fields)} tab-separated fields, expected source, target[, score]")
    if not all(field and field == field.strip() for field in fields[:2]):
        raise ValueError(f"{_shown(line)}, expected a source and a target without space around")
    return Entry(fields[0], fields[1], _number(fields[2], "score") if len(fields) == 3 else 1.0)


def format_entry(entry: Entry) -> str:
    """Write a lexicon line; ValueError for words that it could not be read back with."""
    for word in (entry.source, entry.target):
        if not word or word != word.strip() or "\t" in word:
            raise ValueError(f"{word!r} in a lexicon: expected no tab and no space around")
    return f"{entry.source}\t{entry.target}\t{entry.score:.9g}"


def parse_word_pair(line: str) -> Entry:
    """Read a dictionary line: source<TAB>target and ignored columns, or MUSE's two words."""
    fields = line.split("\t") if "\t" in line else line.split()
    words = [field.strip() for field in fields[:2]]
    if len(words) < 2 or not all(words) or ("\t" not in line and len(fields) > 2):
        raise ValueError(f"{_shown(line)}, expected source<TAB>target or two words")
    return Entry(words[0], words[1])


def parse_titles(line: str, columns: int = 2) -> tuple[str, ...]:
    """Read titles of one article in several languages; only the first must not be empty.

    Further columns are ignored.
    """
    titles = tuple(field.strip() for field in line.split("\t")[:columns])
    if len(titles) < columns or not titles[0] or not any(titles[1:]):
        expected = "<TAB>".join(["source", *["target"] * (columns - 1)])
        raise ValueError(f"{_shown(line)}, expected {expected}")
    return titles


def format_score(score: Score) -> str:
    """Write one value as TSV: system, query and passage language, seed, measure, qid, value."""
    names = (score.system, score.query_lang, score.passage_lang, score.seed)
    return "\t".join((*names, score.measure, score.qid, f"{score.value:.6f}"))


def parse_object(line: str) -> dict[str, Any]:
    """Read a line of JSONL of any kind."""
    return _object(line)


def check_id(name: str) -> str:
    """Give an id back; ValueError if TREC files, which split at spaces, cannot hold it."""
    return _trec_id(name)


def _text(row: dict[str, Any]) -> Text:
    key = "text" if "text" in row else "contents"
    if "id" not in row or key not in row:
        raise ValueError(f"keys {_keys(row)}, expected id and text (or contents)")
    extra = {name: value for name, value in row.items() if name not in ("id", key)}
    return Text(_trec_id(_string(row, "id")), _string(row, key), extra)


def _example(row: dict[str, Any]) -> Example:
    missing = [key for key in EXAMPLE_KEYS if key not in row]
    if missing:
        raise ValueError(f"no {', '.join(missing)}; expected keys {', '.join(EXAMPLE_KEYS)}")
    label = row["label"]
    if isinstance(label, bool) or not isinstance(label, int | float) or not 0 <= label <= 1:
        raise ValueError(f"label is {label!r}, expected a number from 0 to 1")
    return Example(
        qid=_string(row, "qid"),
        query=_string(row, "query"),
        pid=_string(row, "pid"),
        passage=_string(row, "passage"),
        label=label,
        extra={key: value for key, value in row.items() if key not in EXAMPLE_KEYS},
    )


def _object(line: str) -> dict[str, Any]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        problem = f"{error.msg} at character {error.pos + 1}"
        raise ValueError(f"{_shown(line)}, expected a JSON object ({problem})") from error
    if not isinstance(row, dict):
        raise ValueError(f"{_shown(line)}, expected a JSON object")
    return row


def _json(row: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(row).decode("utf-8")
    except orjson.JSONEncodeError as error:
        raise ValueError(f"cannot be written as JSON: {error}") from error


def _string(row: Mapping[str, Any], key: str) -> str:
    value = row[key]
    is_id = key.endswith("id")
    if is_id and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or (is_id and not value):
        raise ValueError(f"{key} is {_shown(value)}, expected {'an id' if is_id else 'a string'}")
    return value


def _trec_id(name: str) -> str:
    if not name or name.split() != [name]:
        raise ValueError(f"id is {_shown(name)}, expected a word: TREC files split at spaces")
    return name


def _number(text: str, name: str) -> float:
    try:
        value = math.nan if "_" in text else float(text)  # Python's 1_000 is no number to others
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{name} is {text!r}, expected a finite number")
    return value


def _keys(row: Mapping[str, Any]) -> str:
    return _shown(", ".join(row))


def _shown(value: object) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")
    return repr(value)[:60]

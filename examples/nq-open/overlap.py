"""Leave out of a text whatever stands in a test set too, and count it.

python overlap.py HELD-OUT < TEXT > KEPT

HELD-OUT is a file of test questions and test passages, `id<TAB>text`. TEXT has a text to a line,
plain, as `id<TAB>text`, or as JSON, of which every string is looked at. A line is left out if it
shares eight words in a row with a test text, in whatever case and punctuation; a test text of fewer
words counts where it is the whole of a text. Examples of the same query (qid) that stand together
go together, so that no positive is left without its negatives. The counts go to stderr.
"""

import itertools
import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

LENGTH = 8
_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """Split a text into words, the same for every case and punctuation."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def ngrams(text: str) -> Iterator[tuple[str, ...]]:
    """Give all runs of eight words, or all words if there are fewer."""
    found = words(text)
    for start in range(max(1, len(found) - LENGTH + 1)):
        yield tuple(found[start : start + LENGTH])


def held_out(lines: Iterable[str]) -> set[tuple[str, ...]]:
    """Gather what must not be met in training."""
    texts = (line.rstrip("\n").partition("\t")[2] for line in lines)
    return {ngram for text in texts for ngram in ngrams(text)} - {()}


def texts(line: str) -> tuple[str, list[str]]:
    """Give what a line belongs to (its qid, or itself) and the texts in it."""
    if line.startswith("{"):
        row = json.loads(line)
        return row.get("qid", line), [value for value in row.values() if isinstance(value, str)]
    return line, [line.rpartition("\t")[2]]


def main(path: Path) -> None:
    """Copy stdin to stdout without what is held out."""
    with path.open(encoding="utf-8", newline="\n") as file:
        known = held_out(file)
    sys.stdin.reconfigure(encoding="utf-8", newline="\n")
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    rows = ((*texts(line), line) for line in sys.stdin)
    left_out = kept = 0
    for _, together in itertools.groupby(rows, key=lambda row: row[0]):
        group = list(together)
        if any(ngram in known for _, found, _ in group for text in found for ngram in ngrams(text)):
            left_out += len(group)
        else:
            kept += len(group)
            sys.stdout.writelines(line for _, _, line in group)
    print(f"{left_out} lines left out that share words with {path}, {kept} kept", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

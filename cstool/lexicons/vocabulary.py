"""The words that occur in some texts: a lexicon for these texts needs no others."""

import re
from collections.abc import Collection, Iterable

from cstool import formats, words
from cstool.records import Example

_JSON = re.compile(r'\{\s*["}]')


class Parser:
    """Parses the lines of one file of examples, queries, passages, running text, or single words.

    JSON is a file whose first line looks like it: a paragraph of a novel may begin with a brace.
    """

    def __init__(self) -> None:
        self._is_json: bool | None = None

    def __call__(self, line: str) -> tuple[str, ...]:
        """Give the texts on a line: of an example, of a query or passage, or the line itself.

        Elsewhere than in JSON `id<TAB>text` has one text, and so has any other line. ValueError for
        JSON that is no example and no text.
        """
        if self._is_json is None:
            self._is_json = _JSON.match(line) is not None
        if self._is_json:
            record = formats.parse_record(line)
            return (record.query, record.passage) if isinstance(record, Example) else (record.text,)
        name, tab, text = line.partition("\t")
        return (text,) if tab and name.split() == [name] else (line,)


def keys(texts: Iterable[Iterable[str]]) -> frozenset[str]:
    """Collect the keys of all words of these texts."""
    return frozenset(
        words.key(text[start:end])
        for line in texts
        for text in line
        for start, end in words.spans(text)
    )


def occurs(phrase: str, vocabulary: Collection[str]) -> bool:
    """Tell whether all words of a phrase are in a vocabulary; False for what no text can match."""
    key = words.phrase_key(phrase)
    return key is not None and all(word in vocabulary for word in key.split(" "))

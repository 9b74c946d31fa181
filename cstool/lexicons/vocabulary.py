"""The words that occur in some texts: a lexicon for these texts needs no others."""

from collections.abc import Collection, Iterable

from cstool import formats, words
from cstool.records import Example


def parse(line: str) -> tuple[str, ...]:
    """Give the texts on a line: of an example, a query or a passage, or the line itself.

    A JSON object is an example or a text; so is `id<TAB>text`. Anything else, such as a line of
    running text or a word of a list, is a text. ValueError for JSON that is neither.
    """
    name, tab, text = line.partition("\t")
    if line.startswith("{"):
        record = formats.parse_record(line)
        return (record.query, record.passage) if isinstance(record, Example) else (record.text,)
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

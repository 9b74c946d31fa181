"""What a lexicon holds, in numbers."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import regex

from cstool import words
from cstool.lexicons import store
from cstool.records import Entry

_SCRIPTS = (
    *("Latin", "Cyrillic", "Greek", "Arabic", "Hebrew", "Han", "Hiragana", "Katakana", "Hangul"),
    *("Thai", "Devanagari", "Bengali", "Tamil", "Telugu", "Georgian", "Armenian"),
)
_SCRIPT = regex.compile("|".join(rf"(?P<{script}>\p{{{script}}})" for script in _SCRIPTS))
_OTHER = "other"


@dataclass
class Statistics:
    """Counts of the entries of one pair of languages.

    `phrases` counts sources by their number of words, `scripts` entries by the script of the first
    letter of their targets; sources are counted once, under the key that texts find them with.
    """

    entries: int = 0
    sources: int = 0
    most: int = 0  # translations of a source
    identical: int = 0  # entries whose sides are the same but for case
    unmatchable: int = 0  # sources that no text can match, such as "9/11"
    phrases: Counter[int] = field(default_factory=Counter)
    scripts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "Statistics":
        """Count entries."""
        found = cls()
        translations: Counter[str] = Counter()
        for entry in entries:
            found.entries += 1
            found.identical += words.key(entry.source) == words.key(entry.target)
            found.scripts[script(entry.target)] += 1
            source = store.source_key(entry.source)
            if source not in translations:
                found.unmatchable += words.phrase_key(entry.source) is None
                found.phrases[len(words.spans(source))] += 1
            translations[source] += 1
        found.sources = len(translations)
        found.most = max(translations.values(), default=0)
        return found


def script(word: str) -> str:
    """Name the script of the first letter, "other" if it is none of those known here."""
    match = _SCRIPT.search(word)
    return (match and match.lastgroup) or _OTHER

"""Translate texts word by word with a bilingual lexicon (Translate-Test without a translator).

Nothing is drawn: every word or phrase that the lexicon knows becomes its best translation, the
longest phrase first, and what stands between and around them stays as it was. Words keep their
order and are looked up as they are written: nothing is inflected, nothing is split.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from cstool import words
from cstool.lexicons.store import Table
from cstool.records import Text

_SHOWN_WORDS = 20


@dataclass
class Account:
    """What happened: texts and words seen, words translated, and which words were not."""

    texts: int = 0
    words: int = 0
    translated: int = 0
    untranslated: Counter[str] = field(default_factory=Counter)

    def summary(self) -> dict[str, object]:
        """Give totals, the share of untranslated words and the most frequent of them."""
        left = self.untranslated.total()
        # Equally frequent words in the order of the alphabet, whatever that of the texts.
        frequent = heapq.nsmallest(
            _SHOWN_WORDS, self.untranslated.items(), key=lambda item: (-item[1], item[0])
        )
        return {
            "texts": self.texts,
            "words": self.words,
            "translated": self.translated,
            "untranslated_share": round(left / self.words, 4) if self.words else 0.0,
            "untranslated_words": dict(frequent),
        }


@dataclass
class Translator:
    """Translates queries or passages; `language` is what they are translated into."""

    table: Table
    language: str
    account: Account = field(default_factory=Account)

    def translate(self, record: Text) -> Text:
        """Translate the text of a query or passage."""
        return replace(record, text=self.text(record.text))

    def text(self, text: str) -> str:
        """Translate one text."""
        found = words.units(text)
        keys = [words.key(text[start:end]) for start, end in found]
        self.account.texts += 1
        self.account.words += len(found)
        pieces: list[str] = []
        done = position = 0
        while position < len(found):
            match = self.table.match(text, found, keys, position)
            if match is None:
                self.account.untranslated[keys[position]] += 1
                position += 1
                continue
            length, phrase = match
            start, end = found[position][0], found[position + length - 1][1]
            translation = words.with_case_of(
                text[start:end], self.table.best[phrase], self.language
            )
            pieces += [text[done:start], translation]
            done = end
            self.account.translated += length
            position += length
        return "".join([*pieces, text[done:]])


def translate(records: Iterable[Text], translator: Translator) -> Iterator[Text]:
    """Translate records one by one, in their order."""
    return map(translator.translate, records)

"""Replace words of a text by their translations: artificial code-switching (arXiv 2305.05295).

Chance depends on the seed, the record's ids, the field and the position of a span's first word,
through a fixed hash, and on nothing else: neither the order of the records nor another language or
entry of the lexicon moves a draw that need not move.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cstool import words
from cstool.errors import CstoolError
from cstool.lexicons.store import Lexicon
from cstool.records import Example, Text

_BYTES = 8  # of hash per draw


@dataclass
class Account:
    """What happened to one side: words seen, words the lexicon knows, words replaced by language.

    `mixing` is the Code-Mixing Index (Das and Gambäck 2014) summed over texts: per text, one minus
    the share of its most frequent language.
    """

    texts: int = 0
    words: int = 0
    matched: int = 0
    replaced: Counter[str] = field(default_factory=Counter)
    mixing: float = 0.0

    def summary(self) -> dict[str, object]:
        """Give totals, the effective ratio and the mean Code-Mixing Index."""
        replaced = sum(self.replaced.values())
        return {
            "texts": self.texts,
            "words": self.words,
            "matched": self.matched,
            "replaced": replaced,
            "replaced_by_language": dict(sorted(self.replaced.items())),
            "effective_ratio": round(replaced / self.words, 4) if self.words else 0.0,
            "code_mixing_index": round(self.mixing / self.texts, 4) if self.texts else 0.0,
        }


@dataclass
class Switcher:
    """Switches words of queries and passages.

    `languages` gives each side ("query", "passage", "text") the languages that it is switched to;
    a side with none is left alone, and so is a span for which `source` itself is drawn.
    `per` is "span" (a language is drawn for every span) or "text" (one for the whole text).
    """

    lexicon: Lexicon
    languages: Mapping[str, Sequence[str]]
    ratio: float
    seed: int
    per: str = "span"
    source: str = "en"
    accounts: dict[str, Account] = field(default_factory=dict)

    def switch(self, record: Example | Text) -> Example | Text:
        """Switch a training example on both its sides, or the text of a query or passage."""
        if isinstance(record, Text):
            if "text" not in self.languages:
                raise CstoolError(
                    f"{record.id} is a query or a passage alone: give its languages with --langs"
                )
            text = self.text(record.text, "text", record.id, *_copy(record.extra))
            return replace(record, text=text)
        ids = (record.qid, record.pid, *_copy(record.extra))
        return replace(
            record,
            query=self.text(record.query, "query", *ids),
            passage=self.text(record.passage, "passage", *ids),
        )

    def text(self, text: str, side: str, *ids: str) -> str:
        """Switch one text; `ids` and `side` say whose it is, and so what is drawn."""
        languages = self.languages.get(side, ())
        found = words.spans(text)
        account = self.accounts.setdefault(side, Account())
        account.texts += 1
        account.words += len(found)
        # Joined as a tuple's repr: ids may hold any character, and must not run into each other.
        origin = repr((self.seed, ids, side))
        if self.per == "text" and languages:
            languages = [max(languages, key=lambda name: (_draws(origin, 1, name), name))]
        if not found or all(name == self.source for name in languages):
            return text
        switched, replaced = self._switch(text, found, languages, origin, account)
        if replaced:
            account.replaced += replaced
            shares = [*replaced.values(), len(found) - sum(replaced.values())]
            account.mixing += 1 - max(shares) / len(found)
        return switched

    def _switch(
        self,
        text: str,
        found: Sequence[tuple[int, int]],
        languages: Sequence[str],
        origin: str,
        account: Account,
    ) -> tuple[str, Counter[str]]:
        keys = [words.key(text[start:end]) for start, end in found]
        chosen = _draws(origin, len(found), "")
        limit = int(self.ratio * 256**_BYTES)
        racing = languages if len(languages) > 1 else ()
        races = {name: _draws(origin, len(found), name) for name in racing}
        pieces: list[str] = []
        replaced: Counter[str] = Counter()
        done = position = 0
        while position < len(found):
            candidates = self._candidates(text, found, keys, position, languages)
            if not candidates:
                position += 1
                continue
            draw = slice(position * _BYTES, (position + 1) * _BYTES)
            language, length, target = max(
                candidates, key=lambda item: (races[item[0]][draw] if races else b"", item[0])
            )
            if target is not None:
                account.matched += length
                if int.from_bytes(chosen[draw]) < limit:
                    start, end = found[position][0], found[position + length - 1][1]
                    translation = words.with_case_of(text[start:end], target, language)
                    pieces += [text[done:start], translation]
                    done = end
                    replaced[language] += length
            position += length
        return "".join([*pieces, text[done:]]), replaced

    def _candidates(
        self,
        text: str,
        found: Sequence[tuple[int, int]],
        keys: Sequence[str],
        position: int,
        languages: Sequence[str],
    ) -> list[tuple[str, int, str | None]]:
        """Find the longest phrase that starts here in each language: its words and translation."""
        candidates: list[tuple[str, int, str | None]] = []
        word = keys[position]
        for language in languages:
            if language == self.source:
                candidates.append((language, 1, None))
                continue
            table = self.lexicon[language]
            longest = table.longest.get(word)
            if longest is None:
                continue
            for length in range(min(longest, len(keys) - position), 0, -1):
                span = slice(position, position + length)
                target = table.best.get(" ".join(keys[span]) if length > 1 else word)
                if target is not None and (length == 1 or words.one_phrase(text, found[span])):
                    candidates.append((language, length, target))
                    break
        return candidates


def codeswitch(records: Iterable[Example | Text], switcher: Switcher) -> Iterator[Example | Text]:
    """Switch records one by one, in their order."""
    return map(switcher.switch, records)


def _copy(extra: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Give the number of a copy, which is drawn for anew; a record alone has none."""
    return (str(extra["copy"]),) if extra and "copy" in extra else ()


def _draws(origin: str, count: int, name: str) -> bytes:
    """Draw `count` big-endian numbers of _BYTES each; the first are the same for any count."""
    return hashlib.shake_128(f"{origin}{name}".encode()).digest(_BYTES * count)

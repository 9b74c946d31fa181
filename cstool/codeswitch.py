"""Replace words of a text by their translations: artificial code-switching (arXiv 2305.05295).

Chance depends on the seed, the record's ids, the field and the position of a span's first word,
through a fixed hash, and on nothing else: neither the order of the records nor another language or
entry of the lexicon moves a draw that need not move.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

import orjson

from cstool import words
from cstool.errors import CstoolError
from cstool.lexicons.store import Lexicon
from cstool.records import Entry, Example, Text

_BYTES = 8  # of hash per draw


class Replacement(NamedTuple):  # one per replaced word: a frozen dataclass takes thrice as long
    """What stands in a switched text instead of the characters from `start` to `end`."""

    start: int
    end: int
    source: str
    target: str
    language: str


Sides = Mapping[str, Sequence[Replacement]]  # "query" and "passage", or "text"


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

    def add(self, other: "Account") -> None:
        """Take over what another account of the same side has counted."""
        for name in (each.name for each in fields(self)):
            ours, theirs = getattr(self, name), getattr(other, name)
            if isinstance(ours, Counter):
                ours.update(theirs)
            else:
                setattr(self, name, ours + theirs)

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
        return switched(record, self.sides(record))

    def sides(self, record: Example | Text) -> dict[str, list[Replacement]]:
        """Find what is to be replaced on each side of a record."""
        if isinstance(record, Example):
            ids = (record.qid, record.pid, *_copy(record.extra))
            texts = {"query": record.query, "passage": record.passage}
        elif "text" in self.languages:
            ids = (record.id, *_copy(record.extra))
            texts = {"text": record.text}
        else:
            raise CstoolError(
                f"{record.id} is a query or a passage alone: give its languages with --langs"
            )
        return {side: self.replacements(text, side, *ids) for side, text in texts.items()}

    def text(self, text: str, side: str, *ids: str) -> str:
        """Switch one text; `ids` and `side` say whose it is, and so what is drawn."""
        return joined(text, self.replacements(text, side, *ids))

    def replacements(self, text: str, side: str, *ids: str) -> list[Replacement]:
        """Find what is to be replaced in one text, in its order."""
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
            return []
        made, replaced = self._switch(text, found, languages, origin, account)
        if replaced:
            account.replaced += replaced
            shares = [*replaced.values(), len(found) - sum(replaced.values())]
            account.mixing += 1 - max(shares) / len(found)
        return made

    def _switch(
        self,
        text: str,
        found: Sequence[tuple[int, int]],
        languages: Sequence[str],
        origin: str,
        account: Account,
    ) -> tuple[list[Replacement], Counter[str]]:
        keys = [words.key(text[start:end]) for start, end in found]
        chosen = _draws(origin, len(found), "")
        limit = int(self.ratio * 256**_BYTES)
        racing = languages if len(languages) > 1 else ()
        races = {name: _draws(origin, len(found), name) for name in racing}
        made: list[Replacement] = []
        replaced: Counter[str] = Counter()
        position = 0
        while position < len(found):
            candidates = self._candidates(text, found, keys, position, languages)
            if not candidates:
                position += 1
                continue
            draw = slice(position * _BYTES, (position + 1) * _BYTES)
            language, length, target = candidates[0]
            if len(candidates) > 1:
                language, length, target = max(
                    candidates, key=lambda item: (races[item[0]][draw], item[0])
                )
            if target is not None:
                account.matched += length
                if int.from_bytes(chosen[draw]) < limit:
                    start, end = found[position][0], found[position + length - 1][1]
                    source = text[start:end]
                    target = words.with_case_of(source, target, language)
                    made.append(Replacement(start, end, source, target, language))
                    replaced[language] += length
            position += length
        return made, replaced

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
        for language in languages:
            if language == self.source:
                candidates.append((language, 1, None))
                continue
            table = self.lexicon[language]
            if match := table.match(text, found, keys, position):
                candidates.append((language, match[0], table.best[match[1]]))
        return candidates


def codeswitch(
    records: Iterable[Example | Text],
    switcher: Switcher,
    note: Callable[[Example | Text, Sides], None] | None = None,
) -> Iterator[Example | Text]:
    """Switch records one by one, in their order; `note` is told what is replaced in each."""
    for record in records:
        sides = switcher.sides(record)
        if note:
            note(record, sides)
        yield switched(record, sides)


def copies(records: Iterable[Example | Text], count: int) -> Iterator[Example | Text]:
    """Yield every training example `count` times, numbered by "copy": each is switched anew."""
    for record in records:
        if isinstance(record, Text):
            raise CstoolError(f"{record.id} is a query or a passage: it can have one version only")
        for number in range(1, count + 1):
            yield replace(record, extra={**record.extra, "copy": number})


def switched(record: Example | Text, sides: Sides) -> Example | Text:
    """Give a record in which everything on its sides is replaced."""
    texts: Mapping[str, Any] = {
        side: joined(getattr(record, side), made) for side, made in sides.items()
    }
    return replace(record, **texts)


def joined(text: str, made: Iterable[Replacement]) -> str:
    """Give a text in which everything is replaced."""
    pieces: list[str] = []
    done = 0
    for start, end, _, target, _ in made:
        pieces += [text[done:start], target]
        done = end
    return "".join([*pieces, text[done:]])


def marked(record: Example | Text, sides: Sides) -> Example | Text:
    """Note in a switched example where what stands for which words: side to [start, end, words].

    Start and end count characters of the switched text; with them, the original can be restored.
    """
    if isinstance(record, Text):
        raise CstoolError(f"{record.id} is a query or a passage: only examples can be marked")
    places: dict[str, list[tuple[int, int, str]]] = {}
    for side, made in sides.items():
        moved = 0  # how many characters longer the text has become so far
        for start, end, source, target, _ in made:
            begin = start + moved
            places.setdefault(side, []).append((begin, begin + len(target), source))
            moved += len(target) - (end - start)
    return replace(record, extra={**record.extra, "switched": places})


def restored(
    text: str, places: Iterable[tuple[int, int, str]]
) -> tuple[str, list[tuple[int, int]]]:
    """Give the text that was switched, from what `marked` notes, and where its words stood."""
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    done = length = 0
    for start, end, source in places:
        pieces += [text[done:start], source]
        length += start - done
        spans.append((length, length + len(source)))
        length += len(source)
        done = end
    return "".join([*pieces, text[done:]]), spans


def trace(record: Example | Text, sides: Sides) -> Iterator[str]:
    """Give a line of JSON for each replacement: whose text it is in, where, and what it is."""
    if isinstance(record, Example):
        whose = {"qid": record.qid, "pid": record.pid}
    else:
        whose = {"id": record.id}
    copy = {"copy": record.extra["copy"]} if record.extra and "copy" in record.extra else {}
    for side, made in sides.items():
        for item in made:
            yield orjson.dumps({**whose, **copy, "side": side, **item._asdict()}).decode("utf-8")


def without_stopwords(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Leave out the entries of English stop words (NLTK's list); phrases that hold some stay."""
    from bm25s.stopwords import STOPWORDS_EN_PLUS

    stopwords = frozenset(STOPWORDS_EN_PLUS)
    return (entry for entry in entries if words.key(entry.source) not in stopwords)


def _copy(extra: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Give the number of a copy, which is drawn for anew; a record alone has none."""
    return (str(extra["copy"]),) if extra and "copy" in extra else ()


def _draws(origin: str, count: int, name: str) -> bytes:
    """Draw `count` big-endian numbers of _BYTES each; the first are the same for any count."""
    return hashlib.shake_128(f"{origin}{name}".encode()).digest(_BYTES * count)

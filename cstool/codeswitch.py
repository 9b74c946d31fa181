"""Replace words of a text by their translations: artificial code-switching (arXiv 2305.05295).

Chance depends on the seed, the record's ids, the field and the position of a span's first word,
through a fixed hash, and on nothing else: neither the order of the records nor another language or
entry of the lexicon moves a draw that need not move. (With `ratio_of="all"` the share that a draw
is compared with depends on how much of the text the lexicon knows.)
"""

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import islice
from typing import Any

from cstool import draws, words
from cstool.account import Account
from cstool.errors import CstoolError
from cstool.lexicons.commonwords import stop_words
from cstool.lexicons.store import Lexicon
from cstool.records import Entry, Example, Text
from cstool.replacements import Replacement, Sides
from cstool.settings import Switching
from cstool.switching.batch import Batch, Batches, Rules, Side

Languages = Mapping[str, float] | Sequence[str]
_RECORDS = 512  # at a time
_SIDES = ("query", "passage", "text")
_CHOICES = {
    "per": ("span", "text"),
    "ratio_of": ("matched", "all"),
    "choice": ("best", "weighted"),
}


@dataclass
class Switcher:
    """Switches words of queries and passages: strings, records, columns of a datasets.Dataset.

    `lexicon` has a table for each target language. `languages` gives each side ("query", "passage",
    "text") the languages that it is switched to, with or without weights; a side with none is left
    alone, and so is a span for which `source` itself is drawn. `ratio`, one for all or one for each
    side, is the chance of a span to be replaced, or, with `ratio_of="all"`, the share of all words:
    the chance is then higher in texts of which the lexicon knows less. `per` is "span" (a language
    is drawn for every span) or "text" (one for the whole text). `choice` is "best" (the first
    translation) or "weighted" (drawn by score, for tables that know `several`). `keep_english` is
    the share of records that stay as they are. What matches `protect`, a regular expression, is
    never replaced, nor is a word that touches it.

    `accounts` counts for each side what was done.
    """

    lexicon: Lexicon
    languages: Mapping[str, Languages]
    ratio: float | Mapping[str, float]
    seed: int
    per: str = "span"
    source: str = "en"
    ratio_of: str = "matched"
    choice: str = "best"
    keep_english: float = 0.0
    protect: str | None = None
    accounts: dict[str, Account] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse settings that mean nothing: CstoolError."""
        ratios = [self.ratio] if isinstance(self.ratio, int | float) else self.ratio.values()
        if not all(0 <= share <= 1 for share in (*ratios, self.keep_english)):
            raise CstoolError("the ratio and the share of English: expected numbers from 0 to 1")
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise CstoolError(
                    f"{name} is {getattr(self, name)!r}, expected {' or '.join(known)}"
                )
        if unknown := set(self.languages) - set(_SIDES):
            raise CstoolError(f"{min(unknown)} is no side, expected {', '.join(_SIDES)}")
        for side in self.languages:
            if not all(0 < weight < math.inf for weight in self._plan(side).languages.values()):
                raise CstoolError(f"{side}: expected weights above 0")
        try:
            re.compile(self.protect or "")
        except re.error as problem:
            raise CstoolError(f"{self.protect!r} is no regular expression: {problem}") from problem

    @classmethod
    def load(
        cls,
        lexicon: str,
        languages: Languages | None = None,
        *,
        source: str = "en",
        ratio: float = Switching.ratio,
        seed: int = Switching.seed,
        skip_stopwords: bool = Switching.skip_stopwords,
        max_phrase: int = Switching.max_phrase,
        **more: Any,
    ) -> "Switcher":
        """Make a switcher with a lexicon by name or path, for all sides alike.

        Without languages, to all that the lexicon has. `more` are further fields. CstoolError if
        there is no such lexicon or language, and for settings that mean nothing.
        """
        from cstool import files, formats
        from cstool.lexicons import store

        found = store.pairs(store.find(lexicon), source)
        wanted = languages or list(found)
        several = more.get("choice") == "weighted"
        tables = store.load(
            found,
            [name for name in wanted if name != source],
            lambda path: files.read(path, formats.parse_entry),
            lambda entries: store.Table.of(
                without_stopwords(entries, source) if skip_stopwords else entries,
                max_words=max_phrase,
                several=several,
            ),
        )
        sides = dict.fromkeys(_SIDES, wanted)
        return cls(tables, sides, ratio, seed, source=source, **more)

    def __call__(self, text: str, *ids: str) -> str:
        """Switch one text; what is drawn depends on the ids, so give each text its own."""
        return self.text(text, "text", *ids)

    def text(self, text: str, side: str, *ids: str) -> str:
        """Switch one text; `ids` and `side` say whose it is, and so what is drawn."""
        return self._batch(side, [text], [ids]).texts[0]

    def replacements(self, text: str, side: str, *ids: str) -> list[Replacement]:
        """Find what is to be replaced in one text, in its order."""
        return self._batch(side, [text], [ids], with_replacements=True).replacements(0)

    def switch(self, record: Example | Text) -> Example | Text:
        """Switch a training example on both its sides, or the text of a query or passage."""
        [(made, _)] = self.records([record])
        return made

    def sides(self, record: Example | Text) -> Sides:
        """Find what is to be replaced on each side of a record."""
        [(_, sides)] = self.records([record], with_sides=True)
        return sides

    def records(
        self,
        records: Sequence[Example | Text],
        *,
        epoch: int | None = None,
        with_sides: bool = False,
    ) -> list[tuple[Example | Text, Sides]]:
        """Switch records at once, which is much faster than one by one.

        With an epoch, counted from 0, examples are switched as their copy of the next number is.
        With sides, what is replaced is given beside each record, otherwise nothing. CstoolError if
        `check` refuses one.
        """
        for record in records:
            self.check(record)
        sides: list[dict[str, list[Replacement]]] = [{} for _ in records]
        texts: list[list[str]] = [[] for _ in records]
        for side in _SIDES:
            kind = Text if side == "text" else Example
            chosen = [(n, record) for n, record in enumerate(records) if isinstance(record, kind)]
            if not chosen:
                continue
            batch = self._batch(
                side,
                [getattr(record, side) for _, record in chosen],
                [_ids(record, epoch) for _, record in chosen],
                with_replacements=with_sides,
            )
            for place, (number, _) in enumerate(chosen):
                texts[number].append(batch.texts[place])
                if with_sides:
                    sides[number][side] = batch.replacements(place)
        return list(zip(map(_with, records, texts), sides, strict=True))

    def check(self, record: Example | Text) -> None:
        """Refuse what cannot be switched: CstoolError.

        That is a query or passage if no languages are given for "text", and an example whose notes
        of earlier replacements (`--mark`) would not be true any more.
        """
        if isinstance(record, Example) and "switched" in record.extra:
            raise CstoolError(
                f"{record.qid} with {record.pid} is switched and marked already: take the original"
            )
        if isinstance(record, Text) and "text" not in self.languages:
            raise CstoolError(
                f"{record.id} is a query or a passage alone: give its languages with --langs"
            )

    def columns(self, batch: Mapping[str, Sequence[Any]]) -> dict[str, list[str]]:
        """Switch a batch of a datasets.Dataset: `dataset.map(switcher.columns, batched=True)`.

        Its columns are those of training examples (qid, query, pid, passage, and copy if there is
        one) or of queries or passages (id, text); what is drawn for a row depends on its ids alone.
        """
        names: tuple[str, ...] = ("qid", "pid") if "query" in batch else ("id",)
        if missing := [name for name in names if name not in batch]:
            raise CstoolError(f"no column {', '.join(missing)}: chance depends on the ids")
        names += ("copy",) if "copy" in batch else ()
        ids = [tuple(map(str, row)) for row in zip(*(batch[name] for name in names), strict=True)]
        return {side: self._batch(side, batch[side], ids).texts for side in _SIDES if side in batch}

    def summary(self) -> dict[str, dict[str, object]]:
        """Give what the accounts have counted, beside what was asked for."""
        return {
            side: account.summary(*self._nominal(side))
            for side, account in sorted(self.accounts.items())
        }

    def digest(self) -> str:
        """Give the SHA-256 of all that what is replaced depends on."""
        found = hashlib.sha256()
        for name in sorted({each.name for each in fields(self)} - {"lexicon", "accounts"}):
            found.update(f"{name} {getattr(self, name)!r}\n".encode())
        for language, table in sorted(self.lexicon.items()):
            for phrase in sorted(table.best):
                line = f"{language} {phrase} {table.best[phrase]!r} {table.several.get(phrase)}\n"
                found.update(line.encode("utf-8", "surrogatepass"))
        return found.hexdigest()

    def nominal_ratio(self, side: str) -> float:
        """Give the share of words that are to be replaced on a side."""
        return self._nominal(side)[1]

    def _nominal(self, side: str) -> tuple[dict[str, float], float]:
        """Give the ratio asked for: by language, among the texts that it can reach; and in all."""
        plan = self._plan(side)
        total = sum(plan.languages.values())
        targets = {name: w for name, w in plan.languages.items() if name != self.source}
        shares = {
            name: plan.ratio * (1 if self.per == "text" else weight / total)
            for name, weight in sorted(targets.items())
        }
        return shares, plan.ratio * sum(targets.values()) / total if total else 0.0

    def _plan(self, side: str) -> Side:
        given = self.languages.get(side, ())
        languages = given if isinstance(given, Mapping) else dict.fromkeys(given, 1.0)
        ratio = self.ratio if isinstance(self.ratio, int | float) else self.ratio.get(side, 0.0)
        return Side(languages, ratio)

    @cached_property
    def _batches(self) -> Batches:
        protect = None if self.protect is None else re.compile(self.protect)
        rules = Rules(self.source, self.per, self.ratio_of, self.choice, protect)
        return Batches(self.lexicon, rules)

    def _batch(
        self,
        side: str,
        texts: Sequence[str],
        ids: Iterable[tuple[str, ...]],
        *,
        with_replacements: bool = False,
    ) -> Batch:
        names = list(ids)
        # Ids may hold any character, and must not run into each other: `each_named` sees to it.
        drawn = draws.each_named(self.seed, names, side)
        kept = None
        if self.keep_english:
            limit = self.keep_english * 2.0**64
            kept = [draw < limit for draw in draws.each_named(self.seed, names, "kept").tolist()]
        plan = self._plan(side)
        made = self._batches.switch(texts, drawn, plan, kept, with_replacements=with_replacements)
        self.accounts.setdefault(side, Account()).add(made.account)
        return made

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is remembered and counted, so that equal switchers are pickled alike."""
        kept = {name: value for name, value in vars(self).items() if name != "_batches"}
        return kept | {"accounts": {}}


def codeswitch(
    records: Iterable[Example | Text],
    switcher: Switcher,
    note: Callable[[Example | Text, Sides], None] | None = None,
) -> Iterator[Example | Text]:
    """Switch records, in their order; `note` is told what is replaced in each."""
    waiting = iter(records)
    while block := list(islice(waiting, _RECORDS)):
        made = switcher.records(block, with_sides=note is not None)
        for record, (switched, sides) in zip(block, made, strict=True):
            if note:
                note(record, sides)
            yield switched


def copies_of(records: Iterable[Example | Text], count: int) -> Iterator[Example | Text]:
    """Yield every training example `count` times, numbered by "copy": each is switched anew."""
    for record in records:
        if isinstance(record, Text):
            raise CstoolError(f"{record.id} is a query or a passage: it can have one version only")
        if "copy" in record.extra:
            raise CstoolError(f"{record.qid} with {record.pid} has the number of a copy already")
        for number in range(1, count + 1):
            yield replace(record, extra={**record.extra, "copy": number})


def without_stopwords(entries: Iterable[Entry], language: str = "en") -> Iterator[Entry]:
    """Leave out the entries of single stop words (NLTK's list); phrases that hold some stay."""
    from bm25s.stopwords import STOPWORDS_EN_PLUS

    known = stop_words(language) | frozenset(STOPWORDS_EN_PLUS if language == "en" else ())
    return (entry for entry in entries if words.key(entry.source) not in known)


def _with(record: Example | Text, texts: Sequence[str]) -> Example | Text:
    """Give a record with other texts: dataclasses.replace takes five times as long."""
    if isinstance(record, Text):
        return Text(record.id, texts[0], record.extra)
    return Example(record.qid, texts[0], record.pid, texts[1], record.label, record.extra)


def _ids(record: Example | Text, epoch: int | None) -> tuple[str, ...]:
    """Name a record; what is drawn for it depends on its name, its copy and the epoch."""
    ids: tuple[str, ...] = (record.id,) if isinstance(record, Text) else (record.qid, record.pid)
    if record.extra and "copy" in record.extra:
        ids += (str(record.extra["copy"]),)
    return ids if epoch is None else (*ids, str(epoch + 1))

"""Lexicons from word lists such as MUSE's dictionaries (Conneau et al. 2018, arXiv 1710.04087)."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from cstool import words
from cstool.records import Entry


@dataclass
class Account:
    """What a lexicon holds, and what was left out of it, by reason."""

    entries: int = 0
    sources: int = 0
    identical: int = 0  # entries whose sides are the same but for case
    unmatchable: int = 0  # sources that no text can match, such as "9/11"
    left_out: Counter[str] = field(default_factory=Counter)

    def summary(self) -> dict[str, object]:
        """Give all counts by name."""
        return asdict(self) | {"left_out": dict(sorted(self.left_out.items()))}


def ranked(
    pairs: Iterable[Entry],
    account: Account,
    *,
    max_translations: int | None = None,
    keep_identical: bool = True,
) -> list[Entry]:
    """Group the pairs by source; the score of a translation is one by its rank.

    Sources come in the order of their first appearance, their translations too: dictionaries put
    the best first. A pair that comes again is dropped. Identical are words that differ in nothing
    but case; the dictionary that the paper uses has many, and keeps them.
    """
    targets: dict[str, dict[str, None]] = {}
    for pair in pairs:
        known = targets.setdefault(pair.source, {})
        same = words.key(pair.source) == words.key(pair.target)
        if same and not keep_identical:
            account.left_out["identical"] += 1
        elif pair.target in known:
            account.left_out["repeated"] += 1
        elif max_translations is not None and len(known) >= max_translations:
            account.left_out["beyond the best"] += 1
        else:
            account.identical += same
            known[pair.target] = None
    entries = [
        Entry(source, target, 1 / rank)
        for source, known in targets.items()
        for rank, target in enumerate(known, start=1)
    ]
    sources = {entry.source for entry in entries}
    account.entries, account.sources = len(entries), len(sources)
    account.unmatchable = sum(words.phrase_key(source) is None for source in sources)
    return entries

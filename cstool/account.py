"""What code-switching did to one side of the records, in numbers."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from cstool.switching.tally import Tally

_SHOWN_ENTRIES = 10


@dataclass
class Account:
    """What happened to one side: its words, what the lexicon knows of them, what was replaced.

    Texts that were kept as they are count for nothing else. `reached` has, for each language, the
    words of the texts that it was drawn for, or could be; of these, `known` are in a span that it
    could replace (where phrases of different length compete, only the winner is a span),
    and `replaced` were. Of the replaced spans, `identical` map to themselves. `used` counts entries
    of the lexicon, written as language, source and translation with tabs between.

    `mixing` is the Code-Mixing Index summed over texts: one minus the share of the words in the
    text's most frequent language (Gambäck and Das 2014, without its factor of 100). `switch_points`
    are neighbouring words in different languages (Guzmán et al. 2017, whose I-index is their share
    of all neighbours). A word is one of the text as it was read; what has no words has neither.
    """

    texts: int = 0
    kept: int = 0
    words: int = 0
    matched: int = 0
    mixing: float = 0.0
    switch_points: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    replaced: Counter[str] = field(default_factory=Counter)
    spans: int = 0
    identical: int = 0
    used: Tally = field(default_factory=Tally)

    def add(self, other: "Account") -> None:
        """Take over what another account of the same side has counted."""
        for name in (each.name for each in fields(self)):
            ours, theirs = getattr(self, name), getattr(other, name)
            if isinstance(ours, Counter | Tally):
                ours.update(theirs)
            else:
                setattr(self, name, ours + theirs)

    def effective_ratio(self) -> float:
        """Give the share of all words that were replaced."""
        return _share(self.replaced.total(), self.words)

    def summary(self, nominal: Mapping[str, float], ratio: float) -> dict[str, object]:
        """Give totals and shares; `ratio` and, by language, `nominal` are what was asked for."""
        return {
            "texts": self.texts,
            "kept_texts": self.kept,
            "words": self.words,
            "matched": self.matched,
            "replaced": self.replaced.total(),
            "replaced_spans": self.spans,
            "identical_spans": self.identical,
            "nominal_ratio": round(ratio, 4),
            "effective_ratio": round(self.effective_ratio(), 4),
            "code_mixing_index": round(_share(self.mixing, self.texts - self.kept), 4),
            "switch_points": self.switch_points,
            "languages": {
                name: {
                    "words": self.reached[name],
                    "matched": self.known[name],
                    "replaced": self.replaced[name],
                    "nominal_ratio": round(nominal[name], 4),
                    "effective_ratio": round(_share(self.replaced[name], self.reached[name]), 4),
                }
                for name in sorted(nominal)
            },
            "most_used": [
                dict(zip(("language", "source", "target"), entry.split("\t"), strict=True))
                | {"count": count}
                for entry, count in self.used.most(_SHOWN_ENTRIES)
            ],
        }


def _share(part: float, whole: int) -> float:
    return part / whole if whole else 0.0

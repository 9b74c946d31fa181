"""The analyses of `evaluate --analysis`, and the texts, lexicons and tokenizers they need."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cstool import console, formats
from cstool.cli.job import Job
from cstool.cli.judgements import in_language
from cstool.errors import CstoolError

if TYPE_CHECKING:
    from cstool.analysis.ranks import Watch
    from cstool.evaluate import Evaluation
    from cstool.measures import Measure
    from cstool.results import Listing

# What each analysis needs besides runs; those of the last line look at every ranking.
NEEDS: Mapping[str, tuple[str, ...]] = {
    "overlap": ("queries", "passages"),
    "length": ("queries",),
    "coverage": ("queries", "lexicon"),
    "fertility": ("queries", "tokenizer"),
    "tokens": ("queries", "passages", "tokenizer"),
    **{"ties": (), "languages": (), "peer": (), "consistency": ()},
}


def checked(value: str | None) -> str | None:
    """Check a list of analyses while options are parsed."""
    for name in value.split(",") if value else ():
        if name not in NEEDS:
            raise typer.BadParameter(f"no analysis {name!r}; there are {', '.join(NEEDS)}")
    return value


@dataclass
class Analyses:
    """Analyses by name; what they need is read when they are made."""

    job: Job
    names: tuple[str, ...]
    queries: Path | None
    passages: Path | None
    lexicon: str | None
    tokenizer: str | None
    max_length: int
    passage_languages: Path | None
    _texts: dict[Path, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.names:
            for option in NEEDS[name]:
                if getattr(self, option) is None:
                    raise typer.BadParameter(f"--analysis {name} needs --{option}")

    @cached_property
    def watches(self) -> "dict[str, Watch]":
        """Give those that must see every run."""
        from cstool.analysis import ranks

        made: dict[str, Callable[[], Watch]] = {
            "ties": ranks.Ties,
            "languages": lambda: ranks.Languages(self._language),
            "peer": lambda: ranks.Peer(self._language),
            "consistency": ranks.Consistency,
        }
        return {name: made[name]() for name in self.names if name in made}

    def listings(self, evaluation: "Evaluation", measure: "Measure") -> "list[Listing]":
        """Make all of them, in the order in which they were named; one with nothing is told."""
        found = []
        for name in self.names:
            made = self._made(name, evaluation, measure)
            found += made
            if not made:
                where = (
                    "languages of the query" if name == "consistency" else "xx... sets of passages"
                )
                console.warn(f"--analysis {name}: there are no runs over several {where}")
        return found

    def _made(self, name: str, evaluation: "Evaluation", measure: "Measure") -> "list[Listing]":
        if name in self.watches:
            return self.watches[name].listings()
        from cstool.analysis import bins, tokens

        def queries(language: str) -> Mapping[str, str]:
            return self._read(self.queries, language, "query")

        def passages(language: str) -> Mapping[str, str]:
            return self._read(self.passages, language, "passage")

        if name == "tokens":
            pairs = dict.fromkeys(result.run.pair for result in evaluation.results)
            return tokens.languages(
                self._tokenizer, pairs, queries, passages, evaluation.judgements, self.max_length
            )
        traits: dict[str, Callable[[], bins.Trait]] = {
            "overlap": lambda: bins.overlap(queries, passages),
            "length": lambda: bins.length(queries),
            "coverage": lambda: bins.coverage(queries, self._known),
            "fertility": lambda: bins.fertility(queries, self._count),
        }
        return bins.binned(evaluation, measure, traits[name]())

    def _read(self, pattern: Path | None, language: str, kind: str) -> Mapping[str, str]:
        path = in_language(pattern or Path(), language)
        if path not in self._texts:
            self._texts[path] = self.job.read_texts(path, kind)
        return self._texts[path]

    def _language(self, pid: str) -> str:
        """Tell the language of a passage: by the file, or by what stands before a colon."""
        if self.passage_languages is not None:
            found = self._read(self.passage_languages, "", "passage").get(pid)
        else:
            found = pid.partition(":")[0] if ":" in pid else None
        if found is None:
            raise CstoolError(
                f"the language of passage {pid} is not known: name a file with --passage-langs, or "
                "write ids as de:ID"
            )
        return found

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        # Lengths are what is asked for: no warning that a text is too long.
        return AutoTokenizer.from_pretrained(self.tokenizer, model_max_length=sys.maxsize)

    def _count(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    @cached_property
    def _covered(self) -> Mapping[str, frozenset[str]]:
        from cstool.analysis.bins import covered
        from cstool.lexicons import store

        found: dict[str, frozenset[str]] = {}
        for (source, target), path in store.every_pair(store.find(self.lexicon or "")).items():
            entries = self.job.read(path, formats.parse_entry)
            sources, targets = covered((entry.source, entry.target) for entry in entries)
            found[source] = found.get(source, frozenset()) | sources
            found[target] = found.get(target, frozenset()) | targets
        return found

    def _known(self, language: str) -> frozenset[str]:
        return self._covered.get(language, frozenset())

"""How windows are scored, as words that can be sent to another machine, which loads the model."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from cstool.rerank import Pairs
from cstool.windows import Scores

if TYPE_CHECKING:
    from cstool.crossencoder import CrossEncoder


@dataclass(frozen=True)
class Scoring:
    """A model and how it is used: see `CrossEncoder.load` and `CrossEncoder.windows`."""

    model: str
    max_length: int | None = None
    device: str = "auto"
    dtype: str = "auto"
    init_head: bool = False
    batch_size: int | None = None
    batch_tokens: int | None = None
    passage_windows: bool = False

    def load(self) -> "CrossEncoder":
        """Load the model."""
        from cstool.crossencoder import CrossEncoder

        return CrossEncoder.load(
            self.model,
            max_length=self.max_length,
            device=self.device,
            dtype=self.dtype,
            init_head=self.init_head,
        )

    def windows(
        self,
        scorer: "CrossEncoder",
        windows: Iterable[Pairs],
        scored: Callable[[float], None] = lambda share: None,
    ) -> Iterator[Scores]:
        """Score windows with the loaded model."""
        return scorer.windows(
            windows,
            batch_size=self.batch_size,
            batch_tokens=self.batch_tokens,
            passage_windows=self.passage_windows,
            scored=scored,
        )

    def __call__(self, window: Pairs) -> Scores:
        """Score one window in a task of a cluster, whose process keeps the model."""
        [scores] = self.windows(_loaded(self), [window])
        return scores


@cache
def _loaded(scoring: Scoring) -> "CrossEncoder":
    return scoring.load()

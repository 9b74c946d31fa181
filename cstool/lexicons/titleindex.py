"""Which titles a wiki has, whatever they are called for: what may lose its "(film)".

Titles come many at a time, so that their keys are computed at once.
"""

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

import regex
import xxhash

from cstool import words

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_QUALIFIER = regex.compile(r"\s+\([^()]*\)$")


def bare(title: str) -> str:
    """Take away a disambiguation in parentheses at the end of a title."""
    return _QUALIFIER.sub("", title) if title.endswith(")") else title


def keys(titles: Sequence[str]) -> list[str]:
    """Give the key of each title, as `words.key` does for one: a line break parts what it reads."""
    found = words.key("\n".join(titles)).split("\n")
    return found if len(found) == len(titles) else [words.key(title) for title in titles]


def hashes(texts: Sequence[str]) -> list[int]:
    """Give 64 bits for each text, the same in every run."""
    return [xxhash.xxh3_64_intdigest(text.encode()) for text in texts]


class TitleIndex:
    """The titles of a wiki as 64-bit hashes: 16 bytes for an article, 8 for a redirect.

    Titles that differ in case alone have one form.
    """

    def __init__(self) -> None:
        self._titles, self._forms, self._redirects = array("Q"), array("Q"), array("Q")
        self._qualified, self._bare = array("Q"), array("Q")
        self._free: frozenset[int] = frozenset()
        self._alike: frozenset[int] = frozenset()

    def add(self, titles: Sequence[str]) -> None:
        """Take the titles of articles; one that comes again changes nothing."""
        names = hashes(titles)
        self._titles.extend(names)
        self._forms.extend(_forms(titles))
        plain = list(map(bare, titles))
        qualified = [place for place, title in enumerate(titles) if plain[place] is not title]
        self._qualified.extend([names[place] for place in qualified])
        self._bare.extend(_forms([plain[place] for place in qualified]))

    def add_redirects(self, titles: Sequence[str]) -> None:
        """Take titles under which articles are found as well."""
        self._redirects.extend(_forms(titles))

    def close(self) -> None:
        """Compare all titles; the index can be asked from then on."""
        import numpy as np

        values, counts = np.unique(_once(self._titles, self._forms), return_counts=True)
        self._alike = frozenset(values[counts > 1].tolist())
        taken = np.sort(np.concatenate([values, np.asarray(self._redirects)]))
        values, counts = np.unique(_once(self._qualified, self._bare), return_counts=True)
        # Both are sorted: three times as fast as isin, which does not know it.
        is_taken = np.searchsorted(taken, values, "left") < np.searchsorted(taken, values, "right")
        self._free = frozenset(values[(counts == 1) & ~is_taken].tolist())

    def is_taken(self, plain: str) -> bool:
        """Tell whether a title without its parentheses is also that of something else."""
        return _forms([plain])[0] not in self._free

    def have_variants(self, titles: Sequence[str]) -> list[bool]:
        """Tell of each title whether another article's differs from it in case alone."""
        return [form in self._alike for form in _forms(titles)]


def _forms(titles: Sequence[str]) -> list[int]:
    return hashes(keys(titles))


def _once(names: "array[int]", values: "array[int]") -> "npt.NDArray[np.uint64]":
    """Give the value of each name, however often it was taken."""
    import numpy as np

    _, first = np.unique(np.asarray(names), return_index=True)
    return np.asarray(values)[first]

"""Chance as a function of what is drawn for: the same bytes give the same draw, everywhere.

A draw is a whole number of 64 bits. The first comes from a name, through BLAKE2; what belongs to
it (a position in a text, a language that may stand there) draws from it, through the finaliser of
SplitMix64 (Steele, Lea, Flood 2014; Stafford's constants, variant 13), which scatters numbers that
differ in one bit over all 64. So nothing that is drawn depends on what else is drawn.

Arrays hold draws as numpy's uint64.
"""

import hashlib
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Draws = NDArray[np.uint64]

_ALL = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15  # odd, and its bits in no order: neighbours end up far apart
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_U = np.uint64


def named(*name: Any) -> int:
    """Draw for a name: numbers and texts that tell it from all others."""
    data = repr(name).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def each_named(seed: int, ids: Iterable[tuple[str, ...]], what: str) -> Draws:
    """Draw as `named` does for (seed, ids, what), for many ids."""
    names = [f"({seed!r}, {each!r}, {what!r})".encode("utf-8", "surrogatepass") for each in ids]
    made = [hashlib.blake2b(name, digest_size=8).digest() for name in names]
    return np.frombuffer(b"".join(made), dtype="<u8").astype(np.uint64)


def scattered(draws: Draws) -> Draws:
    """Draw anew from each number."""
    found = draws >> _U(30)
    found ^= draws
    found *= _U(_FIRST)
    found ^= found >> _U(27)
    found *= _U(_SECOND)
    found ^= found >> _U(31)
    return found


def at(draws: Draws, positions: Draws) -> Draws:
    """Draw for a position in what each number was drawn for."""
    found = positions * _U(_STEP)
    found += draws
    return scattered(found)


def of(draws: Draws, name: int) -> Draws:
    """Draw for something that is called `name` in what each number was drawn for."""
    return scattered(draws ^ _U(name))


def one_at(draw: int, position: int) -> int:
    """Draw as `at` does, for one."""
    return _scattered((draw + position * _STEP) & _ALL)


def one_of(draw: int, name: int) -> int:
    """Draw as `of` does, for one."""
    return _scattered(draw ^ name)


def limits(shares: NDArray[np.float64]) -> Draws:
    """Give what draws are `below` in a share, from 0 to 1, of all cases."""
    return (shares * float(1 << 63)).astype(np.uint64)


def below(draws: Draws, limits: Draws) -> NDArray[np.bool_]:
    """Tell which draws are below their limits; a draw counts by its upper 63 bits."""
    return (draws >> _U(1)) < limits


def race(draws: Draws, weight: float) -> NDArray[np.float64]:
    """Give how well each does in a race that it wins in proportion to its weight: higher is better.

    ln(u) / weight for u uniform in (0, 1): Efraimidis and Spirakis 2006. Who comes second would
    have won without the first, so that one more who races, or another weight, takes from the
    others only what it wins.
    """
    found: NDArray[np.float64] = np.log(((draws >> _U(11)) + 0.5) * 2.0**-53) / weight
    return found


def one_race(draw: int, weight: float) -> float:
    """Give what `race` does, for one."""
    return math.log(((draw >> 11) + 0.5) * 2.0**-53) / weight


def winner(draw: int, weights: Iterable[tuple[str, float]]) -> str:
    """Let names race for what `draw` was drawn for."""
    return max((one_race(one_of(draw, named(name)), weight), name) for name, weight in weights)[1]


def _scattered(draw: int) -> int:
    draw = (draw ^ draw >> 30) * _FIRST & _ALL
    draw = (draw ^ draw >> 27) * _SECOND & _ALL
    return draw ^ draw >> 31

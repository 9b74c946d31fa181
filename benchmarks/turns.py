"""Times jobs in turn: machines drift, and what runs side by side drifts together."""

import time
from collections.abc import Callable, Mapping


def best_of(rounds: int, jobs: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Run all jobs, one after the other, `rounds` times; give the best seconds of each."""
    best = dict.fromkeys(jobs, float("inf"))
    for _ in range(rounds):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            best[name] = min(best[name], time.perf_counter() - start)
    return best

"""Words per second of code-switching, beside the plainest loop that could do the same job.

    python benchmarks/codeswitch.py

Texts are the English pairs of CSTOOL_REAL_DATA, or those of the demo; the lexicon is the shipped
one. Both sides run in turn in one process, several times; the best time of each is compared.
"""

import gzip
import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path

from turns import best_of

from cstool import files, formats
from cstool.codeswitch import Switcher
from cstool.lexicons import store

ROUNDS = 5
WORDS = 500_000


def texts() -> list[str]:
    """Gather passages until there are enough words, from the start again if need be."""
    real = os.environ.get("CSTOOL_REAL_DATA")
    if real:
        with gzip.open(Path(real) / "train" / "en.wiki.jsonl.gz", "rt", encoding="utf-8") as lines:
            passages = [json.loads(line)["passage"] for line in lines]
    else:
        demo = Path(__file__).parents[1] / "examples" / "demo" / "pairs.jsonl"
        passages = [json.loads(line)["passage"] for line in demo.open(encoding="utf-8")]
    found: list[str] = []
    count = 0
    while count < WORDS:
        for passage in passages:
            found.append(passage)
            count += passage.count(" ") + 1
            if count >= WORDS:
                break
    return found


def plain(table: dict[str, str]) -> Callable[[str], str]:
    """Split at anything that is no word, look up what is drawn, put it together again."""
    rng, parts = random.Random(1), re.compile(r"(\W+)")

    def switch(text: str) -> str:
        return "".join(
            table.get(part.lower(), part) if rng.random() < 0.5 else part
            for part in parts.split(text)
        )

    return switch


def main() -> None:
    """Run both in turn and print the best of each."""
    passages = texts()
    words = sum(text.count(" ") + 1 for text in passages)
    paths = store.pairs(store.find("wiki"), "en")
    lexicon = store.load(paths, paths, lambda path: files.read(path, formats.parse_entry))
    bilingual = Switcher(lexicon, {"text": ["de"]}, ratio=0.5, seed=1)
    multilingual = Switcher(lexicon, {"text": list(lexicon)}, ratio=0.5, seed=1)
    numbered = [(text, str(number)) for number, text in enumerate(passages)]
    naive = plain(dict(lexicon["de"].best))
    jobs: dict[str, Callable[[], object]] = {
        "plain loop, one language": lambda: [naive(text) for text in passages],
        "cstool, one language": lambda: [bilingual.text(t, "text", i) for t, i in numbered],
        "cstool, five languages": lambda: [multilingual.text(t, "text", i) for t, i in numbered],
    }
    best = best_of(ROUNDS, jobs)
    first = next(iter(best.values()))
    for name, seconds in best.items():
        print(f"{name:26} {words / seconds / 1e6:5.2f} million words/s  {first / seconds:5.2f} x")


if __name__ == "__main__":
    main()

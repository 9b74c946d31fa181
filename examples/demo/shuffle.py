"""Write the wiki lexicon with its translations shuffled: every word gets that of another.

python shuffle.py FOLDER

Trained on this, a reranker sees as much foreign text, but learns nothing true from it: the control.
"""

import random
import sys
from pathlib import Path

from cstool.lexicons import store

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for language, path in store.pairs(store.find("wiki"), source="en").items():
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    targets = [target for _, target, _ in rows]
    random.Random(language).shuffle(targets)
    lines = (f"{source}\t{target}\t1\n" for (source, *_), target in zip(rows, targets, strict=True))
    (folder / path.name).write_text("".join(lines), encoding="utf-8")

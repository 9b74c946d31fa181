"""The ablation of the ratio, cut down: from the lexicon to the table."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"
CUT = {
    "RATIOS": "1.0",
    "QUERIES": "(bees|bridge|moon|wolf)-1a",
    "STEPS": "2",
    "PAIRS": "en-en,en-de",
    "PRECISION": "fp32",
}


def test_from_the_lexicon_to_the_table(tmp_path):
    for name in ("demo", "ratio"):
        ignored = shutil.ignore_patterns("out*", "dev", "text")
        shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=ignored)

    def make():
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.run(
            ["make", "--no-print-directory", "-C", tmp_path / "ratio"],
            env={**os.environ, **CUT, "PATH": path},
            **{"capture_output": True, "text": True, "check": False},
        )

    result = make()
    assert result.returncode == 0, result.stderr
    out = tmp_path / "ratio/out"
    for told in ("ratio-1.0", "zero-shot", "chance", "oracle", "first stage", "MoIR", "CLIR"):
        assert told in result.stdout, told
    table = (out / "table.txt").read_text(encoding="utf-8")
    assert result.stdout.endswith(table)
    counts = json.loads((out / "train/ratio-1.0.jsonl.meta.json").read_bytes())["counts"]
    assert counts["passage"]["replaced"] == counts["passage"]["matched"] > 0
    cards = [
        json.loads((out / f"models/{system}/1/cstool.json").read_bytes())["counts"]
        for system in ("zero-shot", "ratio-1.0")
    ]
    assert cards[0]["max_steps"] == cards[1]["max_steps"] == 2
    assert cards[0]["examples"] == cards[1]["examples"] == counts["records"]
    for system in ("zero-shot", "ratio-1.0"):
        runs = {path.name for path in (out / f"runs/{system}/1").glob("*.trec")}
        assert runs == {"en-en.trec", "en-de.trec"}
    again = make()
    assert "cstool" not in again.stdout
    assert table in again.stdout

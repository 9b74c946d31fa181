"""Run the demo and show what came out: python demo.py [full]

`make` does the work, into out/ (or out-full/) with everything that it says in demo.log there; this
shows how far it is. What is done already is not done again, so an interrupted demo goes on.
"""

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

HERE = Path(__file__).parent
FULL = ["OUT=out-full", "QUERIES=[ab]", "SEEDS=1 2 3", "COPIES=4", "EPOCHS=0.5",
        "SYSTEMS=zero-shot bl-cs ml-cs wiki-cs shuffled unseen-nl"]  # fmt: skip
# What the commands cost against each other: training in the demo and in full, reranking too.
COST = {"train": (45.0, 220.0), "rerank": (30.0, 60.0)}
OTHER = 2.0
PAIRS = 18  # of languages, a run each
NEXT = """\
Next, on your own data:
  cstool prepare msmarco --help                                  # English training data
  cstool codeswitch train.jsonl --lexicon wiki --ratio 0.5 -o switched.jsonl
  cstool train switched.jsonl -o model --base YOUR-ENCODER"""


def main(full: bool) -> int:
    """Make what is missing, then show everything."""
    console, out = Console(highlight=False), HERE / ("out-full" if full else "out")
    make = ["make", "--no-print-directory", "results", *(FULL if full else [])]
    out.mkdir(exist_ok=True)
    planned = list(_planned(make, full))
    if planned:
        console.print("English training pairs and parallel test texts of six languages. In turn: ")
        console.print("code-switch the training pairs, train rerankers, rerank, compare.")
        if status := _run(make, planned, out):
            return status
    _show(console, out)
    return 0


@dataclass(frozen=True)
class Step:
    """A file that make would make, what it costs, and how to call that."""

    target: Path
    cost: float
    label: str

    def done(self, begun: float) -> float:
        """Tell how much of it has been done since then: 0 to 1."""
        if _made(self.target, begun):
            return 1.0
        if self.target.suffix != ".trec" or not self.target.parent.is_dir():
            return 0.0
        return sum(_made(run, begun) for run in self.target.parent.glob("*.trec")) / PAIRS


def _planned(make: list[str], full: bool) -> Iterator[Step]:
    """List what make would do."""
    told = subprocess.run([*make, "-n"], cwd=HERE, capture_output=True, text=True, check=False)
    for line in told.stdout.replace("\\\n", " ").splitlines():
        words = shlex.split(line)
        if words[:1] == ["cstool"] and "-o" in words:
            target = Path(words[words.index("-o") + 1])
            cost = COST[words[1]][full] if words[1] in COST else OTHER
            if words[1] == "train":
                target /= "cstool.json"
            elif words[1] == "rerank":
                target /= "xx6-xx6.trec"
            name = " ".join(target.parent.parts[-2:]) if cost > OTHER else target.name
            yield Step(HERE / target, cost, f"{words[1]} {name}")


def _run(make: list[str], planned: list[Step], out: Path) -> int:
    """Run make, a process for every core; show how much is done and how long the rest takes."""
    log, begun = out / "demo.log", time.time()
    command = [*make, f"-j{os.cpu_count() or 1}"]
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        transient=True,
        disable=not sys.stderr.isatty(),
        console=Console(stderr=True),
    )
    with log.open("a", encoding="utf-8") as lines, bar:
        total = sum(step.cost for step in planned)
        task = bar.add_task("", total=total, left="")
        # A session of its own: an interrupt reaches this process alone, which passes it on.
        process = subprocess.Popen(
            command, cwd=HERE, stdout=lines, stderr=lines, stdin=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            while process.poll() is None:
                time.sleep(0.5)
                done = sum(step.cost * step.done(begun) for step in planned)
                left = (total - done) * (time.time() - begun) / done if done else 0.0
                about = f"about {left / 60:.0f} min left" if left > 90 else "under two min left"
                waiting = [step.label for step in planned if step.done(begun) < 1]
                now = ", ".join(waiting[: os.cpu_count()]) or "done"
                bar.update(task, completed=done, left=about if done > 20 else "", description=now)
        except KeyboardInterrupt:
            os.killpg(process.pid, 2)
            process.wait()
            print("interrupted; the same command goes on from here", file=sys.stderr)
            return 130
    if process.returncode:
        end = log.read_text(encoding="utf-8").splitlines()[-12:]
        print(*end, f"failed: all that was said is in {log}", sep="\n", file=sys.stderr)
        return 1
    return 0


def _made(path: Path, begun: float) -> bool:
    return path.exists() and path.stat().st_mtime >= begun


def _show(console: Console, out: Path) -> None:
    console.rule("Three English training examples, code-switched")
    preview = [
        "cstool",
        "codeswitch",
        "train/examples.jsonl",
        "--lexicon",
        "wiki",
        "--preview",
        "3",
    ]
    subprocess.run(preview, cwd=out, stderr=subprocess.DEVNULL, check=True)
    console.print()
    for title, name in (
        ("MRR@10 by group of language pairs", "table.txt"),
        ("Against the control", "control.txt"),
        ("What the lexicon knows of the test", "coverage.txt"),
        ("Well covered queries", "well.txt"),
        ("Badly covered queries", "badly.txt"),
    ):
        if not (out / name).exists():  # there is no control but in the full demo
            continue
        console.rule(title)
        text = (out / name).read_text(encoding="utf-8")
        if name in ("well.txt", "badly.txt"):
            text = re.split(r"\n(?=Means over|mrr@10: )", text)[0]
        console.print(text.rstrip() + "\n", markup=False, soft_wrap=True)
    console.print(
        f"Every pair: {out}/pairs.md; to look into: {out}/report.html. What it shows: docs/demo.md."
    )
    console.print(NEXT, markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main("full" in sys.argv[1:]))

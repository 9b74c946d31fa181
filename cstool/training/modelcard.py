"""The README.md of a model folder: what the model was made of, and how it is loaded."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

# What says nothing where it is not chosen, or stands elsewhere on the page.
_LEFT_OUT = ("data", "source", "output", "resume", "report_to", "seeds")
_DIGITS = 16  # of a digest: enough to tell files apart


def page(folder: Path, account: Mapping[str, Any]) -> str:
    """Write the page for the model in a folder, out of what `cstool.json` tells.

    Names of files and values come from outside: they stand as code, which no sign in them can end.
    """
    counts, settings = account["counts"], account["settings"]
    name = _code(folder.name)
    lines = [
        "---",
        "library_name: sentence-transformers",
        "pipeline_tag: text-ranking",
        "tags: [cross-encoder, reranker, cross-lingual, code-switching]",
        "---",
        "",
        f"# {name}",
        "",
        "A cross-encoder that scores how well a passage answers a query, across languages: one "
        "logit per pair, and the higher it is the better. Made by "
        f"{_code(account['command'] + ' ' + account['version'])}.",
        "",
        *_data(counts, account["inputs"]),
        *_scores(counts.get("validation", ()), counts.get("kept_step")),
        "## Settings",
        "",
        "| option | value |",
        "|---|---|",
        *(
            f"| {option} | {_code(value)} |"
            for option, value in sorted(settings.items())
            if option not in _LEFT_OUT
            and not (value is None or value is False or value == [])  # 0 is chosen
        ),
        "",
        "`cstool.json` has the whole account.",
        "",
        *_loading(folder.name),
    ]
    return "\n".join(lines)


def _data(counts: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from ("## Data", "")
    if "examples" in counts:
        yield f"{counts['examples']} training examples, in {counts['max_steps']} steps."
    for key, title in (("sources", "Sources"), ("models", "Averaged models")):
        for number, source in enumerate(counts.get(key, ()), start=1):
            told = ", ".join(f"{name} {_code(value)}" for name, value in source.items())
            yield ("\n" if number == 1 else "") + f"- {title[:-1]} {number}: {told}"
    if inputs:
        yield from ("", "| file | lines | SHA-256 begins |", "|---|---|---|")
        for given in inputs:
            digest = (given["sha256"] or "-")[:_DIGITS]
            yield f"| {_code(Path(given['path']).name)} | {given['lines']} | `{digest}` |"
    yield ""


def _scores(values: Sequence[Mapping[str, float]], kept: int | None) -> Iterator[str]:
    if not values:
        return
    names = list(values[0])
    yield from ("## Validation", "", f"The weights are those of step {kept}.", "")
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in values:
        yield "| " + " | ".join(f"{row[name]:.6g}" for name in names) + " |"
    yield ""


def _loading(name: str) -> Iterator[str]:
    literal = repr(name)
    yield from (
        "## How to load it",
        "",
        "```sh",
        f"cstool rerank {_shell(name)} --queries queries.tsv --passages passages.tsv < run.trec",
        "```",
        "",
        "```python",
        "from sentence_transformers import CrossEncoder",
        "",
        f"scores = CrossEncoder({literal}).predict([(query, passage)])  # logits",
        "```",
        "",
        "```python",
        "from transformers import AutoModelForSequenceClassification, AutoTokenizer",
        "",
        f"model = AutoModelForSequenceClassification.from_pretrained({literal}).eval()",
        f"tokenizer = AutoTokenizer.from_pretrained({literal})",
        'inputs = tokenizer(query, passage, truncation="only_second", return_tensors="pt")',
        "logit = model(**inputs).logits[0, 0]",
        "```",
        "",
    )


def _code(value: object) -> str:
    """Write a value as code in one line of a table."""
    text = re.sub(r"\s+", " ", str(value)).replace("|", "\\|").strip() or "-"
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _shell(name: str) -> str:
    return name if re.fullmatch(r"[\w./-]+", name) else "'" + name.replace("'", "'\\''") + "'"

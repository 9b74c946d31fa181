"""What a tokenizer makes of each language: fertility, unknown tokens, texts that are cut."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from cstool.analysis.bins import Texts, keys
from cstool.evaluate import Judgements
from cstool.groups import Pair
from cstool.results import MISSING, Listing


class Tokenizer(Protocol):
    """Turns a text into the ids of its tokens, special ones left out."""

    unk_token_id: int | None

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Encode a text."""
        ...

    def num_special_tokens_to_add(self, pair: bool) -> int:
        """Say how many tokens stand around a pair of texts."""
        ...


def languages(
    tokenizer: Tokenizer,
    pairs: Iterable[Pair],
    queries: Texts,
    passages: Texts,
    judged: Callable[[Pair], Judgements],
    max_length: int,
) -> list[Listing]:
    """Describe the texts of every language, and how many relevant pairs a model has to cut."""
    pairs = list(pairs)
    rows = []
    for side, place, texts in (("queries", 0, queries), ("passages", 1, passages)):
        for language in dict.fromkeys(pair[place] for pair in pairs):
            rows.append([side, language, *_described(tokenizer, texts(language).values())])
    cut = []
    for pair in pairs:
        lengths = _lengths(tokenizer, queries(pair[0]), passages(pair[1]), judged(pair))
        share = sum(one > max_length for one in lengths) / len(lengths) if lengths else None
        shown = MISSING if share is None else f"{100 * share:.1f}%"
        cut.append(["-".join(pair), str(len(lengths)), shown])
    return [
        Listing(
            "tokens by language",
            ["texts", "language", "number", "fertility", "unknown"],
            rows,
            ["Fertility: tokens to a word. Unknown: share of tokens that stand for the unknown."],
        ),
        Listing(
            f"relevant pairs of more than {max_length} tokens",
            ["pair", "relevant pairs", "cut"],
            cut,
            ["A query with a relevant passage, with the special tokens around them."],
        ),
    ]


def _described(tokenizer: Tokenizer, texts: Iterable[str]) -> Sequence[str]:
    number = count = unknown = spoken = 0
    for text in texts:
        tokens = tokenizer.encode(text, add_special_tokens=False)
        number += 1
        count += len(tokens)
        unknown += sum(token == tokenizer.unk_token_id for token in tokens)
        spoken += len(keys(text))
    if not count or not spoken:
        return [str(number), MISSING, MISSING]
    return [str(number), f"{count / spoken:.2f}", f"{100 * unknown / count:.2f}%"]


def _lengths(
    tokenizer: Tokenizer,
    queries: Mapping[str, str],
    passages: Mapping[str, str],
    judged: Judgements,
) -> list[int]:
    around = tokenizer.num_special_tokens_to_add(pair=True)
    known: dict[str, int] = {}

    def size(name: str, text: str) -> int:
        if name not in known:
            known[name] = len(tokenizer.encode(text, add_special_tokens=False))
        return known[name]

    return [
        around + size(f"query {qid}", queries[qid]) + size(f"passage {pid}", passages[pid])
        for qid, grades in zip(judged.qids, judged.passages, strict=True)
        for pid, grade in grades.items()
        if grade > 0 and qid in queries and pid in passages
    ]

"""Compare rerankers on the development part: python develop.py MODEL...

All 20 passages are candidates for each of the 40 queries, in all 36 pairs of languages. Prints
MRR@10 of English, of the monolingual pairs, of the nine CLIR pairs of the paper and of all 30
cross-lingual pairs, and the mean cosine between the embeddings of a lexicon's word and of its
translation, where both are one token, beside that of random words.
"""

import random
import sys
from itertools import product
from pathlib import Path
from statistics import mean

import torch

from cstool import files, formats
from cstool.crossencoder import CrossEncoder
from cstool.lexicons import store
from cstool.pairs import parse_pairs
from cstool.records import Hit
from cstool.runs import order
from cstool.windows import shuffled

PAPER = parse_pairs("paper")
LANGUAGES = ("en", "de", "it", "nl", "ru", "ar")
DATA = Path(__file__).parent / "data/dev"


def texts(kind: str, language: str) -> dict[str, str]:
    """Read the queries or passages of a language."""
    path = DATA / f"{kind}.{language}.tsv"
    return {text.id: text.text for text in files.read(path, formats.parse_text)}


def mrr(model: CrossEncoder, query_lang: str, passage_lang: str, relevant: dict[str, str]) -> float:
    """Rank all passages for all queries of a pair of languages."""
    queries, passages = texts("queries", query_lang), texts("passages", passage_lang)
    hits = [hit for qid in queries for hit in shuffled([Hit(qid, pid, 0.0) for pid in passages])]
    scores = model.logits([(queries[hit.qid], passages[hit.pid]) for hit in hits], batch_size=64)
    found: dict[str, list[Hit]] = {}
    for hit, score in zip(hits, scores, strict=True):
        found.setdefault(hit.qid, []).append(Hit(hit.qid, hit.pid, score))
    ranks = [
        1 + [hit.pid for hit in order(ranked)].index(relevant[qid]) for qid, ranked in found.items()
    ]
    return mean(1 / rank if rank <= 10 else 0.0 for rank in ranks)


def cosines(model: CrossEncoder) -> tuple[float, float]:
    """Give the mean cosine of the lexicon's pairs, and of its words paired at random."""
    tokenizer = model.encoder.tokenizer
    table = model.model.get_input_embeddings().weight.detach().float()
    table = torch.nn.functional.normalize(table, dim=-1)
    pairs = []
    for path in store.pairs(store.find("wiki"), source="en").values():
        for entry in files.read(path, formats.parse_entry):
            left = tokenizer.encode(entry.source, add_special_tokens=False)
            right = tokenizer.encode(entry.target, add_special_tokens=False)
            if len(left) == len(right) == 1 and left != right:
                pairs.append((left[0], right[0]))
    sources, targets = map(list, zip(*pairs, strict=True))
    true = float((table[sources] * table[targets]).sum(-1).mean())
    random.Random(1).shuffle(targets)
    return true, float((table[sources] * table[targets]).sum(-1).mean())


def main(models: list[str]) -> None:
    """Print a line for each model."""
    qrels = files.read(DATA / "qrels.tsv", formats.parse_qrel)
    relevant = {qrel.qid: qrel.pid for qrel in qrels}
    print("en-en   MoIR    CLIR    30 pairs   cosine: translations, random words")
    for name in models:
        model = CrossEncoder.load(name)
        values = {pair: mrr(model, *pair, relevant) for pair in product(LANGUAGES, LANGUAGES)}
        told = "   ".join(
            f"{mean(values[pair] for pair in pairs):.3f}"
            for pairs in (
                [("en", "en")],
                [(query, passage) for query, passage in values if query == passage],
                [pair for pair in PAPER if pair in values and pair[0] != pair[1]],
                [(query, passage) for query, passage in values if query != passage],
            )
        )
        print(told, "          {:+.3f}  {:+.3f}  ".format(*cosines(model)), name, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

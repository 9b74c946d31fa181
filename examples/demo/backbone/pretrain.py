"""Pre-train the backbone: a tiny encoder that learns, within each language, what matches what.

python pretrain.py TEXT TOKENIZER FOLDER STEPS       # first stage
python pretrain.py TEXT STAGE-1 FOLDER STEPS         # second stage

A pair is a query and a passage of one language, both made from running text: the query holds a few
words of its passage, some of them in another inflected form (one with the same Snowball stem), and
words from elsewhere. Three other passages compete, two of them with words of the query planted in
them. The encoder learns which passage the query was made from and, for every token of both sides,
whether its word stands on the other side too. That second, dense task is what gets a small
cross-encoder off the plateau on which relevance alone leaves it. In the second
stage every embedding is blurred by noise of its own, so that what matches is ever less alike: a
model that knows nothing between equal and different has no slope down which a translation could
come nearer to its word. There is nothing cross-lingual in either: no pair mixes languages, and no
lexicon and no parallel text is read.
"""

import json
import math
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import Stemmer
import torch
from corpus import LANGUAGES, paragraphs
from torch import nn
from torch.nn import functional
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

SEED = 1
GROUPS = 16  # queries of a batch, each with PASSAGES candidates
PASSAGES = 4
RATE = 1e-3
WARMUP = 150
CHARACTERS = 2_500_000  # of text of each language
EASY = 0.4  # of the steps: until then ever more words of a query are inflected otherwise
# BERT normalises the sum of its embeddings, so their common scale means nothing to its output; but
# it does to Adam, whose steps are of one size. Smaller embeddings learn faster in fine-tuning.
EMBEDDING_SCALE = 0.025
SEGMENT = 8  # dimensions of each head of the first layer
SHARPNESS = 1.0  # of the first layer's attention at the start
NOISE = 0.3  # first stage: dropout of embeddings
BLUR = 0.4  # second stage: the least share of a word's embedding that is left
_NAMES = dict(en="english", de="german", it="italian", nl="dutch", ru="russian", ar="arabic")


@dataclass(frozen=True)
class Stage:
    """What differs between the two stages."""

    shortest: int  # words of a passage
    longest: int
    length: int  # tokens of a pair
    inflected: float  # of a query's words, at most


FIRST = Stage(16, 40, 112, 0.6)
SECOND = Stage(12, 32, 96, 0.4)

Word = tuple[str, str]  # as it stands in the text, and its stem


@dataclass
class Language:
    """The text of one language, as words with their stems."""

    texts: list[list[Word]]
    pieces: dict[str, list[int]]  # of each word
    weight: dict[str, float] = field(init=False)  # of each stem: the rarer, the higher
    forms: dict[str, list[str]] = field(init=False)  # of each stem

    def __post_init__(self) -> None:
        frequency: dict[str, int] = {}
        forms: dict[str, set[str]] = {}
        for text in self.texts:
            for stem in {stem for _, stem in text}:
                frequency[stem] = frequency.get(stem, 0) + 1
            for word, stem in text:
                forms.setdefault(stem, set()).add(word)
        self.weight = {s: math.log(1 + len(self.texts) / n) for s, n in frequency.items()}
        self.forms = {stem: sorted(words) for stem, words in forms.items()}

    def crop(
        self, rng: random.Random, stage: Stage, text: Sequence[Word] | None = None
    ) -> list[Word]:
        """Cut a passage out of a text, or of any."""
        text = text or rng.choice(self.texts)
        length = rng.randint(stage.shortest, stage.longest)
        start = rng.randrange(max(1, len(text) - length + 1))
        return list(text[start : start + length])


def read(language: str, folder: Path, tokenizer: Any) -> Language:
    """Read the text of a language, once each paragraph."""
    stemmer = Stemmer.Stemmer(_NAMES[language])
    texts: list[list[Word]] = []
    pieces: dict[str, list[int]] = {}
    found = list(dict.fromkeys(paragraphs(language, folder, characters=CHARACTERS)))
    encoded = tokenizer(found, add_special_tokens=False, return_offsets_mapping=True)
    for number, paragraph in enumerate(found):
        spans: dict[int, list[int]] = {}  # of each word: its start, its end, and its pieces
        offsets, ids = encoded["offset_mapping"][number], encoded["input_ids"][number]
        for word, (start, end), piece in zip(encoded.word_ids(number), offsets, ids, strict=True):
            span = spans.setdefault(word, [start, end])
            span[1] = end
            span.append(piece)
        words = [paragraph[start:end].strip().lower() for start, end, *_ in spans.values()]
        pieces.update(zip(words, (span[2:] for span in spans.values()), strict=True))
        texts.append(list(zip(words, stemmer.stemWords(words), strict=True)))
    return Language(texts, pieces)


def group(
    language: Language, rng: random.Random, stage: Stage, inflected: float
) -> tuple[list[Word], ...]:
    """Make a query, the passage it belongs to, and others."""
    text = rng.choice(language.texts)
    passage = language.crop(rng, stage, text)
    if rng.random() < 0.25:
        start = rng.randrange(max(1, len(passage) - 8))
        query = passage[start : start + rng.randint(3, 8)]
    else:
        distinct = list({stem: (word, stem) for word, stem in passage}.values())
        # The rarer, the likelier: weighted, without replacement (Efraimidis and Spirakis 2006).
        keyed = [(rng.random() ** (1 / language.weight[stem] ** 2), word, stem)
                 for word, stem in distinct]  # fmt: skip
        query = [(word, stem) for _, word, stem in sorted(keyed)[-rng.randint(1, 5) :]]
    elsewhere = language.crop(rng, stage)
    query += rng.sample(elsewhere, min(len(elsewhere), rng.randint(1, 6)))
    query = [
        (rng.choice(language.forms[stem]) if rng.random() < inflected else word, stem)
        for word, stem in query
    ]
    if rng.random() < 0.7:
        rng.shuffle(query)
    others = [language.crop(rng, stage, text if rng.random() < 0.3 else None)]
    others += [language.crop(rng, stage) for _ in range(PASSAGES - 2)]
    for other in others[:2]:
        for word in rng.sample(query, min(len(query), rng.randint(1, 2))):
            other[rng.randrange(len(other))] = word
    return query, passage, *others


def batches(
    languages: Sequence[Language], special: tuple[int, int, int], stage: Stage, steps: int
) -> Iterator[tuple[dict[str, torch.Tensor], torch.Tensor]]:
    """Yield the inputs of a step, and 1, 0 or -100 (no word) for every token: on both sides?"""
    padding, first, separator = special
    rng = random.Random(SEED)
    for step in range(steps):
        inflected = stage.inflected * min(1.0, step / (EASY * steps))
        rows = []
        for _ in range(GROUPS):
            language = rng.choice(languages)
            query, *passages = group(language, rng, stage, inflected)
            asked = {stem for _, stem in query}
            for passage in passages:
                there = {stem for _, stem in passage}
                ids, types, both = [first], [0], [-100]
                for side, words, other in ((0, query, there), (1, passage, asked)):
                    for word, stem in words:
                        pieces = language.pieces[word]
                        ids += pieces
                        both += [int(stem in other)] * len(pieces)
                    ids.append(separator)
                    both.append(-100)
                    types += [side] * (len(ids) - len(types))
                rows.append((ids[: stage.length], types[: stage.length], both[: stage.length]))
        longest = max(len(ids) for ids, _, _ in rows)
        columns = zip(*rows, strict=True)
        ids, types, both = (
            torch.tensor([row + [value] * (longest - len(row)) for row in column])
            for column, value in zip(columns, (padding, 0, -100), strict=True)
        )
        mask = (ids != padding).long()
        yield {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}, both


def begin(vocabulary: int) -> BertForSequenceClassification:
    """Make the encoder; its first layer starts out attending to the same word on the other side."""
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=192,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=768,
        max_position_embeddings=192,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.05,
        num_labels=1,
    )
    model = BertForSequenceClassification(config)
    size, per_head = config.hidden_size, config.hidden_size // config.num_attention_heads
    segment = torch.arange(size) % per_head >= per_head - SEGMENT  # dimensions that tell the side
    attention = model.bert.encoder.layer[0].attention.self
    embeddings = model.bert.embeddings
    embeddings.dropout.p = NOISE
    with torch.no_grad():
        same = torch.eye(size) * SHARPNESS**0.5
        attention.query.weight.copy_(same)
        attention.key.weight.copy_(torch.where(segment, -same, same))
        embeddings.word_embeddings.weight[:, segment] = 0
        embeddings.position_embeddings.weight.mul_(0.2)
        embeddings.token_type_embeddings.weight.zero_()
        embeddings.token_type_embeddings.weight[0, segment] = config.initializer_range
        embeddings.token_type_embeddings.weight[1, segment] = -config.initializer_range
    return model


def resume(folder: Path) -> BertForSequenceClassification:
    """Load the encoder of the first stage and have its embeddings blurred while it trains."""
    model = BertForSequenceClassification.from_pretrained(folder, num_labels=1, dtype=torch.float32)
    _scale(model.bert, 1 / EMBEDDING_SCALE)
    model.train()

    def blur(table: nn.Module, inputs: tuple[torch.Tensor], found: torch.Tensor) -> torch.Tensor:
        kept = torch.empty(*found.shape[:2], 1).uniform_(BLUR, 1)
        noise = torch.randn_like(found) * found.std()
        return kept * found + (1 - kept**2).sqrt() * noise

    model.bert.embeddings.word_embeddings.register_forward_hook(blur)
    return model


def _scale(bert: nn.Module, factor: float) -> None:
    with torch.no_grad():
        for table in bert.embeddings.children():
            if isinstance(table, nn.Embedding):
                table.weight.mul_(factor)


def main(text: Path, start: Path, folder: Path, steps: int) -> None:
    """Train, and write the encoder as fp16 safetensors with its tokenizer and loss curve."""
    torch.manual_seed(SEED)
    tokenizer = AutoTokenizer.from_pretrained(start)
    languages = [read(language, text, tokenizer) for language in LANGUAGES]
    second = (start / "model.safetensors").exists()
    stage = SECOND if second else FIRST
    model = resume(start) if second else begin(len(tokenizer))
    matching = nn.Linear(model.config.hidden_size, 1)
    parameters = [*model.parameters(), *matching.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.01, fused=True)
    special = (tokenizer.pad_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id)
    wanted = torch.zeros(GROUPS, PASSAGES)
    wanted[:, 0] = 1
    curve, begun = [], time.perf_counter()
    if second:
        lines = (start / "curve.jsonl").read_text(encoding="utf-8").splitlines()
        curve = [json.loads(line) for line in lines]
    sums = torch.zeros(3)
    for step, (inputs, both) in enumerate(batches(languages, special, stage, steps), start=1):
        for part in optimizer.param_groups:
            part["lr"] = RATE * min(step / WARMUP, 1.6 * (1 - step / (steps + 1)), 1.0)
        with torch.autocast("cpu", torch.bfloat16):
            states = model.bert(**inputs)
            logits = model.classifier(states.pooler_output).float().view(GROUPS, PASSAGES)
            matches = matching(states.last_hidden_state).float().squeeze(-1)
        words = both >= 0
        right = torch.zeros(GROUPS, dtype=torch.long)
        relevance = functional.cross_entropy(logits, right)
        binary = functional.binary_cross_entropy_with_logits(logits, wanted)
        presence = functional.binary_cross_entropy_with_logits(
            matches[words], both[words].float(), pos_weight=torch.tensor(3.0)
        )
        optimizer.zero_grad()
        (relevance + 0.5 * binary + presence).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        found = (logits.argmax(1) == 0).float().mean()
        sums += torch.stack([relevance, presence, found]).detach()
        if step % 100 == 0:
            means = [round(value, 4) for value in (sums / 100).tolist()]
            names = ("relevance_loss", "matching_loss", "right")
            row = {"stage": 2 if second else 1, "step": step}
            curve.append(row | dict(zip(names, means, strict=True)))
            print(f"{time.perf_counter() - begun:.0f} s", curve[-1], flush=True)
            sums.zero_()
    _scale(model.bert, EMBEDDING_SCALE)
    model.bert.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    lines = "".join(json.dumps(row) + "\n" for row in curve)
    (folder / "curve.jsonl").write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    *folders, steps = sys.argv[1:]
    main(*map(Path, folders), int(steps))

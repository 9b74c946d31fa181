"""Word vectors from running text: skip-gram with subwords, trained by the fasttext package.

A word's vector is the mean of its own and of those of its character n-grams (Bojanowski et al.
2017, arXiv 1607.04606), so that rare forms of a word lie near the frequent ones.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import numpy as np

from cstool import words
from cstool.errors import CstoolError
from cstool.lexicons.embeddings import Vectors
from cstool.settings import MAX_VECTORS, WordVectors

Result = TypeVar("Result")
_END = "</s>"  # fastText's word for the end of a line
# What the n-grams share by their hash, as in fastText. It must stay large: with fewer than ten
# threads the package (0.9.3) leaves a part of its matrix as malloc gives it, and only a block that
# is too big to have been used before comes as zeros, which makes a training reproducible.
_BUCKETS = 2_000_000


def check() -> None:
    """Complain at once if the fasttext package is missing, before any slow work."""
    _fasttext()


def tokenised(texts: Iterable[str], counts: Counter[str]) -> Iterator[str]:
    """Yield a line for each text that has words: its words in lower case, between single spaces.

    Lower case, not `words.key`: what is learnt here is what a lexicon will write, "Straße" and not
    "strasse". `counts` counts the words.
    """
    for text in texts:
        found = [_lowered(text[start:end]) for start, end in words.spans(text)]
        counts.update(found)
        if found:
            yield " ".join(found)


def untrained(counts: Counter[str], settings: WordVectors) -> Vectors:
    """List the words that occur often enough to get vectors, with none: a matrix (words, 0)."""
    names = [word for word, count in counts.items() if count >= settings.min_count]
    return Vectors(names, np.empty((len(names), 0), dtype=np.float32))


def train(path: Path, settings: WordVectors) -> Vectors:
    """Train vectors on a file of words between single spaces, the most frequent word first.

    The vectors are float32 of shape (words, `settings.dimension`). With one thread equal files and
    settings give equal vectors on the same machine. Each word and each of two million n-grams takes
    4 bytes times the dimension of memory. Of more words than MAX_VECTORS the most frequent are
    kept, as they are when vectors are read. CstoolError if the training diverges.
    """
    fasttext = _fasttext()
    try:
        model = _in_background(
            lambda: fasttext.train_unsupervised(
                str(path),
                model="skipgram",
                dim=settings.dimension,
                epoch=settings.epochs,
                minCount=settings.min_count,
                lr=settings.learning_rate,
                ws=settings.window,
                minn=settings.shortest_ngram,
                maxn=settings.longest_ngram,
                bucket=_BUCKETS,
                thread=settings.threads,
                verbose=0,
            )
        )
    except RuntimeError as error:
        if "NaN" not in str(error):
            raise
        raise CstoolError("the vectors grow without bounds: lower the learning rate") from error
    names = [word for word in model.get_words() if word != _END][:MAX_VECTORS]
    return Vectors(names, np.stack([model.get_word_vector(word) for word in names]))


def lines(vectors: Vectors) -> Iterator[str]:
    """Yield the lines of a .vec file: words and dimension, then a word and its numbers to a line.

    Nine significant digits are all that a float32 has: what is read again is what was trained.
    """
    yield f"{len(vectors.words)} {vectors.matrix.shape[1]}"
    for word, vector in zip(vectors.words, vectors.matrix.tolist(), strict=True):
        yield f"{word} {' '.join([f'{value:.9g}' for value in vector])}"


def _lowered(word: str) -> str:
    if not word.isascii():
        word = unicodedata.normalize("NFC", word).replace("’", "'").replace("\u00ad", "")
    return word.lower()


def _fasttext() -> Any:
    try:
        import fasttext
    except ImportError as error:
        raise CstoolError(
            "training vectors needs the fasttext package and a C++ compiler to build it: "
            "pip install 'cstool[fasttext]'"
        ) from error
    return fasttext


def _in_background(work: Callable[[], Result]) -> Result:
    """Wait for what listens to no signal, in a way that a signal interrupts."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future.result()

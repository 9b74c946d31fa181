import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from cstool import files
from cstool.errors import CstoolError
from cstool.lexicons import embeddings, subwords
from cstool.settings import WordVectors

fasttext = pytest.importorskip("fasttext")

SMALL = WordVectors(dimension=10, epochs=2, min_count=2)
TEXT = ["Der Hund bellt, die Katze schläft.", "Die Katze jagt; der Hund bellt!"] * 40


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text"
    files.write(path, subwords.tokenised(TEXT, Counter()), str)
    return path


def test_words_in_lower_case_as_a_lexicon_is_to_write_them():
    counts = Counter()
    texts = ["Die Straße, ÜBER 200 m²!", "12 34 ...", "", "L\u2019Été: a\u00adb U\u0308ber"]
    assert list(subwords.tokenised(texts, counts)) == ["die straße über", "l'été ab über"]
    assert counts == {"die": 1, "straße": 1, "über": 2, "l'été": 1, "ab": 1}


def test_the_words_that_will_get_vectors():
    counts = Counter({"a": 3, "b": 1, "c": 2})
    assert subwords.untrained(counts, replace(SMALL, min_count=2)).words == ["a", "c"]


def test_vectors_are_those_of_the_package_and_the_frequent_words_come_first(text):
    found = subwords.train(text, SMALL)
    assert set(found.words) == {"der", "hund", "bellt", "die", "katze", "schläft", "jagt"}
    assert found.words[-2:] in (["schläft", "jagt"], ["jagt", "schläft"])
    assert found.matrix.shape == (7, 10)
    assert found.matrix.dtype == np.float32
    options = {"dim": 10, "epoch": 2, "minCount": 2, "thread": 1}
    model = fasttext.train_unsupervised(str(text), model="skipgram", verbose=0, **options)
    for word, vector in zip(found.words, found.matrix, strict=True):
        assert np.array_equal(vector, model.get_word_vector(word))


def test_one_thread_gives_the_same_vectors_twice(text):
    first, second = subwords.train(text, SMALL), subwords.train(text, SMALL)
    assert first.words == second.words
    assert np.array_equal(first.matrix, second.matrix)


def test_what_was_kept_is_read_as_it_was_trained(text, tmp_path):
    found = subwords.train(text, SMALL)
    path = tmp_path / "de.vec"
    files.write(path, subwords.lines(found), str)
    read, skipped, _ = embeddings.read(path)
    assert str(skipped) == "nothing"
    assert read.words == found.words
    assert np.array_equal(read.matrix, found.matrix)


def test_a_training_that_diverges_is_told(text):
    with pytest.raises(CstoolError, match="lower the learning rate"):
        subwords.train(text, replace(SMALL, learning_rate=1e30))


def test_the_package_is_asked_for_when_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "fasttext", None)
    with pytest.raises(CstoolError, match=r"pip install 'cstool\[fasttext\]'$"):
        subwords.check()


def test_training_says_nothing_and_can_be_interrupted(text):
    """fastText computes without the interpreter's lock: without a thread Ctrl-C would wait."""
    code = f"""if True:
        import os, signal, threading
        from pathlib import Path
        import fasttext
        from cstool.lexicons import subwords
        from cstool.settings import WordVectors
        signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
        settings = WordVectors(dimension=10, epochs=10**6)
        try:
            subwords.train(Path({str(text)!r}), settings)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")

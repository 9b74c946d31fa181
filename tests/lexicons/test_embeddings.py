import gzip
import io
import math
import os
import pickle
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstool import files
from cstool.errors import CstoolError
from cstool.lexicons import embeddings
from cstool.lexicons.embeddings import Cache, Skipped, normalized, parse, read

CLEAN = "3 2\nthe 0.5 -1\nNew York 0.25 1e-1\nund 3 4\n"


def file(folder: Path, content: str | bytes, name: str = "x.vec") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def test_a_file_with_a_first_line_and_a_word_with_a_space(tmp_path):
    vectors, skipped, reading = read(file(tmp_path, CLEAN))
    assert vectors.words == ["the", "New York", "und"]
    assert vectors.matrix.dtype == np.float32
    assert vectors.matrix.tolist() == [[0.5, -1], [0.25, np.float32(0.1)], [3, 4]]
    assert str(skipped) == "nothing"
    assert (reading.lines, len(reading.sha256)) == (4, 64)


@pytest.mark.parametrize(
    "content",
    [
        CLEAN.partition("\n")[2],  # no first line
        CLEAN.replace("\n", " \n"),  # fastText ends lines with a space
        CLEAN.replace("\n", "\r\n"),
        CLEAN.removesuffix("\n"),
    ],
)
def test_forms_of_the_same(tmp_path, content):
    vectors, skipped, _ = read(file(tmp_path, content))
    assert vectors.words == ["the", "New York", "und"]
    assert vectors.matrix[2].tolist() == [3, 4]
    assert not skipped.counts


def test_only_so_many_words_are_read_and_nothing_after_them_is_counted(tmp_path):
    path = file(tmp_path, "a 1\na 2\nb 1\nb 0\nc 1\n")
    vectors, skipped, _ = read(path, max_words=2)
    assert vectors.words == ["a", "b"]
    assert str(skipped) == "1 repeated (line 2)"


def test_what_was_left_out_is_told_with_the_first_lines():
    skipped = Skipped()
    for line in (3, 5, 8, 9):
        skipped.add("zero", line)
    skipped.add("repeated", 4)
    assert str(skipped) == "1 repeated (line 4), 4 zero (lines 3, 5, 8, ...)"


# One law for all that is wrong with files: what comes out is what a reader finds that goes line by
# line, in plain Python, by the rules of the docstring.

NUMBERS = [b"0.5", b"-1", b"0.123456", b"1e-3", b"-2.5E+2", b"3"]
FAULTY = [b"nan", b"-inf", b"x", b"", b"1,5", b"0x1p3", b"\xff"]
WORDS = [b"the", b"The", b"New York", b". . .", b"\xc3\xa9t\xc3\xa9", b"7", b"</s>", b"a b c"]
NO_WORDS = [b"", b"\xff\xfe", b"a\tb", b"\xc2\xa0", b"x\xe2\x80\xa8y", b"\xef\xbb\xbfthe", b"the 7"]


@st.composite
def broken_files(draw):
    dimension = draw(st.integers(1, 3))
    number = st.sampled_from(NUMBERS)
    usual = st.lists(number, min_size=dimension, max_size=dimension)
    faulty = st.lists(st.sampled_from(NUMBERS + FAULTY), min_size=dimension, max_size=dimension)
    wrong = st.lists(number, max_size=5)
    zero = st.just([b"0", b"-0.0", b"0e5"][:dimension])
    name = st.sampled_from(WORDS)
    line = st.one_of(
        st.tuples(name, usual),
        st.tuples(name, usual),
        st.tuples(st.sampled_from(NO_WORDS), usual),
        st.tuples(name, st.one_of(faulty, wrong, zero)),
    )
    end = draw(st.sampled_from([b"\n", b" \n", b"\r\n"]))
    lines = [b" ".join([word, *numbers]) for word, numbers in draw(st.lists(line, max_size=30))]
    promised = draw(st.integers(max(0, len(lines) - 2), len(lines) + 1))
    header = [b"%d %d" % (promised, dimension)]
    content = end.join(header + lines) + (end if draw(st.booleans()) else b"")
    return content, dimension, promised


def expected(content, dimension, promised, max_words):
    """Words to vectors, and reasons to line numbers; or None if the file is to be refused."""
    lines = content.split(b"\n")
    ended = not lines[-1]
    if ended:
        lines.pop()
    words, reasons = {}, {}
    for number, line in enumerate(lines[1:], start=2):
        word, vector, reason = parsed(line, dimension)
        if reason is None and word in words:
            reason = "repeated"
        if reason is None:
            words[word] = vector
        elif number == len(lines) and not ended and ("dimension" in reason or "number" in reason):
            return None
        else:
            reasons.setdefault(reason, []).append(number)
        if len(words) == max_words:
            return words, reasons
    return (words, reasons) if words and len(lines) - 1 >= promised else None


def parsed(line, dimension):
    """A word and a vector, or a reason why not."""
    fields = line.rstrip(b" \r").split(b" ")
    name, fields = fields[:-dimension], fields[-dimension:]
    if not name or any(is_number(part) for part in name[1:]):
        return None, None, "of another dimension"
    reason, word = word_of(b" ".join(name))
    if reason:
        return None, None, reason
    if not all(is_number(field) for field in fields):
        return None, None, "with something that is no number"
    vector = [float(field) for field in fields]
    if not all(map(math.isfinite, vector)):
        return None, None, "not finite"
    return word, vector, None if any(vector) else "zero"


def word_of(name):
    try:
        word = name.decode()
    except UnicodeDecodeError:
        return "not in UTF-8", None
    broken = "\t" in word or len(f"-{word}-".splitlines()) > 1
    if not word or word != word.strip() or broken or word.startswith("\ufeff"):
        return "without a word that a lexicon can hold", None
    return None, word


def is_number(field):
    try:
        float(field)
    except ValueError:
        return False
    return True


@given(broken_files(), st.sampled_from([1, 3, 1000]), st.sampled_from([1, 7, 64, 1 << 20]))
def test_of_a_broken_file_what_is_usable_comes_and_the_rest_is_counted(case, max_words, block):
    content, dimension, promised = case
    # The first line must come whole: it tells how to read the others.
    block = max(block, len(content.partition(b"\n")[0]) + 2)
    whole = expected(content, dimension, promised, max_words)
    reading = files.Reading(Path("x.vec"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embeddings, "_BLOCK", block)
        if whole is None:
            with pytest.raises(CstoolError, match=r"^x\.vec: "):
                parse(reading, io.BytesIO(content), max_words=max_words)
            return
        vectors, skipped = parse(reading, io.BytesIO(content), max_words=max_words)
    words, reasons = whole
    assert vectors.words == list(words)
    assert vectors.matrix.tolist() == np.float32(list(words.values())).tolist()
    assert skipped.counts == Counter({reason: len(lines) for reason, lines in reasons.items()})
    assert skipped.first == {reason: lines[:3] for reason, lines in reasons.items()}


# What is no file of vectors


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "x.vec: is empty, expected word vectors: a word and its numbers on each line"),
        ("2 3\n", "x.vec: expected word vectors: a word and its numbers on each line; left out: "),
        ("Call me Ishmael.\nSome years ago\n", "with something that is no number (lines 1, 2)"),
        ('{"id": "1", "text": "a b"}\n', "left out: 1 with something that is no number (line 1)"),
        ("word\nword\n", "left out: 2 of another dimension (lines 1, 2)"),
        ("PAR1\x00\x15\x04\n\x15", "x.vec: ends in the middle of line 2"),
        ("3 2\na 1 2\nb 1 2\n", "x.vec: ends after 2 words, its first line says 3"),
        ("3 2\na 1 2\nb 1", "x.vec: ends in the middle of line 3"),
        ("3 2\na 1 2\nb 1 -", "x.vec: ends in the middle of line 3"),
        ("a 1 2\nb 1 2\nc 1", "x.vec: ends in the middle of line 3"),
        ("a 1\n" + "x" * (17 << 20), "x.vec:2: is longer than 1 MiB, expected word vectors"),
    ],
)
def test_what_is_cut_off_or_something_else_is_told_in_one_line(tmp_path, content, problem):
    with pytest.raises(CstoolError) as told:
        read(file(tmp_path, content))
    assert problem in str(told.value)
    assert "\n" not in str(told.value)


def test_packed_files_and_packed_files_that_are_cut_off(tmp_path):
    packed = gzip.compress(CLEAN.encode() * 2000)
    assert read(file(tmp_path, gzip.compress(CLEAN.encode()), "x.vec.gz"))[0].words[0] == "the"
    with pytest.raises(CstoolError, match=r"x\.vec\.gz: Compressed file ended before"):
        read(file(tmp_path, packed[: len(packed) // 2], "x.vec.gz"))


def test_a_pipe_is_read_but_not_kept(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    if not os.fork():
        pipe.write_text(CLEAN)
        os._exit(0)
    vectors, _, reading = read(pipe, cache=Cache(tmp_path / "cache"))
    os.wait()
    assert (vectors.words[0], len(reading.sha256)) == ("the", 64)
    assert not (tmp_path / "cache").exists()


# The cache


def test_what_was_read_comes_out_of_the_cache_the_same(tmp_path, monkeypatch):
    path, cache = file(tmp_path, CLEAN + "the 1 1\n"), Cache(tmp_path / "cache")
    first = read(path, cache=cache)
    monkeypatch.setattr(embeddings, "parse", None)  # it is not read again
    again = read(path, cache=cache)
    assert again[0].words == first[0].words
    assert np.array_equal(again[0].matrix, first[0].matrix)
    assert str(again[1]) == "1 repeated (line 5)"
    assert again[2].sha256 == first[2].sha256


def test_other_rules_and_other_content_have_other_places_in_the_cache(tmp_path, monkeypatch):
    path, cache = file(tmp_path, CLEAN), Cache(tmp_path / "cache")
    read(path, cache=cache)
    assert len(read(path, max_words=1, cache=cache)[0].words) == 1
    assert len(read(file(tmp_path, "a 1\n"), cache=cache)[0].words) == 1
    assert len(list(cache.folder.iterdir())) == 9  # three of each
    monkeypatch.setattr(embeddings, "RULES", 0)
    read(path, cache=cache)
    assert len(list(cache.folder.iterdir())) == 12


@pytest.mark.parametrize("name", ["*.json", "*.words.npy", "*.vectors.npy"])
@pytest.mark.parametrize("damage", ["gone", "cut", "one bit", "pickle"])
def test_a_damaged_cache_is_made_again(tmp_path, name, damage):
    path, cache = file(tmp_path, CLEAN), Cache(tmp_path / "cache")
    read(path, cache=cache)
    (kept,) = cache.folder.glob(name)
    whole = kept.read_bytes()
    if damage == "gone":
        kept.unlink()
    elif damage == "cut":
        kept.write_bytes(whole[:-1])
    elif damage == "one bit":
        kept.write_bytes(whole[:-3] + bytes([whole[-3] ^ 4]) + whole[-2:])
    else:
        kept.write_bytes(pickle.dumps(Explosive()))
    vectors, _, _ = read(path, cache=cache)
    assert vectors.words == ["the", "New York", "und"]
    assert vectors.matrix[0].tolist() == [0.5, -1]
    assert kept.read_bytes() == whole


class Explosive:
    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


def test_a_cache_that_cannot_be_written_is_told_and_no_more(tmp_path):
    told = []
    cache = Cache(file(tmp_path, "", "occupied"), told.append)
    assert read(file(tmp_path, CLEAN), cache=cache)[0].words[0] == "the"
    assert len(told) == 1
    assert told[0].endswith(": the vectors are not kept")


# fastText's own format


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A fastText model of a few words and what its own package says of them."""
    fasttext = pytest.importorskip("fasttext")
    folder = tmp_path_factory.mktemp("fasttext")
    text = "the house and the garden of the neighbour\n" * 50
    # Only with ten threads, and a multiple of ten numbers, the package sets all of its matrix.
    options = {"minCount": 1, "bucket": 53, "thread": 10, "verbose": 0}
    trained = fasttext.train_unsupervised(
        str(file(folder, text, "text")), dim=4, epoch=1, **options
    )
    trained.save_model(str(folder / "model.bin"))
    rows = [" ".join([word, *map(repr, trained[word].tolist())]) for word in trained.words]
    file(folder, f"{len(rows)} 4\n" + "\n".join(rows), "model.vec")
    return folder / "model.bin"


def test_a_fasttext_model_gives_what_its_text_file_gives(model):
    vectors, skipped, reading = read(model)
    text, _, _ = read(model.with_suffix(".vec"))
    assert (
        vectors.words == text.words == ["the", "house", "and", "garden", "of", "neighbour", "</s>"]
    )
    assert np.array_equal(vectors.matrix, text.matrix)
    assert not skipped.counts
    assert len(reading.sha256) == 64
    assert read(model, max_words=2)[0].words == ["the", "house"]


def test_a_fasttext_model_that_is_cut_off_is_refused_at_every_length(model, tmp_path):
    whole = model.read_bytes()
    for length in [*range(4, 300, 7), *range(300, len(whole), 61), len(whole) - 1]:
        with pytest.raises(CstoolError, match=r"x\.bin: is a fastText model that is cut off"):
            read(file(tmp_path, whole[:length], "x.bin"))


def test_without_the_package_the_way_to_get_it_is_told(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "fasttext", None)
    with pytest.raises(CstoolError, match=r"pip install 'cstool\[fasttext\]'"):
        read(model)


# Normalisation


def test_normalisation_takes_its_steps_in_order():
    matrix = np.array([[3, 4], [0, 2], [0, 0]], dtype=np.float32)
    assert normalized(matrix, ()).tolist() == matrix.tolist()
    assert normalized(matrix, ("unit",)) == pytest.approx(np.array([[0.6, 0.8], [0, 1], [0, 0]]))
    assert normalized(matrix, ("center",)) == pytest.approx(np.array([[2, 2], [-1, 0], [-1, -2]]))
    # By hand: unit vectors (.6 .8) (0 1) (0 0), their mean (.2 .6), less that (.4 .2) (-.2 .4)
    # (-.2 -.6), of lengths sqrt(.2), sqrt(.2) and sqrt(.4).
    hand = np.array([[0.4, 0.2], [-0.2, 0.4], [-0.2, -0.6]]) / np.sqrt([[0.2], [0.2], [0.4]])
    assert normalized(matrix, ("unit", "center", "unit")) == pytest.approx(hand)
    assert matrix[0].tolist() == [3, 4]


@pytest.mark.realdata
def test_real_models_and_text_files_agree(real_data):
    fixtures = real_data / "fixtures"
    text, _, _ = read(fixtures / "crime-and-punishment.vec")
    model, _, _ = read(fixtures / "crime-and-punishment.bin")
    assert text.words == model.words
    assert (len(text.words), text.matrix.shape[1]) == (291, 5)  # its first line
    assert text.matrix == pytest.approx(model.matrix, abs=1e-5)  # written with five digits

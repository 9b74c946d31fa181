import pytest

from cstool import files, textfile
from cstool.errors import CstoolError

LINES = {"p1": "one", "p2": "", "p10": "zwölf Häuser", "p3": "tab\there", "ü": "last"}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "p.tsv"
    path.write_text("".join(f"{name}\t{text}\n" for name, text in LINES.items()), encoding="utf-8")
    return path


def opened(path):
    readings = []

    def read(parse):
        reading = files.Reading(path)
        list(files.read(path, parse, reading=reading))
        readings.append(reading)
        return reading

    texts, reading = textfile.open_indexed(path, read, "passage")
    return texts, reading, len(readings)


def test_texts_by_id_from_the_disk_with_one_reading(path):
    texts, first, count = opened(path)
    assert count == 1
    again, second, count = opened(path)
    assert count == 0
    assert (first.sha256, first.lines) == (second.sha256, second.lines) == (files.digest(path), 5)
    for each in (texts, again):
        assert each.texts(["ü", "p10", "p2", "p10", "nothing"]) == {
            name: LINES[name] for name in ("ü", "p10", "p2")
        }
        assert each.texts([]) == {}
        assert each.missing(["p1", "nothing"]) == {"nothing"}


def test_a_changed_file_is_indexed_anew(path):
    opened(path)
    path.write_text("p7\tnew\n", encoding="utf-8")
    texts, _, count = opened(path)
    assert (count, texts.texts(["p1", "p7"])) == (1, {"p7": "new"})


def test_a_damaged_index_is_made_anew(path):
    opened(path)
    index = path.with_name("p.tsv.cstool-index")
    index.write_bytes(index.read_bytes()[:-1])
    assert opened(path)[2] == 1
    index.write_bytes(b"")
    assert opened(path)[2] == 1


def test_equal_hashes_are_told_apart_by_the_id(path, monkeypatch):
    monkeypatch.setattr(textfile, "_hash", lambda name: 7)
    texts, _, _ = opened(path)
    assert texts.texts(["p3"]) == {"p3": LINES["p3"]}
    assert texts.texts(["p3", "p1"]) == {"p3": LINES["p3"], "p1": LINES["p1"]}


def test_an_id_that_comes_twice(path):
    with path.open("a", encoding="utf-8") as lines:
        lines.write("p2\tagain\n")
    with pytest.raises(CstoolError, match=r"p.tsv:6: passage p2 comes a second time"):
        opened(path)
    assert not path.with_name("p.tsv.cstool-index").exists()


def test_jsonl_and_no_line_break_at_the_end(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text('{"id": "a", "text": "x\\ny"}\n{"id": "b", "contents": "z"}', encoding="utf-8")
    assert opened(path)[0].texts(["a", "b"]) == {"a": "x\ny", "b": "z"}


def test_the_first_missing_ids_are_named_and_the_rest_counted(path):
    with pytest.raises(CstoolError, match=r"^passages p0, p1, p2 and 4 more are in the run but"):
        textfile.check_known({f"p{i}" for i in range(7)}, "passage", path)
    textfile.check_known(set(), "passage", path)


def test_a_large_file_alone_is_indexed(path, tmp_path, monkeypatch):
    assert not textfile.can_index(path)
    monkeypatch.setattr(textfile, "INDEXED", 1)
    assert textfile.can_index(path)
    assert not textfile.can_index(tmp_path / "p.tsv.gz")

from pathlib import Path

import pytest

from cstool import files, formats, words
from cstool.errors import CstoolError
from cstool.lexicons import store
from cstool.records import Entry


def folder(path: Path, *names: str) -> Path:
    path.mkdir(parents=True)
    for name in names:
        files.write(path / name, [Entry("house", "Haus")], formats.format_entry)
    return path


def test_the_first_translation_is_kept():
    table = store.Table.of([Entry("House", "Haus"), Entry("house", "Heim"), Entry("red", "rot")])
    assert table.best == {"house": "Haus", "red": "rot"}


def test_the_longest_phrase_of_each_first_word_is_known():
    entries = [("new", "neu"), ("New York", "Neu York"), ("new-york city", "Stadt"), ("red", "rot")]
    table = store.Table.of(Entry(*entry) for entry in entries)
    assert table.best["new york city"] == "Stadt"
    assert table.longest == {"new": 3}


def test_entries_that_no_text_can_match_are_counted():
    table = store.Table.of([Entry("9/11", "x"), Entry("Yahoo!", "x"), Entry("house", "Haus")])
    assert (table.unmatchable, len(table.best)) == (2, 1)


def test_the_longest_phrase_that_starts_at_a_word():
    entries = [("new", "1"), ("new york", "2"), ("new york city hall", "3"), ("city", "4")]
    table = store.Table.of(Entry(*entry) for entry in entries)
    text = "New York City, new. York"
    found = words.units(text)
    keys = [words.key(text[start:end]) for start, end in found]
    matches = [table.match(text, found, keys, position) for position in range(len(found))]
    assert matches == [(2, "new york"), None, (1, "city"), (1, "new"), None]


def test_the_first_source_of_a_translation_is_kept_when_inverted():
    entries = [Entry("house", "Haus", 0.5), Entry("red", "rot", 0.1), Entry("home", "Haus", 1.0)]
    inverted = list(store.invert(entries))
    assert inverted[0] == Entry("Haus", "house", 0.5)
    assert store.Table.of(inverted).best == {"haus": "house", "rot": "red"}


def test_a_lexicon_is_looked_for_in_this_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CSTOOL_HOME", str(tmp_path / "home"))
    (tmp_path / "wiki").mkdir()  # a folder of that name that is no lexicon
    assert store.find("wiki") == store.SHIPPED / "wiki"
    home = folder(tmp_path / "home" / "lexicons" / "wiki", "en-de.tsv")
    assert store.find("wiki") == home
    folder(tmp_path / "lexicons" / "wiki", "en-de.tsv")
    assert store.find("wiki") == Path("lexicons/wiki")
    (tmp_path / "wiki" / "en-de.tsv.gz").touch()
    assert store.find("wiki") == Path("wiki")
    assert store.find(str(home)) == home


@pytest.mark.parametrize("name", ["nowhere", "x" * 300])
def test_a_lexicon_that_is_not_there_tells_where_it_was_looked_for(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CSTOOL_HOME", "/home")
    places = f"{name}, lexicons/{name}, /home/lexicons/{name}, {store.SHIPPED / name}"
    with pytest.raises(CstoolError) as caught:
        store.find(name)
    assert str(caught.value).startswith(f"no lexicon {name}: looked at {places}; there are ")
    assert "wiki" in str(caught.value).partition("; there are ")[2].split(", ")


def test_files_of_a_lexicon(tmp_path):
    names = ("en-ru.tsv", "en-de.tsv.gz", "en-pt_br.tsv", "de-en.tsv")
    lexicon = folder(tmp_path / "x", *names)
    (lexicon / "en-de.tsv.gz.meta.json").write_bytes(b"{}")
    (lexicon / "README.md").write_bytes(b"")
    expected = {
        "de": lexicon / "en-de.tsv.gz",
        "pt_br": lexicon / "en-pt_br.tsv",
        "ru": lexicon / "en-ru.tsv",
    }
    assert store.pairs(lexicon, "en") == expected
    assert list(store.pairs(lexicon, "en")) == ["de", "pt_br", "ru"]
    assert store.pairs(lexicon, "de") == {"en": lexicon / "de-en.tsv"}
    assert store.pairs(lexicon / "en-ru.tsv", "en") == {"ru": lexicon / "en-ru.tsv"}


def test_a_folder_without_the_language_is_no_lexicon(tmp_path):
    lexicon = folder(tmp_path / "x", "de-en.tsv")
    with pytest.raises(CstoolError, match=r"x: holds no file such as en-de\.tsv"):
        store.pairs(lexicon, "en")
    with pytest.raises(CstoolError, match=r"de-en\.tsv: is no file such as en-de\.tsv"):
        store.pairs(lexicon / "de-en.tsv", "en")


def test_the_file_of_one_pair_of_languages(tmp_path):
    lexicon = folder(tmp_path / "x", "en-de.tsv", "de-en.tsv", "en-it.tsv.gz", "ru-de.tsv")
    assert store.pair(lexicon, "de", "en") == (lexicon / "de-en.tsv", False)
    assert store.pair(lexicon, "en", "de") == (lexicon / "en-de.tsv", False)
    assert store.pair(lexicon, "it", "en") == (lexicon / "en-it.tsv.gz", True)
    assert store.pair(lexicon / "ru-de.tsv", "de", "ru") == (lexicon / "ru-de.tsv", True)
    with pytest.raises(
        CstoolError,
        match=r"x: holds no file ru-en\.tsv or en-ru\.tsv; it has de-en, en-de, en-it, ru-de$",
    ):
        store.pair(lexicon, "ru", "en")
    with pytest.raises(
        CstoolError, match=r"ru-de\.tsv: is no file de-en\.tsv or en-de\.tsv; it has ru-de$"
    ):
        store.pair(lexicon / "ru-de.tsv", "de", "en")


def test_two_files_for_one_language_are_refused(tmp_path):
    lexicon = folder(tmp_path / "x", "en-de.tsv", "en-de.tsv.gz")
    with pytest.raises(CstoolError, match=r"holds both en-de\.tsv and en-de\.tsv\.gz"):
        store.pairs(lexicon, "en")


def test_only_the_languages_asked_for_are_loaded(tmp_path):
    lexicon = folder(tmp_path / "x", "en-de.tsv")
    (lexicon / "en-ru.tsv").write_bytes(b"not a lexicon")
    found = store.pairs(lexicon, "en")

    def read(path):
        return files.read(path, formats.parse_entry)

    assert store.load(found, ["de"], read)["de"].best == {"house": "Haus"}
    with pytest.raises(CstoolError, match="no it in this lexicon; it has de, ru"):
        store.load(found, ["de", "it"], read)


def test_the_shipped_lexicon():
    assert "wiki" in store.shipped()
    found = store.pairs(store.find("wiki"), "en")
    tables = store.load(found, found, lambda path: files.read(path, formats.parse_entry))
    assert set(tables) >= {"de", "it", "nl", "ru", "ar"}
    assert all(len(table.best) > 1000 for table in tables.values())
    assert tables["de"].best["house"] == "Haus"


def test_all_pairs_of_a_lexicon(tmp_path):
    lexicon = folder(tmp_path / "x", "en-de.tsv", "de-en.tsv.gz", "README.md")
    expected = {("de", "en"): lexicon / "de-en.tsv.gz", ("en", "de"): lexicon / "en-de.tsv"}
    assert store.every_pair(lexicon) == expected
    assert store.every_pair(lexicon / "en-de.tsv") == {("en", "de"): lexicon / "en-de.tsv"}
    with pytest.raises(CstoolError, match=r"README\.md: is no file such as en-de\.tsv$"):
        store.every_pair(lexicon / "README.md")


def test_everything_that_has_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CSTOOL_HOME", str(tmp_path / "home"))
    home = folder(tmp_path / "home" / "lexicons" / "wiki", "en-de.tsv")
    folder(tmp_path / "lexicons" / "muse", "en-de.tsv.gz")
    folder(tmp_path / "lexicons" / "notes", "README.md")
    (tmp_path / "lexicons" / "en-de.tsv").touch()
    assert store.everywhere() == [Path("lexicons/muse"), home, store.SHIPPED / "wiki"]


def test_the_key_of_a_source_that_no_text_can_match():
    assert [store.source_key(word) for word in ("New-York", "9/11", "Yahoo!")] == [
        "new york",
        "9/11",
        "yahoo!",
    ]

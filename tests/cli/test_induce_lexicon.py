import gzip
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cstool.cli import app

MUSE = "the die\nthe der\nand und\nradio radio\nthe die\n"


DATA = Path(__file__).parents[1] / "data"
PAGES = {
    "2018": "({},{},'{}','',{},0,0.33,'20180730175243','20180730175353',8340,122,'wikitext',NULL)",
    "2022": "({},{},'{}',{},0,0.33,'20220602051933',NULL,373819,2575,'wikitext',NULL)",
}


def dumps(folder, schema):
    """Write dumps of page and langlinks with the same content in one of the two schemas."""
    pages = [
        (3, 0, "Water", 0),
        (4, 0, "It_(novel)", 0),
        (5, 0, "Rock_and_roll", 0),
        (6, 0, "Java_(island)", 0),
        (7, 0, "Java", 0),
        (8, 0, "Rock_\\'n\\'_roll", 1),
        (9, 14, "Rivers", 0),
    ]
    links = [
        (3, "de", "Wasser"),
        (3, "ru", "Вода"),
        (4, "de", "Es (Roman)"),
        (5, "de", "Rock ’n’ Roll"),
        (6, "de", "Java (Insel)"),
        (7, "de", "Java"),
        (8, "de", "Rock \\'n\\' Roll"),
        (9, "de", "Kategorie:Fluss"),
    ]
    rows = {
        "page": [PAGES[schema].format(*page) for page in pages],
        "langlinks": ["({},'{}','{}')".format(*link) for link in links],
    }
    heads = {"page": f"page-{schema}.head.sql", "langlinks": "langlinks.head.sql"}
    for table, values in rows.items():
        text = (DATA / heads[table]).read_text()
        text += f"INSERT INTO `{table}` VALUES {','.join(values)};\n"
        (folder / f"{table}.sql").write_text(text + (DATA / "tail.sql").read_text())
    return folder / "page.sql", folder / "langlinks.sql"


@pytest.fixture
def mirror(tmp_path):
    """A mirror of the dumps with one wiki on this machine."""
    names = {path.stem: f"enwiki-20260101-{path.stem}.sql.gz" for path in dumps(tmp_path, "2022")}
    packed = {t: gzip.compress((tmp_path / f"{t}.sql").read_bytes()) for t in names}
    sums = "".join(f"{hashlib.sha1(packed[t]).hexdigest()}  {names[t]}\n" for t in names)
    served = {f"/enwiki/20260101/{names[table]}": packed[table] for table in names}
    for date in ("latest", "20260101"):
        served[f"/enwiki/{date}/enwiki-{date}-sha1sums.txt"] = sums.encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append(self.path)
            if self.path not in served:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(served[self.path])))
            self.end_headers()
            self.wfile.write(served[self.path])

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url, server.asked = f"http://127.0.0.1:{server.server_port}", []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def induce(*arguments, **how):
    return CliRunner().invoke(app, ["induce-lexicon", *map(str, arguments)], **how)


def test_a_dictionary_becomes_a_lexicon_that_codeswitch_can_use(tmp_path):
    source, lexicon = tmp_path / "en-de.txt", tmp_path / "lexicons" / "muse"
    source.write_text(MUSE, encoding="utf-8")
    result = induce("dictionary", source, "--target-lang", "de", "-o", lexicon)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == (
        "cstool: 4 entries for 3 sources, 1 identical, 0 that no text can match; "
        "left out: 1 repeated\n"
    )
    assert (lexicon / "en-de.tsv").read_text(encoding="utf-8") == (
        "the\tdie\t1\nthe\tder\t0.5\nand\tund\t1\nradio\tradio\t1\n"
    )
    account = json.loads((lexicon / "en-de.tsv.meta.json").read_text())
    assert account["command"] == "cstool induce-lexicon dictionary"
    assert account["counts"]["left_out"] == {"repeated": 1}
    switched = CliRunner().invoke(
        app,
        ["codeswitch", "--lexicon", str(lexicon), "--ratio", "1"],
        input="q1\tthe radio and more\n",
    )
    assert switched.stdout == "q1\tdie radio und more\n"


def test_a_dictionary_from_stdin_to_stdout():
    options = ["--target-lang", "de", "--max-translations", 1, "--drop-identical"]
    result = induce("dictionary", *options, input=MUSE)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "the\tdie\t1\nand\tund\t1\n"
    assert "left out: 1 beyond the best, 1 identical, 1 repeated" in result.stderr


def test_a_dictionary_in_tsv_keeps_its_phrases_and_ignores_further_columns():
    table = "machine learning\tmaschinelles Lernen\t12\n"
    result = induce("dictionary", "-", "--target-lang", "de", "-o", "-", input=table)
    assert result.stdout == "machine learning\tmaschinelles Lernen\t1\n"


@pytest.mark.parametrize(
    ("command", "text", "problem"),
    [
        ("dictionary", "the die\none\n", "-:2: 'one', expected source<TAB>target or two words"),
        ("titles", "Water\tWasser\nNew York\n", "-:2: 'New York', expected source<TAB>target"),
        ("dictionary", "", "no entry to write for de; left out: nothing"),
        (
            "titles",
            "1990\t1990\nThe\tDie\n",
            "no entry to write for de; left out: 1 number, 1 stop",
        ),
    ],
)
def test_what_is_wrong_or_empty_is_told_and_nothing_written(tmp_path, command, text, problem):
    result = induce(command, "--target-lang", "de", "-o", tmp_path / "lexicon", input=text)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"cstool: {problem}")
    assert not (tmp_path / "lexicon").exists()


def test_titles(tmp_path):
    titles = (
        "War film\tCine bélico\tDBP-5L\n"
        "Category:Rivers\tCategoría:Ríos\n"
        "Elijah Wood\tElijah Wood\n"
        "Java (island)\tJava (isla)\n"
        "Free University of Berlin\tUniversidad Libre de Berlín\n"
        "The cine club\tEl cine club\n"
    )
    result = induce("titles", "--langs", "es", "-o", tmp_path, input=titles)
    assert (result.exit_code, result.stdout) == (0, "")
    assert (tmp_path / "en-es.tsv").read_text(encoding="utf-8") == (
        "War film\tcine bélico\t1\nElijah Wood\tElijah Wood\t1\nJava\tJava\t1\n"
        "The cine club\tel cine club\t1\n"
    )
    account = json.loads((tmp_path / "en-es.tsv.meta.json").read_text())
    assert account["counts"] == {
        "entries": 4,
        "sources": 4,
        "identical": 2,
        "unmatchable": 0,
        "left_out": {"long": 1, "namespace": 1},
    }
    options = ["--max-words", 4, "--drop-identical", "--case", "title"]
    result = induce("titles", "--langs", "es", *options, input=titles)
    assert result.stdout == (
        "War film\tCine bélico\t1\nFree University of Berlin\tUniversidad Libre de Berlín\t1\n"
        "The cine club\tEl cine club\t1\n"
    )


def test_titles_in_several_languages_from_one_table(tmp_path):
    table = "Water\tWasser\tAcqua\nSea\tMeer\t\nIt (novel)\tEs\tIt\nIdentità\t\tIdentità\n"
    result = induce("titles", "--langs", "de,it", "-o", tmp_path, input=table)
    assert result.stderr.splitlines() == [
        "cstool: en-de: 2 entries for 2 sources, 0 identical, 0 that no text can match; "
        "left out: 1 stop-word",
        "cstool: en-it: 2 entries for 2 sources, 1 identical, 0 that no text can match; "
        "left out: 1 stop-word",
    ]
    assert (tmp_path / "en-de.tsv").read_text() == "Water\tWasser\t1\nSea\tMeer\t1\n"
    assert "Water\tacqua\t1\n" in (tmp_path / "en-it.tsv").read_text()
    account = json.loads((tmp_path / "en-it.tsv.meta.json").read_text())
    assert account["counts"]["de"]["entries"] == 2
    wrong = induce("titles", "--langs", "de,it", "-o", tmp_path / "x", input="Water\tWasser\n")
    assert wrong.exit_code == 1
    assert "-:1: 'Water\\tWasser', expected source<TAB>target<TAB>target" in wrong.stderr


def test_options_of_titles(tmp_path):
    (tmp_path / "common").write_text("heart\n")
    (tmp_path / "text.es").write_text("Mi corazón es un corazón, un corazón.\n")
    titles = "Heart\tCorazón\nQueen (band)\tQueen\nYes (band)\tYes\nApollo 8\tApolo 8\n"

    def made(*options):
        return induce("titles", "--langs", "es", *options, input=titles).stdout

    assert made("--case", "title") == "Heart\tCorazón\t1\n"
    common = ["--common-words", tmp_path / "common"]
    assert made(*common, "--case", "title") == "Heart\tCorazón\t1\nQueen\tQueen\t1\n"
    assert made("--case-from", tmp_path / "text.{lang}") == "Heart\tcorazón\t1\n"
    kept = made("--keep", "stop-word,common-word,number,unmatchable", "--case", "title")
    assert kept.splitlines() == [
        "Heart\tCorazón\t1",
        "Queen\tQueen\t1",
        "Yes\tYes\t1",
        "Apollo 8\tApolo 8\t1",
    ]


@pytest.mark.parametrize("schema", ["2018", "2022"])
def test_dumps_become_a_lexicon_that_codeswitch_can_use(tmp_path, schema):
    page, langlinks = dumps(tmp_path, schema)
    lexicon = tmp_path / "lexicons" / "wiki"
    result = induce("titles", langlinks, page, "--langs", "de,ru", "-o", lexicon)
    assert (result.exit_code, result.stdout) == (0, "")
    assert (lexicon / "en-de.tsv").read_text(encoding="utf-8") == (
        "Water\tWasser\t1\nRock and roll\tRock ’n’ Roll\t1\nJava\tJava\t1\n"
    )
    assert (lexicon / "en-ru.tsv").read_text(encoding="utf-8") == "Water\tвода\t1\n"
    account = json.loads((lexicon / "en-de.tsv.meta.json").read_text())
    assert account["counts"]["de"]["left_out"] == {"ambiguous": 1, "no-article": 2, "stop-word": 1}
    assert [Path(one["path"]).name for one in account["inputs"]] == [page.name, langlinks.name]
    assert account["inputs"][0]["sha256"] == hashlib.sha256(page.read_bytes()).hexdigest()
    switched = CliRunner().invoke(
        app,
        ["codeswitch", "--lexicon", str(lexicon), "--ratio", "1", "--langs", "de"],
        input="q1\tIt can be WATER or rock and roll\n",
    )
    assert switched.stdout == "q1\tIt can be WASSER or Rock ’n’ Roll\n"


def test_a_titles_lexicon_from_linguatools_xml_on_stdin(tmp_path):
    xml = (
        '<?xml version="1.0"?><wikititles><translation id="1"><entry lang="de">Feuer</entry>'
        '<entry lang="en">Fire</entry></translation></wikititles>'
    )
    result = induce("titles", "--langs", "de", input=xml)
    assert result.stdout == "Fire\tFeuer\t1\n"
    swapped = induce("titles", "--source-lang", "de", "--langs", "en", input=xml)
    assert swapped.stdout == "Feuer\tfire\t1\n"
    bomb = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><a>&b;</a>'
    refused = induce("titles", "--langs", "de", input=bomb)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "cstool: -: has a DOCTYPE" in refused.stderr


def test_titles_are_downloaded_only_when_asked_for(tmp_path, mirror, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    lexicon = Path("lexicons/wiki")
    arguments = ["titles", "--langs", "de,ru", "-o", lexicon, "--mirror", mirror.url + "/"]
    refused = induce(*arguments, input="")
    assert "-: is empty" in refused.stderr
    assert mirror.asked == []
    result = induce(*arguments, "--download")
    assert (result.exit_code, result.stdout) == (0, "")
    kept = tmp_path / "cache" / "cstool" / "dumps"
    assert f"fetching the dumps page and langlinks of enwiki from {mirror.url} to " in result.stderr
    assert sorted(path.name for path in kept.iterdir()) == [
        "enwiki-20260101-langlinks.sql.gz",
        "enwiki-20260101-page.sql.gz",
    ]
    assert "Water\tWasser\t1\n" in (lexicon / "en-de.tsv").read_text()
    # The shipped lexicon of that name, which has "house", is not looked at any more.
    switch = ["codeswitch", "--lexicon", "wiki", "--ratio", "1", "--langs", "de"]
    text = "q1\tWater or rock and roll in the House\n"
    switched = CliRunner().invoke(app, switch, input=text).stdout
    assert switched == "q1\tWasser or Rock ’n’ Roll in the House\n"
    assert induce(*arguments, "--download", "--dump-date", "20260101").exit_code == 0
    wrong = induce(*arguments, "--download", "--dump-date", "20250101", "-o", tmp_path / "x")
    assert (wrong.exit_code, (tmp_path / "x").exists()) == (1, False)
    assert "20250101-sha1sums.txt: 404" in wrong.stderr


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"a": "page"}, "a (page): expected TSV, Linguatools' XML, or the two dumps"),
        ({"a": "page", "b": "page"}, "a (page) and b (page): expected"),
        ({"a": "page", "b": "tsv"}, "a (page) and b (TSV): expected"),
        ({"a": "tsv", "b": "tsv"}, "a (TSV) and b (TSV): expected"),
        ({"a": "page", "b": "empty"}, "b: is empty, expected TSV"),
        ({"a": "page", "b": "cut"}, "b: is cut off"),
        ({"a": "page", "b": "missing"}, "b: no such file"),
        ({"a": "broken.gz", "b": "page"}, "a.gz: Compressed file ended before"),
        ({"a": "binary"}, "a:1: is packed by gzip, expected text, or a name that ends in .gz"),
        ({"a": "comment"}, "a (SQL): expected TSV"),
    ],
)
def test_wrong_files_are_told_in_one_line_and_nothing_is_written(tmp_path, files, problem):
    page, langlinks = dumps(tmp_path, "2022")
    packed = gzip.compress(langlinks.read_bytes())
    contents = {
        "page": page.read_bytes(),
        "tsv": b"Water\tWasser\n",
        "empty": b"",
        "cut": langlinks.read_bytes()[:-60],
        "broken.gz": packed[:-20],
        "binary": packed,
        "comment": b"-- nothing\n",
    }
    paths = []
    for name, kind in files.items():
        paths.append(tmp_path / (name + ".gz" if kind.endswith(".gz") else name))
        if kind in contents:
            paths[-1].write_bytes(contents[kind])
    result = induce("titles", *paths, "--langs", "de", "-o", tmp_path / "lexicon")
    assert result.exit_code == 1
    assert problem in result.stderr.replace(f"{tmp_path}/", "")
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "lexicon").exists()


def test_no_file_is_written_if_one_language_has_no_entry(tmp_path):
    titles = "Water\tWasser\tVand\nApollo 8\t\tApollo 8\n".replace("Vand", "")
    result = induce("titles", "--langs", "de,da", "-o", tmp_path / "x", input=titles)
    assert result.exit_code == 1
    assert "no entry to write for da; left out: 1 number" in result.stderr
    assert not (tmp_path / "x").exists()


def test_swapped_languages_are_told_but_not_refused(tmp_path):
    pairs = "".join(f"слово{n} word{n}\n" for n in range(30))
    result = induce("dictionary", "--langs", "ru", "-o", tmp_path, input=pairs)
    assert result.exit_code == 0
    doubt = "en-ru: the sources look like ru, the targets like en: swapped?"
    assert f"cstool: warning: {doubt}" in result.stderr


def test_wiktionary_in_several_languages(tmp_path):
    entry = {
        "word": "dog",
        "lang_code": "en",
        "translations": [
            {"lang_code": "de", "word": "Hund"},
            {"lang_code": "ru", "word": "соба́ка"},
            {"lang_code": "de", "word": "Tö\tle"},
        ],
    }
    result = induce("dictionary", "--langs", "de,ru", "-o", tmp_path, input=json.dumps(entry))
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "en-de.tsv").read_text() == "dog\tHund\t1\n"
    assert (tmp_path / "en-ru.tsv").read_text(encoding="utf-8") == "dog\tсобака\t1\n"
    assert "en-de: 1 entries for 1 sources" in result.stderr
    assert "left out: 1 broken" in result.stderr


def test_a_dictionary_in_csv(tmp_path):
    path = tmp_path / "words.csv"
    path.write_text('ice cream,Eis\n"house, home",Haus,"a\nb"\n')
    result = induce("dictionary", path, "--langs", "de")
    assert result.stdout == "ice cream\tEis\t1\nhouse, home\tHaus\t1\n"
    path.write_text('ice cream,Eis\n"house')
    result = induce("dictionary", path, "--langs", "de", "-o", tmp_path / "x")
    assert result.exit_code == 1
    assert result.stderr.endswith("words.csv: ends within a quoted field: '\"house\\n'\n")


def test_a_line_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("cstool.files.MAX_LINE", 1 << 20)
    for command in ("dictionary", "titles"):
        result = induce(command, "--langs", "de", "-o", tmp_path / "x", input="x" * (2 << 20))
        assert result.exit_code == 1
        assert "-:1: is longer than 1 MiB" in result.stderr


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ([], "Missing option '--langs'"),
        (["--langs", "Deutsch"], "is no language code"),
        (["--langs", "de,de"], "a language is named twice"),
        (["--langs", "en"], "both languages are en"),
        (["--langs", "de,it"], "several languages make several files"),
        (["--langs", "de", "-o", "en-de.tsv"], "expected a lexicon's folder"),
    ],
)
def test_wrong_options(options, problem):
    result = induce("dictionary", *options, input=MUSE)
    assert result.exit_code == 2
    assert problem in " ".join(result.stderr.split())
    result = induce("titles", *options, input="")
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--keep", "lists"], "no rule lists; there are namespace, list,"),
        (["--mirror", "file:///etc"], "expected an http or https URL"),
        (["--dump-date", "yesterday"], "expected the date of a dump as 20260101, or latest"),
        (["--download", "page.sql.gz"], "--download and FILE: expected one of them"),
        (["--langs", "de,it", "-o", "x", "--case-from", "de.txt"], "expected {lang} where"),
        (["--case", "upper"], "'upper' is not one of"),
    ],
)
def test_wrong_options_of_titles(options, problem):
    result = induce("titles", "--langs", "de", *options, input="")
    assert result.exit_code == 2
    assert problem in " ".join(result.stderr.split())


@pytest.mark.realdata
def test_the_dictionary_of_the_paper_keeps_every_pair(real_data):
    source = real_data / "dictionaries" / "muse" / "en-de.txt.gz"
    result = induce("dictionary", source, "--target-lang", "de")
    lines = result.stdout.splitlines()
    assert len(lines) == 101931  # zcat en-de.txt.gz | sort -u | wc -l
    assert lines[:5] == [
        "the\tdie\t1",
        "the\tder\t0.5",
        "the\tdem\t0.333333333",
        "the\tden\t0.25",
        "the\tdas\t0.2",
    ]

"""From a file in its genuine format to a lexicon folder to a switched text, for every source."""

import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cstool.cli import app

DATA = Path(__file__).parents[1] / "data"
QUESTION = "q1\tCan a Dog, a cat or ICE CREAM be red?\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments, **how):
    result = CliRunner().invoke(app, [*map(str, arguments)], **how)
    assert result.exit_code == 0, result.output
    return result


def switched(*arguments, text=QUESTION, lang="de", more=()):
    """Make a lexicon of a file and switch every word of a text that it knows."""
    made = run("induce-lexicon", *arguments, "--target-lang", lang, "-o", "lexicons/made", *more)
    assert made.stdout == ""
    assert Path(f"lexicons/made/en-{lang}.tsv.meta.json").exists()
    return run("codeswitch", "--lexicon", "made", "--ratio", "1", input=text).stdout


MUSE = "dog hund\ndog köter\ncat katze\nred rot\n"
TABLE = "dog\tHund\t12\ncat\tKatze\t7\nice cream\tEis\t\nred\trot\t1\n"
COMMAS = 'english,german\ndog,Hund\ncat,"Katze"\n"ice cream",Eis\nred,rot\n'
WIKTIONARY = [
    {
        "word": "dog",
        "lang": "English",
        "lang_code": "en",
        "pos": "noun",
        "forms": [{"form": "dogs", "tags": ["plural"]}],
        "senses": [
            {"glosses": ["A mammal of the family Canidae."], "links": [["mammal", "mammal"]]}
        ],
        "translations": [
            {
                "lang": "German",
                "code": "de",
                "sense": "animal",
                "word": "Hund",
                "tags": ["masculine"],
            },
            {
                "lang": "Russian",
                "code": "ru",
                "roman": "sobáka",
                "sense": "animal",
                "word": "соба́ка",
            },
        ],
    },
    {
        "word": "ice cream",
        "lang": "English",
        "lang_code": "en",
        "pos": "noun",
        "senses": [{"translations": [{"lang_code": "de", "word": "Eis"}]}],
    },
    {"word": "Hund", "lang": "German", "lang_code": "de", "pos": "noun"},
]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("en-de.txt", MUSE, "q1\tCan a Hund, a katze or ICE CREAM be rot?\n"),
        ("pairs.tsv", TABLE, "q1\tCan a Hund, a Katze or EIS be rot?\n"),
        ("pairs.csv", COMMAS, "q1\tCan a Hund, a Katze or EIS be rot?\n"),
        (
            "kaikki.org-dictionary-English.jsonl",
            "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in WIKTIONARY),
            "q1\tCan a Hund, a cat or EIS be red?\n",
        ),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_dictionaries(folder, name, content, expected, packed):
    data = content.encode()
    path = folder / (f"{name}.gz" if packed else name)
    path.write_bytes(gzip.compress(data) if packed else data)
    assert switched("dictionary", path) == expected


def test_titles_in_tsv(folder):
    titles = (
        "Dog\tHund\nCat\tKatze\nIce cream\tSpeiseeis\nCan (band)\tCan\nRed (film)\tRot (Film)\n"
    )
    (folder / "titles.tsv").write_text(titles)
    assert switched("titles", "titles.tsv") == "q1\tCan a Hund, a Katze or SPEISEEIS be red?\n"


def test_titles_in_the_xml_of_linguatools(folder):
    """The first letter of its words is small where titles say so."""
    pairs = [("Hund", "Dog"), ("Katze", "Cat"), ("Speiseeis", "Ice cream"), ("Rot", "Red (color)")]
    translations = "".join(
        f'<translation id="{number}">\n<entry lang="de">{german}</entry>\n'
        f'<redirects lang="de"><redirect>{german}e</redirect></redirects>\n'
        f'<entry lang="en">{english}</entry>\n'
        f'<categories lang="en"><category>Thing</category></categories>\n</translation>\n'
        for number, (german, english) in enumerate(pairs)
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<wikititles name="de-en">\n<header/>\n'
    xml = f"{head}<translations>\n{translations}</translations>\n</wikititles>\n"
    (folder / "wikititles-2014_deen.xml.gz").write_bytes(gzip.compress(xml.encode()))
    with zipfile.ZipFile(folder / "published.zip", "w") as archive:  # as it is published
        archive.writestr("wikititles-2014_deen.xml", xml)
    expected = "q1\tCan a Hund, a Katze or SPEISEEIS be red?\n"
    assert switched("titles", "wikititles-2014_deen.xml.gz") == expected
    refused = CliRunner().invoke(
        app, ["induce-lexicon", "titles", "published.zip", "--langs", "de", "-o", "x"]
    )
    assert (refused.exit_code, (folder / "x").exists()) == (1, False)


def dump(folder, table, head, *statements):
    text = b"".join([(DATA / head).read_bytes(), *statements, (DATA / "tail.sql").read_bytes()])
    (folder / f"enwiki-20260101-{table}.sql.gz").write_bytes(gzip.compress(text))


OLD = "({},0,'{}','',0,0,0.33,'20180730175243','20180730175353',834079434,122,'wikitext',NULL)"
NEW = "({},0,'{}',0,0,0.33,'20220602051933',NULL,373819,2575,'wikitext',NULL)"


def inserted(table, rows):
    return f"INSERT INTO `{table}` VALUES {','.join(rows)};\n".encode()


@pytest.mark.parametrize(("head", "row"), [("page-2018", OLD), ("page-2022", NEW)])
def test_titles_in_the_dumps_of_wikipedia(folder, head, row):
    names = ["Dog", "Cat", "Ice_cream", "Can_(band)"]
    pages = [row.format(number, name) for number, name in enumerate(names, start=10)]
    german = ["Hund", "Katze", "Speiseeis", "Can (Band)"]
    links = [f"({number},'de','{name}')" for number, name in enumerate(german, start=10)]
    dump(folder, "page", f"{head}.head.sql", inserted("page", pages))
    dump(folder, "langlinks", "langlinks.head.sql", inserted("langlinks", links))
    dumps = sorted(folder.glob("*.sql.gz"))
    assert switched("titles", *dumps) == "q1\tCan a Hund, a Katze or SPEISEEIS be red?\n"


@pytest.mark.realdata
def test_genuine_lines_of_dumps(folder, real_data):
    """The links are genuine, and so are the lines of page that stand beside the articles made."""
    fixtures = real_data / "fixtures"
    dump(
        folder,
        "langlinks",
        "langlinks.head.sql",
        *((fixtures / f"langlinks.{lang}.sql").read_bytes() for lang in ("es", "fr")),
    )
    articles = {164993: "Algernon_Blackwood", 6043477: "Nowhere", 226379: "1640_in_literature"}
    articles |= {23728564: "Algernon_Percy_(diplomat)"}
    for head, name, row in (
        ("page-2018", "page.sql", OLD),
        ("page-2022", "page_2022_schema.sql", NEW),
    ):
        made = inserted("page", [row.format(*article) for article in sorted(articles.items())])
        dump(folder, "page", f"{head}.head.sql", (fixtures / name).read_bytes(), b"\n", made)
        found = switched(
            "titles",
            *sorted(folder.glob("*.sql.gz")),
            lang="es",
            text="q1\tWho was ALGERNON PERCY or Algernon Blackwood?\n",
        )
        assert found == "q1\tWho was ALGERNON PERCY or Algernon Blackwood?\n"
        lines = Path("lexicons/made/en-es.tsv").read_text(encoding="utf-8")
        assert lines == (
            "Algernon Blackwood\tAlgernon Blackwood\t1\nAlgernon Percy\tAlgernon Percy\t1\n"
        )


@pytest.mark.realdata
def test_genuine_titles_and_a_genuine_dictionary(real_data):
    dictionaries = real_data / "dictionaries"
    question = "q1\tIs it a war film of the UNITED STATES MARINE CORPS?\n"
    titles = dictionaries / "titles" / "wikipedia-titles.en-es.tsv.gz"
    longer = ["--max-words", 4]
    assert switched("titles", titles, lang="es", text=question, more=longer) == (
        "q1\tIs it a cine bélico of the CUERPO DE MARINES DE LOS ESTADOS UNIDOS?\n"
    )
    muse = dictionaries / "muse" / "en-de.txt.gz"
    assert (
        switched("dictionary", muse, text="q1\tthe water, the house\n")
        == "q1\tdie wasser, die haus\n"
    )


WORDS = {"dog": "hund", "cat": "katze", "ice": "eis", "red": "rot", "can": "kann", "or": "oder"}


def vectors(folder):
    """Write vectors as MUSE publishes them: in one space, so that translations lie near."""
    rng = np.random.default_rng(1)
    matrix = rng.standard_normal((len(WORDS), 8))
    for language, names in (("en", WORDS.keys()), ("de", WORDS.values())):
        shifted = matrix + 0.01 * rng.standard_normal(matrix.shape)
        lines = [f"{len(WORDS)} 8"]
        lines += [
            f"{name} {' '.join(map(str, row))}" for name, row in zip(names, shifted, strict=True)
        ]
        (folder / f"wiki.multi.{language}.vec").write_text("\n".join(lines) + "\n")


def test_word_vectors_as_the_paper_used_them(folder):
    vectors(folder)
    given = ["--source", "wiki.multi.en.vec", "--target", "wiki.multi.de.vec", "--preset", "paper"]
    found = switched("embeddings", *given)
    assert found == "q1\tKann a Hund, a katze oder EIS CREAM be rot?\n"


def test_a_fasttext_model(folder):
    """Its words on both sides, by the words that are the same: every word finds itself."""
    fasttext = pytest.importorskip("fasttext")
    (folder / "text").write_text("the dog and the cat or the red ice\n" * 100)
    trained = fasttext.train_unsupervised(
        "text", dim=10, minCount=1, bucket=100, thread=10, epoch=1, verbose=0
    )
    trained.save_model("cc.en.bin")
    given = ["--source", "cc.en.bin", "--target", "cc.en.bin", "--seed-pairs", "identical"]
    assert switched("embeddings", *given, "--align", "procrustes") == QUESTION


@pytest.mark.realdata
def test_genuine_word_vectors(folder, real_data):
    """Twenty words with ten seed pairs; they rather show the format than what vectors can do."""
    name = "1-10.cbow1_wind5_hs0_neg10_size300_smpl1e-05.txt"
    fixtures = real_data / "fixtures"
    given = ["--source", fixtures / f"EN.{name}", "--target", fixtures / f"IT.{name}"]
    given += ["--seed-pairs", fixtures / "OPUS_en_it_europarl_train_one2ten.txt"]
    found = switched("embeddings", *given, lang="it", text="q1\tone DOG or two birds\n")
    assert found == "q1\tuno CANE or due uccelli\n"
    text = fixtures / "crime-and-punishment.bin"
    given = ["--source", text, "--target", text, "--seed-pairs", "identical"]
    assert "и" in switched("embeddings", *given, lang="ru", text="q1\tи в the\n")

from collections import Counter
from pathlib import Path

import pytest

from cstool.lexicons.titleindex import TitleIndex
from cstool.lexicons.titles import Link
from cstool.lexicons.wikipedia import Pages

DATA = Path(__file__).parents[1] / "data"
OLD = "({},{},'{}','',{},0,0.33,'20180730175243','20180730175353',834079434,122,'wikitext',NULL)"
NEW = "({},{},'{}',{},0,2.5e-05,'20220602051933',NULL,373819,2575,'wikitext',NULL)"
PAGES = [
    (2, 1, "Main_Page", 0),
    (7, 0, "Algernon_Blackwood", 0),
    (10, 0, "AccessibleComputing", 1),
    (12, 14, "Water", 0),
    (25, 0, "Rock_\\'n\\'_Roll", 0),
    (39, 0, "Føroya_(band)", 0),
]
LINKS = [
    (7, "es", "Algernon Blackwood"),
    (7, "zh-yue", "阿"),
    (10, "es", "Accesibilidad"),
    (12, "es", "Categoría:Agua"),
    (25, "es", "Rock \\'n\\' Roll"),
    (39, "de", "Färöer (Band)"),
    (77, "es", "Nada"),
]


def dump(table, head, rows):
    text = (DATA / head).read_text() + f"INSERT INTO `{table}` VALUES {','.join(rows)};\n"
    return [(text + (DATA / "tail.sql").read_text()).encode()]


def page_dump(rows, head="page-2022.head.sql", row=NEW):
    return dump("page", head, [row.format(*values) for values in rows])


def links_dump(rows=LINKS):
    return dump("langlinks", "langlinks.head.sql", [f"({n},'{code}','{t}')" for n, code, t in rows])


def linked(pages, *languages):
    left_out = {language: Counter() for language in languages}
    return list(pages.links(links_dump(), languages, left_out)), left_out


@pytest.mark.parametrize(
    ("head", "row"), [("page-2018.head.sql", OLD), ("page-2022.head.sql", NEW)]
)
def test_links_of_articles_alone_in_the_old_schema_and_the_new(head, row):
    pages = Pages(page_dump(PAGES, head, row), TitleIndex())
    assert len(pages) == 3
    assert linked(pages, "es", "zh_yue") == (
        [
            Link("Algernon Blackwood", "es", "Algernon Blackwood"),
            Link("Algernon Blackwood", "zh_yue", "阿"),
            Link("Rock 'n' Roll", "es", "Rock 'n' Roll"),
        ],
        {"es": {"no-article": 3}, "zh_yue": {}},
    )


def test_ids_in_any_order():
    pages = Pages(page_dump(PAGES[::-1]), TitleIndex())
    assert [link.source for link in linked(pages, "es", "de")[0]] == [
        "Algernon Blackwood",
        "Rock 'n' Roll",
        "Føroya (band)",
    ]


def test_no_article_has_no_links():
    pages = Pages(page_dump(PAGES[:1]), TitleIndex())
    assert linked(pages, "de") == ([], {"de": {"no-article": 1}})


def test_the_index_knows_articles_and_redirects():
    index = TitleIndex()
    pages = [(1, 0, "Mars_(band)", 0), (2, 0, "Mars", 1), (3, 0, "Venus_(band)", 0)]
    Pages(page_dump([*pages, (4, 2, "Venus", 0)]), index)
    index.close()
    assert index.is_taken("Mars")
    assert not index.is_taken("Venus")


def test_bytes_that_are_no_utf8_are_shown_as_such():
    broken = [block.replace("阿".encode(), b"\xe9") for block in links_dump()]
    pages = Pages(page_dump(PAGES), TitleIndex())
    (link,) = pages.links(broken, ["zh_yue"], {})
    assert link.target == "\ufffd"


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("head", "lines", "articles"),
    [
        # page_namespace is 0 and page_is_redirect 0 in none of 4, and in 4 of 9 rows
        ("page-2018.head.sql", "page.sql", 0),
        ("page-2022.head.sql", "page_2022_schema.sql", 4),
    ],
)
def test_genuine_lines_of_page(real_data, head, lines, articles):
    genuine = (real_data / "fixtures" / lines).read_bytes()
    index = TitleIndex()
    pages = Pages([(DATA / head).read_bytes(), genuine, (DATA / "tail.sql").read_bytes()], index)
    assert len(pages) == articles


@pytest.mark.realdata
def test_genuine_lines_of_langlinks(real_data):
    genuine = [
        (real_data / "fixtures" / f"langlinks.{name}.sql").read_bytes() for name in ("es", "fr")
    ]
    blocks = [
        (DATA / "langlinks.head.sql").read_bytes(),
        *genuine,
        (DATA / "tail.sql").read_bytes(),
    ]
    ids = (24509264, 995766, 226379)
    pages = Pages(page_dump([(n, 0, f"Page_{n}", 0) for n in ids]), TitleIndex())
    left_out = {"es": Counter(), "fr": Counter()}
    assert list(pages.links(blocks, ["es", "fr"], left_out)) == [
        Link("Page 24509264", "es", "Algeripithecus"),
        Link("Page 995766", "es", "Algernon Bertram Freeman Mitford"),
        Link("Page 226379", "fr", "1640 en littérature"),
    ]
    assert left_out == {"es": {"no-article": 9}, "fr": {"no-article": 14}}


def test_page_ids_that_no_wiki_has_are_told():
    for number in (1 << 32, "NULL"):
        with pytest.raises(ValueError, match="has a page id that is no number of 32 bits"):
            Pages(page_dump([(number, 0, "Water", 0)]), TitleIndex())


def test_titles_with_line_breaks_stay_apart_from_their_neighbours():
    pages = Pages(page_dump([(7, 0, "Fire\\nside", 0), (8, 0, "Water", 0)]), TitleIndex())
    dumped = links_dump([(7, "de", "Feuer"), (8, "de", "Was\\nser"), (8, "de", "Wasser")])
    assert list(pages.links(dumped, ["de"], {"de": Counter()})) == [
        Link("Fire\nside", "de", "Feuer"),
        Link("Water", "de", "Was\nser"),
        Link("Water", "de", "Wasser"),
    ]

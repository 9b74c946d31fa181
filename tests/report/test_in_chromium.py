"""The page in a real browser: nothing complains, tables sort, queries can be looked at."""

import importlib.util
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cstool.cli import app

pytestmark = pytest.mark.browser
EVIL = "<script>document.title='hacked'</script><img src=x onerror=\"document.title='hacked'\">"
QUERIES = {"q1": f"who {EVIL}?", "q2": "كيف حالك", "q3": "three"}


def _chromium():
    spec = importlib.util.spec_from_file_location(
        "chromium", Path(__file__).with_name("chromium.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Chromium()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two systems, two pairs of languages, three queries, and a passage that is a script."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "qrels.tsv").write_text("".join(f"{qid} 0 p{qid[1]} 1\n" for qid in QUERIES))
    for name, places in {
        "zero/1/en-de": (1, 3, 2), "ml<b>/1/en-de": (1, 1, 3), "zero/1/de-de": (2, 2, 2),
        "ml<b>/1/de-de": (1, 1, 1),
    }.items():  # fmt: skip
        path = folder / f"runs/{name}.trec"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as out:
            for qid, place in zip(QUERIES, places, strict=True):
                others = [pid for pid in ("p1", "p2", "p3", "p4") if pid != f"p{qid[1]}"]
                others.insert(place - 1, f"p{qid[1]}")
                for rank, pid in enumerate(others, 1):
                    out.write(f"{qid} Q0 {pid} {rank} {-rank} x\n")
    for language in ("en", "de"):
        (folder / f"queries.{language}.tsv").write_text(
            "".join(f"{qid}\t{text}\n" for qid, text in QUERIES.items())
        )
    (folder / "passages.de.tsv").write_text(f"p1\t{EVIL}\np2\tzwei\np3\tdrei\np4\tvier\n")
    mark = '"switched":{"query":[[0,5,"house"]],"passage":[]}'
    (folder / "train.jsonl").write_text(
        f'{{"qid":"q","query":"casa? <b>","pid":"p","passage":"x","label":1,{mark}}}\n'
    )
    for arguments in (
        ["evaluate", "qrels.tsv", "runs", "--baseline", "zero", "--intervals", "-o", "x.json",
         "--measures", "mrr,map"],
        ["report", "x.json", "-o", "x.html", "--runs", "runs", "--qrels", "qrels.tsv",
         "--queries", "queries.{lang}.tsv", "--passages", "passages.{lang}.tsv",
         "--examples", "train.jsonl", "--title", f"A page {EVIL}", "--depth", "2"],
    ):  # fmt: skip
        named = [
            f"{folder}/{word}" if "." in word or word == "runs" else word for word in arguments[1:]
        ]
        named = [word.removeprefix(f"{folder}/") if EVIL in word else word for word in named]
        result = CliRunner().invoke(app, [arguments[0], *named])
        assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="module")
def chromium():
    with _chromium() as found:
        yield found


@pytest.fixture
def opened(folder, chromium):
    chromium.screen(1400, 900, "light")
    chromium.open((folder / "x.html").as_uri())
    return chromium


def texts(chromium, selector):
    return chromium.run(
        "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent.trim())",
        selector,
    )


def test_it_opens_without_a_complaint_and_no_script_of_the_data_runs(opened):
    assert opened.errors() == []
    assert opened.run("return document.title") == f"A page {EVIL}"
    assert opened.run("return document.querySelectorAll('main img').length") == 0
    assert any(f"who {EVIL}?" in text for text in texts(opened, "#list button"))
    assert any(EVIL in text for text in texts(opened, "#shown .hit"))
    assert texts(opened, "tbody th")[1] in ("ml<b>", "zero")


def test_it_asks_nobody_for_anything(opened):
    loaded = opened.run("return performance.getEntriesByType('resource').map((e) => e.name)")
    assert [name for name in loaded if not name.startswith("data:")] == []


def test_tables_sort_both_ways_and_say_so(opened):
    column = "#tables table.sortable:first-of-type"
    script = (
        "const head = document.querySelectorAll('#tables table')[0].tHead.rows[0].cells[2];"
        "head.querySelector('button').click(); return head.getAttribute('aria-sort')"
    )

    def values():
        return opened.run(
            "return [...document.querySelectorAll('#tables table')[0].tBodies[0].rows]"
            ".map((row) => Number(row.cells[2].dataset.key))"
        )

    before = values()
    assert opened.run(script) == "descending"
    assert values() == sorted(before, reverse=True) != before
    assert opened.run(script) == "ascending"
    assert values() == sorted(before)
    assert texts(opened, f"{column} caption")[0] == "mrr"


def test_queries_of_two_systems_side_by_side(opened):
    assert texts(opened, "#pair option") == ["de-de", "en-de"]
    assert opened.run("return document.getElementById('pair').value") == "en-de"
    # The query on which both differ most comes first: q2, at rank 3 and at rank 1.
    assert texts(opened, "#list small") == ["0.333 | 1.000", "0.500 | 0.333", "1.000 | 1.000"]
    assert texts(opened, "#shown h3") == ["كيف حالك"]
    assert texts(opened, "#shown h4") == ["zero: mrr 0.333", "ml<b>: mrr 1.000"]
    # Two passages each, and the relevant one where it comes later.
    assert [text.split()[0] for text in texts(opened, "#shown .hit")] == ["1", "2", "3", "1", "2"]
    relevant = texts(opened, "#shown .hit.relevant")
    assert relevant == ["3 · p2 ✓ relevantzwei", "1 · p2 ✓ relevantzwei"]
    assert opened.run("return document.querySelector('#shown .hit p + p').lang") == "de"


def test_the_keyboard_goes_through_the_queries(opened):
    opened.run("document.querySelector('#list button').focus()")
    opened.press("\ue015")  # arrow down
    assert texts(opened, "#shown h3") == ["three"]
    opened.press("\ue013")  # arrow up
    assert texts(opened, "#shown h3") == ["كيف حالك"]


def test_queries_are_filtered_and_pairs_chosen(opened):
    type_ = (
        "const e = document.getElementById(arguments[0]); e.value = arguments[1];"
        "e.dispatchEvent(new Event(arguments[2]))"
    )
    opened.run(type_, "filter", "THREE", "input")
    assert texts(opened, "#list span") == ["three"]
    opened.run(type_, "filter", "nothing like it", "input")
    assert texts(opened, "#shown p") == ["No query fits."]
    opened.run(type_, "filter", "", "input")
    opened.run(type_, "pair", "de-de", "change")
    assert texts(opened, "#shown h4") == ["zero: mrr 0.500", "ml<b>: mrr 1.000"]


def test_switched_words_are_marked(opened):
    assert texts(opened, "#samples .sample mark") == ["casa?"]
    assert texts(opened, "#samples rt") == ["house"]
    assert "<b>" in texts(opened, "#samples .query")[0]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_it_fits_and_can_be_read(opened, width, theme):
    opened.screen(width, 900, theme)
    assert opened.run("return document.documentElement.scrollWidth") <= width
    # Contrast (WCAG 2.2, 1.4.3): text against the ground, at least 4.5 to 1.
    low = opened.run("""
      const channels = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
      const light = (colour) => channels(colour).map((c) => c / 255)
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
      const ground = (element) => {
        for (let e = element; e; e = e.parentElement) {
          const colour = getComputedStyle(e).backgroundColor;
          if (!colour.startsWith("rgba")) return colour;
        }
        return "rgb(255, 255, 255)";
      };
      const found = [];
      const all = "h1,h2,p,td,th,dt,dd,a,summary,mark,rt,.tag,small,figcaption";
      for (const element of document.querySelectorAll(all)) {
        if (!element.textContent.trim()) continue;
        const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) found.push(`${element.tagName} ${element.className} ${ratio.toFixed(2)}`);
      }
      return found;
    """)  # fmt: skip
    assert low == []
    ink = opened.run(
        "return getComputedStyle(document.querySelector('figure svg text')).fill === "
        "getComputedStyle(document.body).color"
    )
    assert ink is True


def test_it_prints_on_white_with_everything_open_and_nothing_cut(opened):
    opened.screen(1000, 700, "dark")
    opened.cdp("Emulation.setEmulatedMedia", media="print", features=[])
    shown = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
    assert opened.run(shown, "nav", "display") == "none"
    assert opened.run(shown, ".hit.relevant", "backgroundColor") == "rgb(231, 245, 236)"
    assert opened.run("return document.documentElement.scrollWidth") <= 1000
    count = "return document.querySelectorAll('details:not([open])').length"
    closed = opened.run(count)
    assert closed > 0
    opened.run("dispatchEvent(new Event('beforeprint'))")
    assert opened.run(count) == 0
    opened.run("dispatchEvent(new Event('afterprint'))")
    assert opened.run(count) == closed
    opened.cdp("Emulation.setEmulatedMedia", media="", features=[])


def test_everything_that_acts_has_a_name_and_pictures_a_caption(opened):
    nameless = opened.run("""
      return [...document.querySelectorAll("button, select, input, a, [role=region]")]
        .filter((e) => !(e.textContent.trim() || e.getAttribute("aria-label") || e.labels?.length))
        .map((e) => e.outerHTML);
    """)
    assert nameless == []
    assert opened.run(
        "return [...document.querySelectorAll('figure')]"
        ".every((e) => e.querySelector('figcaption').textContent)"
    )
    assert opened.run("return document.querySelectorAll('h1').length") == 1

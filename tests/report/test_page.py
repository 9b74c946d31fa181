import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from cstool.cli import app
from cstool.evaluate import Judgements
from cstool.measures import parse
from cstool.records import Example, Hit, Qrel
from cstool.report import pictures
from cstool.report.browser import Browser
from cstool.report.page import Content, page
from cstool.report.samples import Piece, samples
from cstool.results import ALL, Cell, Column, Listing, Results, Row, Table
from cstool.runfiles import RunFile
from cstool.significance import Interval

EVIL = '</script></text><script>alert("1")</script><img src=x onerror=alert(2)>'
DE, RU, GROUP = Column("en", "de"), Column("en", "ru"), Column("CLIR", ALL)


def results(system="b"):
    def cell(value, **more):
        return Cell(value, interval=Interval(value - 0.1, value + 0.1), **more)

    rows = [
        Row("chance", {DE: Cell(0.1), RU: Cell(0.1), GROUP: Cell(0.1)}, {}, reference=True),
        Row(
            "a", {DE: cell(0.4), RU: cell(0.3), GROUP: cell(0.35)}, {DE: {"1": 0.4}, RU: {"1": 0.3}}
        ),
        Row(
            system,
            {
                DE: cell(0.6, p=0.001, corrected=0.003, difference=0.2),
                RU: cell(0.2, p=0.5, corrected=1.0, difference=-0.1, detectable=0.3),
                GROUP: cell(0.4, p=0.01, corrected=0.03, difference=0.05),
            },
            {DE: {"1": 0.6}, RU: {"1": 0.2}},
        ),
    ]
    tables = [
        Table(name, [DE, RU, GROUP], rows, "a", [f"Note {EVIL}"], True) for name in ("mrr", "map")
    ]
    return Results(tables, [Listing(f"list {EVIL}", ["x"], [[EVIL]], [EVIL])])


class Tags(HTMLParser):
    """Collects elements and the text outside of scripts and styles."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_data(self, data):
        self.text.append(data)


def parsed(html):
    found = Tags()
    found.feed(html)
    found.close()
    return found


def content(text=EVIL):
    browser = Browser(parse("mrr"))
    judged = Judgements.of([Qrel("q1", "p1", 1)])
    for system in ("a", "b"):
        browser.add(RunFile(Path("x"), system, "en", "de"), [Hit("q1", "p1", 1.0)], judged)
    data = browser.data(lambda language: {"q1": text}, lambda language: {"p1": text})
    sample = Example("q", f"x {text}", "p", text, 1, {"switched": {"query": [[0, 1, text]]}})
    browser_data = {**data, "left": "a", "right": "b", "first": "en-de"}
    return Content(text, browser_data, {text: samples([sample], 3)}, {text: [(1, 0.5), (2, 0.4)]})


def test_what_comes_from_data_is_text():
    html = page(results(EVIL), content())
    found = parsed(html)
    assert found.tags.count("script") == 2  # the data and the program
    assert not [item for item in found.attributes if item[1].startswith("on")]
    assert not [tag for tag in found.tags if tag in ("img", "iframe", "object", "embed")]
    shown = "".join(found.text)
    assert shown.count('<script>alert("1")</script>') >= 10  # it is all there to be read
    plain = page(results("b"), content("text"))
    # But for the ticks of pictures, which depend on how long names are.
    drawn = ("g", "path", "use", "text", "defs")
    ours, theirs = (
        Counter(tag for tag in one.tags if tag not in drawn) for one in (found, parsed(plain))
    )
    assert ours == theirs


def test_nothing_is_loaded_from_elsewhere():
    found = parsed(page(results(), content("text")))
    links = [
        value
        for tag, name, value in found.attributes
        if name in ("src", "href", "xlink:href", "action", "poster", "data")
    ]
    assert links and all(link.startswith(("#", "data:,")) for link in links)
    assert "@import" not in "".join(found.text) and not re.search(
        r"url\((?!#)", page(results(), content("text"))
    )


def test_ids_are_there_once_and_links_lead_to_them():
    found = parsed(page(results(), content("text")))
    ids = [value for _, name, value in found.attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    targets = {
        value[1:]
        for _, name, value in found.attributes
        if name in ("href", "xlink:href") and value.startswith("#")
    }
    assert targets <= set(ids)


def test_numbers_are_those_of_the_table():
    html = page(results(), Content())
    cells = re.findall(r'<td class="number([^"]*)"[^>]*>([^<]*)<span class="mark">([^<]*)', html)
    assert [text for _, text, _ in cells[:9]] == ["0.100"] * 3 + [
        "0.350",
        "0.400",
        "0.300",
        "0.400",
        "0.600",
        "0.200",
    ]
    assert [mark for *_, mark in cells[6:9]] == ["*", "*", ""]
    assert ["best" in look for look, *_ in cells[3:9]] == [False, False, True, True, True, False]
    for absent in ("Queries", "Training samples", "Curves"):
        assert f">{absent}</h2>" not in html


def test_same_results_same_page():
    assert page(results(), content()) == page(results(), content())


def test_pictures_take_the_colours_of_the_page():
    drawn = pictures.groups(results().tables[0]) + pictures.heat_maps(results().tables[0])
    assert [picture.caption for picture in drawn] == [
        "CLIR: mrr", "a: mrr", "b: mrr", "b minus a: mrr"
    ]  # fmt: skip
    for picture in pictures.inlined(drawn):
        assert "currentColor" in picture.svg and "#010203" not in picture.svg
        assert "<style" not in picture.svg and "<metadata" not in picture.svg
        # Text without a colour of its own would be black on black ground.
        for text in re.findall(r"<text[^>]*>", picture.svg):
            assert "fill:" in text or 'fill="' in text, text


def test_numbers_of_a_heat_map():
    [_, _, difference] = pictures.heat_maps(results().tables[0])
    assert re.findall(r">([-+−]?\.\d\d[*=~]?)<", difference.svg) == ["+.20*", "-.10"]
    assert pictures.heat_maps(Table("mrr", [GROUP], results().tables[0].rows)) == []


def test_curves_of_ratios():
    rows = [Row("zero-shot", {GROUP: Cell(0.1)}, {})]
    rows += [Row(f"ratio-{ratio}", {GROUP: Cell(0.2)}, {}) for ratio in ("0.25", "0.5", "1.0")]
    table = Table("mrr", [GROUP], rows, "zero-shot")
    [picture] = pictures.ratios(table)
    assert picture.caption == "ratio: mrr by ratio, dotted: the baseline"
    assert pictures.ratios(Table("mrr", [GROUP], rows[:2])) == []


def test_samples_are_cut_where_words_were_replaced():
    rows = [
        Example("q0", "a", "p0", "b", 1),
        Example("q1", "il gatto и sleeps", "p1", "no", 1,
                {"switched": {"query": [[3, 8, "cat"], [9, 10, "and"]]}}),
        Example("q1", "again", "p2", "il", 1, {"switched": {"passage": [[0, 2, "the"]]}}),
        Example("q2", "x", "p3", "il", 0, {"switched": {"passage": [[0, 2, "the"]]}}),
    ]  # fmt: skip
    [found] = samples(rows, 5)
    assert found.query == [
        Piece("il "), Piece("gatto", "cat", "latin"), Piece(" "), Piece("и", "and", "cyrillic"),
        Piece(" sleeps"),
    ]  # fmt: skip
    assert found.passage == [Piece("no")]


def test_browser_shows_the_queries_that_tell_most():
    judged = Judgements.of([Qrel(qid, "right", 1) for qid in ("same", "small", "large", "none")])
    ranks = {"a": {"same": 1, "small": 2, "large": 4}, "b": {"same": 1, "small": 3, "large": 1}}
    browser = Browser(parse("mrr"), queries=3, depth=2)
    for system, places in ranks.items():
        hits = [
            Hit(qid, "right" if rank == place else f"p{rank}", -rank)
            for qid, place in places.items()
            for rank in range(1, 6)
        ]
        browser.add(RunFile(Path("x"), system, "en", "de"), hits, judged)
    data = browser.data(lambda language: {"large": "big?"}, lambda language: {"right": "x" * 999})
    [found] = data["pairs"]
    assert [query["qid"] for query in found["queries"]] == ["large", "small", "same"]
    large = found["queries"][0]
    assert large["text"] == "big?" and large["relevant"] == ["right"] and large["judged"] == 1
    assert large["systems"]["a"] == {"value": 0.25, "top": ["p1", "p2"], "first": (4, "right")}
    assert large["systems"]["b"]["top"] == ["right", "p2"]
    assert len(data["texts"]["de"]["right"]) == 700


QRELS = "q1 0 p1 1\nq2 0 p2 1\nq3 0 p1 1\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "qrels.tsv").write_text(QRELS)
    for system, scores in (("a", (1, 2)), ("b", (2, 1))):
        path = tmp_path / f"runs/{system}/1/en-de.trec"
        path.parent.mkdir(parents=True)
        path.write_text(
            "".join(f"q{q} Q0 p{p} 1 {s} x\n" for q in (1, 2, 3) for p, s in enumerate(scores, 1))
        )
    (tmp_path / "queries.en.tsv").write_text("q1\tone <b>?\nq2\ttwo?\nq3\tthree?\n")
    (tmp_path / "passages.de.tsv").write_text("p1\teins\np2\tzwei\n")
    result = CliRunner().invoke(
        app,
        ["evaluate", f"{tmp_path}/qrels.tsv", f"{tmp_path}/runs", "--baseline", "a", "--intervals",
         "-o", f"{tmp_path}/results.json"],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return tmp_path


def report(folder, *options, code=0):
    arguments = ["report", f"{folder}/results.json", "-o", f"{folder}/report.html"]
    result = CliRunner().invoke(app, [*arguments, *map(str, options)])
    assert result.exit_code == code, result.output
    return result


def test_command(folder):
    assert "4 tables, " in report(folder).stderr
    alone = (folder / "report.html").read_text(encoding="utf-8")
    assert "<!doctype html>" in alone and 'id="data"' not in alone
    texts = (
        "--queries",
        f"{folder}/queries.{{lang}}.tsv",
        "--passages",
        f"{folder}/passages.{{lang}}.tsv",
    )
    report(folder, "--runs", folder / "runs", "--qrels", folder / "qrels.tsv", *texts)
    html = (folder / "report.html").read_text(encoding="utf-8")
    data = orjson.loads(html.split('type="application/json">')[1].split("</script>")[0])
    assert data["texts"] == {"de": {"p1": "eins", "p2": "zwei"}}
    assert {query["text"] for query in data["pairs"][0]["queries"]} >= {"one <b>?"}
    assert (data["left"], data["right"], data["first"]) == ("a", "b", "en-de")
    account = orjson.loads((folder / "report.html.meta.json").read_bytes())
    assert account["counts"]["pairs"] == 1 and account["counts"]["tables"] == 4


def test_wrong_input(folder):
    report(folder, "--runs", folder / "runs", code=2)
    report(folder, "--queries", "q.tsv", code=2)
    (folder / "results.json").write_text("{}")
    assert "expected what `cstool evaluate" in report(folder, code=1).stderr
    assert not (folder / "report.html").exists()


def test_unmarked_examples_are_told(folder):
    (folder / "train.jsonl").write_text(
        '{"qid":"q","query":"x","pid":"p","passage":"y","label":1}\n'
    )
    assert "no example is marked" in report(folder, "--examples", folder / "train.jsonl").stderr

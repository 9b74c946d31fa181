import gzip

import orjson
import pytest
from typer.testing import CliRunner

from cstool.cli import app
from cstool.power import effect

QRELS = "q1 0 p1 1\nq2 0 p2 1\nq3 0 p3 1\n"
# MRR 1, 1/2 and, forgotten, 0: 1/2. Chance 3/4, 3/4 and 0: 1/2. Oracle 1, 1 and 0: 2/3.
RUN = "q1 Q0 p1 1 2.0 a\nq1 Q0 p9 2 1.0 a\nq2 Q0 p2 1 1.0 a\nq2 Q0 p9 2 2.0 a\n"
BEST = "".join(f"q{i} Q0 p{i} 1 1.0 b\nq{i} Q0 p9 2 0.5 b\n" for i in (1, 2, 3))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "qrels.tsv").write_text(QRELS)
    for name, run in {
        "a/1/en-de": RUN, "a/2/en-de": BEST, "a/1/en-en": RUN, "b/1/en-de": BEST, "b/1/en-en": BEST
    }.items():  # fmt: skip
        path = tmp_path / "runs" / f"{name}.trec"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(run)
    return tmp_path


def evaluate(*arguments, code=0, **extra):
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments)], **extra)
    assert result.exit_code == code, result.output
    return result


def test_table_goes_to_stdout_and_the_summary_to_stderr(folder):
    result = evaluate(
        folder / "qrels.tsv", "-", "--measures", "mrr@10", input=RUN, terminal_width=40
    )
    assert result.stdout == (
        "mrr@10\n"
        "system  seeds   value\n"
        "─────────────────────\n"
        "chance      -   0.500\n"
        "stdin       1   0.500\n"
        "oracle      -   0.667\n"
        "\n"
        "Means over all 3 queries of the qrels, one without hits counts 0. "
        "Equal scores: pid ascending.\n"
        "One seed each.\n"
        "Chance and oracle: random and best order of each run's own hits.\n"
        "\n"
    )
    assert result.stderr == (
        "cstool: warning: -: no hits for 1 of 3 queries, which count 0: q3\n"
        "cstool: 1 runs, 1 systems, 3 queries; 1 times a query without hits, 0 times one that is "
        "not in the qrels\n"
    )


def test_folder_baseline_first_stage_and_files(folder):
    (folder / "first.trec").write_text(BEST)
    result = evaluate(
        folder / "qrels.tsv",
        folder / "runs",
        *("--baseline", "a", "--first-stage", folder / "first.trec", "--depth", 1),
        *("--measures", "mrr@10,map", "-o", folder / "out.tsv"),
        *("--per-query", folder / "per-query.tsv.gz"),
    )
    assert result.stdout == ""
    header, *lines = (folder / "out.tsv").read_text().splitlines()
    assert header.split("\t")[:3] == ["system", "query_lang", "passage_lang"]
    assert header.split("\t")[12:14] == ["difference_low", "difference_high"]
    assert {tuple(line.split("\t")[9:11]) for line in lines} == {("-", "-")}
    found = {tuple(line.split("\t")[:5]): line.split("\t")[6:9] for line in lines}
    assert found["a", "en", "de", "1", "mrr@10"] == ["0.500000", "-", "-"]
    assert found["a", "en", "de", "all", "mrr@10"] == ["0.750000", "-", "-"]
    assert found["first stage", "en", "de", "all", "map"] == ["1.000000", "-", "-"]
    assert found["chance", "CLIR", "all", "all", "mrr@10"] == ["1.000000", "-", "-"]
    # Differences 0, 1/4, 1/2: t = (1/4) / (1/4 / sqrt 3) = sqrt 3, p = 1 - t / sqrt(t^2 + 2),
    # four tests: two pairs and their groups.
    assert found["b", "en", "de", "all", "mrr@10"] == ["1.000000", "0.225", "0.902"]
    per_query = gzip.decompress((folder / "per-query.tsv.gz").read_bytes()).decode().splitlines()
    assert "a\ten\tde\t1\tmrr@10\tq2\t0.500000" in per_query
    # A header, and three queries by two measures of: chance, first stage and oracle for two
    # pairs, and five runs.
    assert len(per_query) == 1 + 3 * 2 * (3 * 2 + 5)
    account = orjson.loads((folder / "out.tsv.meta.json").read_bytes())
    assert account["counts"]["runs"] == 5
    assert len(account["inputs"]) == 7


def test_markdown_by_suffix_and_by_option(folder):
    single = folder / "runs/a/1/en-de.trec"
    evaluate(folder / "qrels.tsv", single, "--system", "mine", "-o", folder / "out.md")
    text = (folder / "out.md").read_text()
    assert "| system | seeds | en-de | CLIR |" in text
    assert "| mine | 1 | 0.500 | 0.500 |" in text
    same = evaluate(folder / "qrels.tsv", single, "--system", "mine", "--format", "markdown")
    assert same.stdout == text


def test_ties_as_in_trec_eval(folder):
    tied = RUN.replace("2.0", "1.0")
    arguments = [folder / "qrels.tsv", "-", "--measures", "mrr", "--format", "tsv"]
    ours = evaluate(*arguments, input=tied).stdout
    theirs = evaluate(*arguments, "--ties", "trec_eval", input=tied).stdout
    assert "stdin\t-\t-\tall\tmrr\tall\t0.666667" in ours  # p1 and p2 before p9
    assert "stdin\t-\t-\tall\tmrr\tall\t0.333333" in theirs


def test_intervals_and_columns(folder):
    arguments = [folder / "qrels.tsv", folder / "runs", "--baseline", "a", "--measures", "mrr@10"]
    result = evaluate(*arguments, "--intervals", "--columns", "groups")
    titles = [line for line in result.stdout.splitlines() if line.startswith("mrr@10")]
    assert titles == [
        "mrr@10",
        "mrr@10: 95 % intervals",
        "mrr@10: difference to a, 95 % interval",
        "mrr@10: p against a, corrected",
    ]
    headers = [line.split() for line in result.stdout.splitlines() if line.startswith("system")]
    assert headers == [["system", "seeds", "MoIR", "CLIR"]] * 4
    assert "Bonferroni over 2 tests" in result.stdout
    again = evaluate(*arguments, "--intervals", "--columns", "groups")
    assert again.stdout == result.stdout
    evaluate(*arguments, "--intervals", "--columns", "pairs", "-o", folder / "out.tsv")
    header, *lines = [line.split("\t") for line in (folder / "out.tsv").read_text().splitlines()]
    [ours] = [line for line in lines if line[:5] == ["b", "en", "de", "all", "mrr@10"]]
    # The differences are 0, 1/4 and 1/2: each alone makes up 1/27 of the resamples, or 3.7 %.
    assert dict(zip(header, ours, strict=True)) == {
        **{"system": "b", "query_lang": "en", "passage_lang": "de", "seed": "all"},
        **{"measure": "mrr@10", "qid": "all", "value": "1.000000"},
        **{"p": "0.225", "p_corrected": "0.451", "low": "1.000000", "high": "1.000000"},
        **{"difference": "0.250000", "difference_low": "0.000000", "difference_high": "0.500000"},
        **{"deviation": "-", "p_not_worse": "-", "p_equivalent": "-"},
        "detectable": ours[15],
    }
    # The differences have the standard deviation 1/4; with three queries the effect must be huge.
    assert float(ours[15]) == pytest.approx(0.25 * effect(3, 0.05 / 2), abs=1e-6)
    account = orjson.loads((folder / "out.tsv.meta.json").read_bytes())
    assert account["settings"]["intervals"] is True
    assert account["settings"]["columns"] == "pairs"


def test_groups_where_languages_are_not_known(folder):
    (folder / "mine.trec").write_text(RUN)
    arguments = [folder / "qrels.tsv", folder / "mine.trec", "--columns", "groups"]
    result = evaluate(*arguments, "-o", folder / "out.tsv", code=1)
    assert result.stderr.endswith(
        "\ncstool: no groups: no run is named by its languages, expected a name such as "
        "en-de.trec\n"
    )
    assert not (folder / "out.tsv").exists()


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("qrels.tsv", "", "the qrels are empty, there is nothing to evaluate against"),
        ("qrels.tsv", "q1 0 p1 yes\n", "qrels.tsv:1: relevance is 'yes', expected a whole number"),
        ("runs/a/1/en-de.trec", RUN + RUN, "query q1: passage p1 is listed more than once"),
        ("runs/a/1/en-de.trec", "q8 Q0 p 1 1 a\n", "none of its 1 queries is in the qrels"),
        ("runs/a/en-de.trec", RUN, "expected SYSTEM/SEED/QLANG-DLANG.trec below"),
        (
            "runs/a/1/en-de.trec",
            RUN.replace("2.0", "nan"),
            "en-de.trec:1: score is 'nan', expected",
        ),
        (
            "runs/a/1/en-de.trec",
            QRELS,
            "en-de.trec:1: 4 fields, expected 6: qid Q0 pid rank score tag"
            "; a line of four is one of qrels, not of a run",
        ),
        (
            "qrels.tsv",
            RUN,
            "qrels.tsv:1: 6 fields, expected 4: qid 0 pid relevance; a line of six is "
            "one of a run, not of qrels",
        ),
    ],
)
def test_wrong_input_is_one_line_and_leaves_no_file(folder, name, content, problem):
    (folder / name).write_text(content)
    result = evaluate(folder / "qrels.tsv", folder / "runs", "-o", folder / "out.tsv", code=1)
    assert result.stdout == ""
    assert problem in result.stderr and result.stderr.count("\n") == 1
    assert not (folder / "out.tsv").exists()


def test_unknown_baseline(folder):
    result = evaluate(folder / "qrels.tsv", folder / "runs", "--baseline", "c", code=1)
    assert result.stderr.endswith(
        "\ncstool: no system 'c' to compare with; there are chance (a), chance (b), a, b, "
        "oracle (a), oracle (b)\n"
    )


def test_folder_without_runs_and_missing_file(folder):
    (folder / "empty").mkdir()
    assert "holds no runs" in evaluate(folder / "qrels.tsv", folder / "empty", code=1).stderr
    assert "no such file" in evaluate(folder / "qrels.tsv", folder / "x.trec", code=1).stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--measures", "mrr@10,err"],
        ["--depth", "0"],
        ["--ties", "x"],
        ["--columns", "mlir"],
        ["-o", "a", "--per-query", "a"],
        ["--pairs", "en-de,paper2"],
        ["--groups", "kind,colour"],
        ["--groups", "missing.yaml"],
        ["--test", "z"],
        ["--correction", "none"],
        ["--margin", "-1"],
        ["--compare", "old.json", "--format", "tsv"],
        ["--analysis", "ties", "--format", "tsv"],
        ["--analysis", "colour"],
        ["--analysis", "overlap", "--queries", "q.tsv"],
        ["--analysis", "coverage", "--queries", "q.tsv"],
    ],
)
def test_wrong_options(folder, options):
    result = evaluate(folder / "qrels.tsv", folder / "runs", *options, code=2)
    assert result.stdout == ""
    assert options[0] in result.stderr


def test_a_packed_run_that_was_cut_off(folder):
    whole = gzip.compress(RUN.encode() * 1)
    (folder / "runs/a/1/en-it.trec.gz").write_bytes(whole[:-9])
    result = evaluate(folder / "qrels.tsv", folder / "runs", code=1)
    assert "en-it.trec.gz: Compressed file ended before the end-of-stream marker" in result.stderr


def test_what_is_missing_is_said_and_stays_empty(folder):
    result = evaluate(
        folder / "qrels.tsv",
        folder / "runs",
        *("--pairs", "en-en,en-de,de-en", "--measures", "mrr", "--format", "markdown"),
    )
    assert "| b | 1 | 1.000 | 1.000 | - | 1.000 | - |" in result.stdout
    for told in (
        "a has no run for de-en",
        "a has no run of seed 2 for en-en",
        "b has no run for de-en",
    ):
        assert f"cstool: warning: {told}\n" in result.stderr
        assert told in result.stdout
    assert "runs/a/1/en-de.trec: no hits for 1 of 3 queries, which count 0: q3" in result.stderr


def test_runs_of_other_pairs_are_not_read(folder):
    (folder / "runs/a/1/en-ru.trec").write_text("not a run\n")
    result = evaluate(folder / "qrels.tsv", folder / "runs", "--pairs", "en-de")
    assert "1 runs of other pairs" in result.stderr or "3 runs of other pairs" in result.stderr
    evaluate(folder / "qrels.tsv", folder / "runs", "--pairs", "en-fr", code=1)


def test_groups_of_a_file(folder):
    (folder / "mine.yaml").write_text("To German: [en-de]\nEverything: [en-de, en-en]\n")
    result = evaluate(
        folder / "qrels.tsv",
        folder / "runs",
        *("--groups", f"{folder}/mine.yaml,seen,script", "--columns", "groups"),
        *("--measures", "mrr", "--format", "markdown"),
    )
    assert "| system | seeds | To German | Everything | seen | same script |" in result.stdout
    (folder / "mine.yaml").write_text("German: en-de\n")
    result = evaluate(
        folder / "qrels.tsv", folder / "runs", "--groups", f"{folder}/mine.yaml", code=2
    )
    assert "expected groups as in" in result.stderr


def test_qrels_of_each_passage_language(folder):
    (folder / "qrels.en.tsv").write_text(QRELS)
    (folder / "qrels.de.tsv").write_text("q1 0 p9 1\n")
    evaluate(
        str(folder / "qrels.{lang}.tsv"),
        folder / "runs",
        *("--measures", "mrr", "-o", folder / "out.tsv", "--per-query", folder / "all.tsv"),
    )
    lines = (folder / "all.tsv").read_text().splitlines()
    assert "b\ten\ten\t1\tmrr\tq3\t1.000000" in lines
    assert "b\ten\tde\t1\tmrr\tq1\t0.500000" in lines
    assert not [line for line in lines if "\tde\t" in line and "\tq3\t" in line]
    evaluate(str(folder / "qrels.{lang}.tsv"), folder / "runs", "--pairs", "en-en")
    (folder / "qrels.de.tsv").unlink()
    assert (
        "qrels.de.tsv" in evaluate(str(folder / "qrels.{lang}.tsv"), folder / "runs", code=1).stderr
    )


def test_best_seed_on_other_queries(folder):
    (folder / "dev.tsv").write_text("q1 0 p9 1\nq2 0 p9 1\nq3 0 p9 1\n")
    evaluate(folder / "dev.tsv", folder / "runs", "--pairs", "en-de", "-o", folder / "dev.json")
    result = evaluate(
        folder / "qrels.tsv",
        folder / "runs",
        *("--pairs", "en-de", "--best-seed-on", folder / "dev.json", "--format", "markdown"),
    )
    # On the other queries seed 1 is at 1/2, 1 and 0, seed 2 at 1/2 everywhere: the first of equals.
    assert "One seed, the best in mrr@10 of dev.json: a 1." in result.stdout
    assert "| a | 1 | 0.500 | 0.500 |" in result.stdout
    evaluate(folder / "qrels.tsv", folder / "runs", "-o", folder / "same.json")
    result = evaluate(
        folder / "qrels.tsv", folder / "runs", "--best-seed-on", folder / "same.json", code=1
    )
    assert "was made with the same qrels" in result.stderr
    result = evaluate(
        folder / "qrels.tsv", folder / "runs", "--best-seed-on", folder / "qrels.tsv", code=1
    )
    assert "qrels.tsv: expected what `cstool evaluate" in result.stderr


def test_json_latex_and_what_changed(folder):
    arguments = [folder / "qrels.tsv", folder / "runs", "--baseline", "a", "--measures", "mrr"]
    evaluate(*arguments, "-o", folder / "old.json")
    old = orjson.loads((folder / "old.json").read_bytes())
    assert [table["measure"] for table in old["tables"]] == ["mrr"]
    evaluate(*arguments, "-o", folder / "out.tex")
    assert r"\toprule" in (folder / "out.tex").read_text()
    same = evaluate(*arguments, "--compare", folder / "old.json").stdout
    assert "changes since old.json" in same and "cells are the same" in same
    (folder / "runs/b/1/en-de.trec").write_text(RUN)
    result = evaluate(*arguments, "--compare", folder / "old.json", "--format", "markdown")
    assert "| mrr | b | en-de | 1.000 | 0.500 | -0.500 |" in result.stdout


def test_a_cache_is_used_for_the_same_bytes_alone(folder):
    run = folder / "runs/a/1/en-de.trec"
    arguments = [folder / "qrels.tsv", run, "--measures", "mrr", "--format", "tsv"]
    cached = [*arguments, "--cache", folder / "cache", "-o", folder / "out.tsv"]
    plain = evaluate(*arguments).stdout
    evaluate(*cached)
    [kept] = (folder / "cache").iterdir()
    first = (folder / "out.tsv.meta.json").read_bytes()
    assert (folder / "out.tsv").read_text() == plain
    # What is kept is used: another rank in there is another result.
    good = kept.read_bytes()
    kept.write_bytes(good.replace(b"[1]", b"[4]", 1))
    evaluate(*cached)
    assert (folder / "out.tsv").read_text() != plain
    kept.write_bytes(good[:-5])  # cut off: made anew
    evaluate(*cached)
    assert (folder / "out.tsv").read_text() == plain and kept.read_bytes() == good
    assert (folder / "out.tsv.meta.json").read_bytes() == first
    # Another run, another order of ties and other qrels are something else.
    run.write_text(BEST)
    evaluate(*cached)
    evaluate(*cached, "--ties", "trec_eval")
    (folder / "qrels.tsv").write_text(QRELS.replace("p3", "p9"))
    evaluate(*cached)
    assert len(list((folder / "cache").iterdir())) == 4


def test_lines_of_a_query_apart_are_as_good_as_together(folder):
    arguments = [folder / "qrels.tsv", folder / "mine.trec", "--measures", "mrr,map"]
    (folder / "mine.trec").write_text(RUN)
    together = evaluate(*arguments).stdout
    one, two, three, four = RUN.splitlines(keepends=True)
    (folder / "mine.trec").write_text(one + three + two + four)
    assert evaluate(*arguments).stdout == together


def test_first_stage_with_qrels_of_each_language(folder):
    (folder / "qrels.en.tsv").write_text(QRELS)
    (folder / "qrels.de.tsv").write_text("q1 0 p9 1\n")
    (folder / "first.trec").write_text(BEST)
    result = evaluate(
        str(folder / "qrels.{lang}.tsv"),
        folder / "runs",
        *("--first-stage", folder / "first.trec", "--measures", "mrr", "--format", "markdown"),
        *("--columns", "pairs"),
    )
    assert "| first stage | - | 1.000 | 0.500 |" in result.stdout


def test_analyses(folder):
    texts = {
        "queries.en": "q1\thouse\nq2\tred\nq3\tblue\n",
        "passages.en": "p1\thouse\np2\tx\np3\ty\n",
    }
    texts["passages.de"] = "p1\tHaus\np2\tred\np3\ty\n"
    for name, text in texts.items():
        (folder / f"{name}.tsv").write_text(text)
    arguments = [folder / "qrels.tsv", folder / "runs", "--measures", "mrr"]
    result = evaluate(
        *arguments,
        *("--analysis", "overlap,coverage,ties", "--lexicon", "wiki", "--format", "markdown"),
        *("--queries", f"{folder}/queries.{{lang}}.tsv"),
        *("--passages", f"{folder}/passages.{{lang}}.tsv", "-o", folder / "out.md"),
    )
    text = (folder / "out.md").read_text()
    assert "**mrr by lexical overlap, CLIR**" in text and "**equal scores**" in text
    # In German, q2 alone has its word in the passage; a's seeds are at 1/2 and 1 there, at 1 and 1
    # for q1, and at 0 and 1 for q3.
    assert "| (cases) | 2 | 0 | 0 | 0 | 1 |\n| a | 0.750 | - | - | - | 0.750 |" in text
    assert "| a | 7 | 0.0% | 0.0% | 0.0% |" in text
    assert "warning: --analysis" not in result.stderr
    account = orjson.loads((folder / "out.md.meta.json").read_bytes())
    assert {"queries.en.tsv", "passages.de.tsv", "en-de.tsv"} <= {
        one["path"].rpartition("/")[2] for one in account["inputs"]
    }


def test_analyses_of_pools(folder):
    (folder / "runs/a/1/en-xx2.trec").write_text("q1 Q0 en:p1 1 2 x\nq1 Q0 de:p1 2 1 x\n")
    (folder / "qrels.xx2.tsv").write_text("q1 0 en:p1 1\nq1 0 de:p1 1\n")
    arguments = [str(folder / "qrels.{lang}.tsv"), folder / "runs", "--pairs", "en-xx2"]
    result = evaluate(*arguments, "--analysis", "languages,peer,consistency")
    assert "mean rank of relevant passages by language" in result.stdout
    assert "--analysis consistency: there are no runs over several languages" in result.stderr
    (folder / "langs.tsv").write_text("en:p1\ten\n")
    result = evaluate(
        *arguments, "--analysis", "languages", "--passage-langs", folder / "langs.tsv", code=1
    )
    assert "the language of passage de:p1 is not known" in result.stderr

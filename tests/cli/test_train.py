import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from cstool.cli import app

ROWS = [
    {"qid": "q1", "query": "where is the city", "pid": "p1", "passage": "in paris", "label": 1},
    {"qid": "q1", "query": "where is the city", "pid": "p2", "passage": "in berlin", "label": 0},
]
FEW = ["--max-steps", "3", "--batch-size", "2", "--save-steps", "1"]


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS * 4), encoding="utf-8")
    return path


def invoke(*args):
    return CliRunner().invoke(app, ["train", *map(str, args)])


def test_a_model_that_others_can_load(source, bert, tmp_path):
    from sentence_transformers import CrossEncoder as Peer

    output = tmp_path / "models" / "m"
    result = invoke(source, "-o", output, "--base", bert, *FEW)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "3 steps on 8 examples" in result.stderr
    assert not (tmp_path / "models" / "m.training").exists()
    assert list((output / "logs").glob("events.out.tfevents.*"))
    card = json.loads((output / "cstool.json").read_text(encoding="utf-8"))
    assert card["command"] == "cstool train"
    assert card["max_length"] == 64
    assert card["counts"]["warmup_steps"] == 0
    assert card["counts"]["positives"] == 4
    [given] = card["inputs"]
    digest = subprocess.run(["sha256sum", source], capture_output=True, text=True, check=True)
    assert digest.stdout.startswith(given["sha256"])
    assert len(Peer(str(output)).predict([("where", "paris")])) == 1


def test_a_bad_line_stops_it_before_anything_is_written(source, bert, tmp_path):
    source.write_text(source.read_text(encoding="utf-8") + '{"qid": "q"}\n', encoding="utf-8")
    result = invoke(source, "-o", tmp_path / "m", "--base", bert, *FEW)
    assert result.exit_code == 1
    assert "train.jsonl:9: no query, pid, passage, label" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["train.jsonl"]


def test_an_unfinished_run_is_not_thrown_away_unasked(source, bert, tmp_path):
    """Killed in its sleep, it leaves a checkpoint, and says what can be done with it."""
    args = ["train", source, "-o", tmp_path / "m", "--base", bert]
    command = [sys.executable, "-c", "from cstool.cli import app; app()", *map(str, args)]
    many = ["--max-steps", "100000", "--batch-size", "2", "--save-steps", "2"]
    work = tmp_path / "m.training"
    with subprocess.Popen([*command, *many], stderr=subprocess.PIPE) as process:
        while not (work / "checkpoint-2" / "trainer_state.json").exists():
            assert process.poll() is None, process.stderr.read()
        process.kill()
    assert not (tmp_path / "m").exists()
    result = invoke(*args[1:], *FEW)
    assert result.exit_code == 1
    assert "holds an unfinished run: say --resume or --restart" in result.stderr
    result = invoke(*args[1:], *FEW, "--resume")
    assert result.exit_code == 1
    assert "max_steps was 100000, is 3" in result.stderr
    result = invoke(*args[1:], *FEW, "--restart")
    assert result.exit_code == 0, result.output
    assert not work.exists()


def test_a_folder_that_is_not_ours_is_left_alone(source, bert, tmp_path):
    work = tmp_path / "m.training"
    work.mkdir()
    (work / "thesis.txt").touch()
    for options in ([], ["--restart"]):
        result = invoke(source, "-o", tmp_path / "m", "--base", bert, *FEW, *options)
        assert result.exit_code == 1
        assert "m.training: is in use" in result.stderr
        assert (work / "thesis.txt").exists()


def test_an_older_model_is_replaced_whole(source, bert, tmp_path):
    output = tmp_path / "m"
    output.mkdir()
    (output / "old").touch()
    refused = invoke(source, "-o", output, "--base", bert, *FEW)
    assert refused.exit_code == 1
    assert (output / "old").exists()
    (output / "cstool.json").touch()
    assert invoke(source, "-o", output, "--base", bert, *FEW).exit_code == 0
    assert (output / "model.safetensors").exists()
    assert not (output / "old").exists()


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--max-steps", "2", "--epochs", "1"], 2, "exclude each other"),
        (["--base", "./nowhere"], 1, "cstool: ./nowhere: no such folder"),
        (["--epochs", "inf"], 2, "--epochs"),
        (["-o", "."], 2, "name a folder"),
        (["--max-length", "65"], 1, "64 positions, fewer than --max-length 65"),
        (["--device", "cuda"], 1, "torch finds no CUDA device"),
    ],
)
def test_wrong_options(options, code, told, source, bert, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    result = invoke(source, "-o", tmp_path / "m", "--base", bert, *options)
    assert result.exit_code == code, result.output
    assert told in result.stderr
    assert not (tmp_path / "m").exists()


def test_switching_on_the_fly_stands_in_the_card(source, bert, tmp_path):
    options = ["--lexicon", "wiki", "--ratio", "0.3", "--langs", "de=2,ru"]
    result = invoke(source, "-o", tmp_path / "m", "--base", bert, *FEW, *options)
    assert result.exit_code == 0, result.output
    card = json.loads((tmp_path / "m" / "cstool.json").read_text(encoding="utf-8"))
    settings = card["settings"]
    assert (settings["lexicon"], settings["ratio"], settings["langs"]) == ("wiki", 0.3, "de=2,ru")
    names = [given["path"].rpartition("/")[2] for given in card["inputs"]]
    assert names == ["en-de.tsv", "en-ru.tsv", "train.jsonl"]
    assert all(given["sha256"] for given in card["inputs"])


@pytest.mark.parametrize("option", ["--ratio=0.3", "--langs=de", "--preset=ml-cs"])
def test_how_to_switch_without_a_lexicon_is_a_wrong_option(option, source, bert, tmp_path):
    result = invoke(source, "-o", tmp_path / "m", "--base", bert, *FEW, option)
    assert result.exit_code == 2
    assert "nothing is switched without --lexicon" in result.stderr


def test_a_student_learns_from_the_scores_of_a_teacher(source, bert, tmp_path):
    few = ["--base", bert, *FEW]
    assert invoke(source, "-o", tmp_path / "teacher", *few).exit_code == 0
    command = ["rerank", str(tmp_path / "teacher"), "--examples", str(source)]
    scored = CliRunner().invoke(app, [*command, "-o", str(tmp_path / "teacher.trec")])
    assert scored.exit_code == 0, scored.output
    assert scored.stderr == "cstool: scored 2 pairs of 1 queries\n"
    options = ["--loss", "margin-mse", "--teacher-scores", tmp_path / "teacher.trec"]
    result = invoke(source, "-o", tmp_path / "student", *few, *options)
    assert result.exit_code == 0, result.output
    card = json.loads((tmp_path / "student" / "cstool.json").read_text(encoding="utf-8"))
    names = {given["path"].rpartition("/")[2] for given in card["inputs"]}
    assert names == {"train.jsonl", "teacher.trec"}
    result = invoke(source, "-o", tmp_path / "other", *few, *options[2:])
    assert result.exit_code == 2
    assert "--teacher-scores goes with the losses ddro, kl and margin-mse" in result.stderr


def test_several_sources(source, bert, tmp_path):
    other = tmp_path / "other=2.jsonl"  # a name that looks like a weight
    other.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    both = ["--data", f"{source}=1", "--data", f"{other}=3"]
    result = invoke(*both, "-o", tmp_path / "m", "--base", bert, *FEW)
    assert result.exit_code == 0, result.output
    card = json.loads((tmp_path / "m" / "cstool.json").read_text(encoding="utf-8"))
    expected = [{"weight": 1.0, "groups": 8}, {"weight": 3.0, "groups": 8}]
    assert card["counts"]["sources"] == expected
    assert [given["path"] for given in card["inputs"]] == [str(source), str(other)]


def test_several_seeds_and_their_mean(source, bert, tmp_path):
    output = tmp_path / "models"
    command = [source, "-o", output, "--base", bert, *FEW]
    assert invoke(*command, "--seeds", "1,2").exit_code == 0
    alone = invoke(source, "-o", tmp_path / "alone", "--base", bert, *FEW, "--seed", "2")
    assert alone.exit_code == 0
    weights = [path / "model.safetensors" for path in (output / "2", tmp_path / "alone")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    made = (output / "1" / "model.safetensors").stat().st_mtime_ns
    result = invoke(*command, "--seeds", "1,2,3")
    assert result.exit_code == 0, result.output
    assert f"{output / '1'}: is there already" in result.stderr
    assert (output / "1" / "model.safetensors").stat().st_mtime_ns == made
    card = json.loads((output / "3" / "cstool.json").read_text(encoding="utf-8"))
    assert card["settings"]["seed"] == card["counts"]["seed"] == 3
    assert len(card["inputs"]) == 1
    result = invoke(*command, "--seeds", "1,4", "--weight-decay", "0.5")
    assert result.exit_code == 1
    assert "was trained otherwise: weight_decay was 0.01, is 0.5" in result.stderr
    assert not (output / "4").exists()
    with source.open("a", encoding="utf-8") as more:
        more.write(source.read_text("utf-8").splitlines()[0] + "\n")
    result = invoke(*command, "--seeds", "1,4")
    assert result.exit_code == 1
    assert f"was trained otherwise: {source} has changed since" in result.stderr

    merged = tmp_path / "soup"
    folders = [str(output / seed) for seed in "123"]
    result = CliRunner().invoke(app, ["merge", *folders, "-o", str(merged), "--weights", "1,1,2"])
    assert result.exit_code == 0, result.output
    assert result.stderr == f"cstool: {merged}: the mean of 3 models\n"
    sources = json.loads((merged / "cstool.json").read_text(encoding="utf-8"))["counts"]["models"]
    digest = subprocess.run(
        ["sha256sum", output / "3" / "model.safetensors"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert sources[2]["weight"] == 2
    assert digest.stdout.startswith(sources[2]["sha256"])
    assert sources[2]["sha256"] in (merged / "README.md").read_text(encoding="utf-8")
    result = CliRunner().invoke(app, ["merge", *folders, "-o", str(merged), "--weights", "1,1"])
    assert result.exit_code == 2
    assert "2 weights for 3 models" in result.stderr


def test_validation_is_told_and_stands_in_the_card(source, bert, tmp_path):
    options = ["--validate", source, "--validate-steps", "2"]
    result = invoke(source, "-o", tmp_path / "m", "--base", bert, *FEW, *options)
    assert result.exit_code == 0, result.output
    counts = json.loads((tmp_path / "m" / "cstool.json").read_text(encoding="utf-8"))["counts"]
    assert [row["step"] for row in counts["validation"]] == [2, 3]
    assert set(counts["validation"][0]) == {"step", "loss", "mrr@10"}
    assert f"kept step {counts['kept_step']}" in result.stderr
    page = (tmp_path / "m" / "README.md").read_text(encoding="utf-8")
    assert f"The weights are those of step {counts['kept_step']}." in page


def test_python_starts_it_as_a_module(source, bert, tmp_path):
    command = [sys.executable, "-m", "cstool", "train", source, "-o", tmp_path / "m"]
    done = subprocess.run(
        [*map(str, command), "--base", bert, *FEW], capture_output=True, text=True, check=True
    )
    assert "step 3 of 3, loss " in done.stderr
    assert " examples/s, " in done.stderr
    assert " MiB, " in done.stderr


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--data", "x=0"], 2, "expected a weight above 0"),
        (["--data", "x.jsonl=1"], 2, "give FILE or --data, not both"),
        (["--seeds", "1,1"], 2, "a seed is named twice"),
        (["--seeds", "1,b"], 2, "expected whole numbers such as 1,2,3"),
        (["--seeds", "1,-2"], 2, "1,-2: a seed is from 0 to 4294967295"),
        (["--seed", "4294967296"], 2, "less than or equal to 4294967295"),
        (["--seeds", "1,2", "--seed", "3"], 2, "goes without --seed"),
        (["--keep", "best"], 2, "nothing is validated without --validate"),
        (["--validate", "nowhere.jsonl"], 1, "nowhere.jsonl: no such file"),
        (["--report-to", "pigeon"], 1, "--report-to pigeon: "),
        (["--align-weight", "1"], 1, "use codeswitch --mark"),
        (["--loss", "ddro"], 2, "--teacher-scores goes with"),
    ],
)
def test_wrong_options_of_training(options, code, told, source, bert, tmp_path):
    result = invoke(source, "-o", tmp_path / "m", "--base", bert, *FEW, *options)
    assert result.exit_code == code, result.output
    assert told in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["train.jsonl"]

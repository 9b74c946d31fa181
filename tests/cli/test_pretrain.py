import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cstool.cli import app

LINES = [
    f"the {colour} {thing} stands in {place} and is {colour}"
    for colour in ("red", "blue", "green", "white")
    for thing in ("house", "river", "city", "novel", "stone")
    for place in ("paris", "berlin", "moscow")
]
CONFIG = {
    "model_type": "bert",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}
FEW = ["--max-length", "32", "--batch-size", "8", "--device", "cpu"]
SCRATCH = ["--init-config", "config.json", "--train-tokenizer", "80", *FEW]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with texts in every format, in which commands run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (tmp_path / "texts.txt").write_text("\n".join(LINES) + "\n", encoding="utf-8")
    rows = [{"id": f"t{n}", "text": line} for n, line in enumerate(LINES)]
    packed = "".join(json.dumps(row) + "\n" for row in rows).encode()
    (tmp_path / "texts.jsonl.gz").write_bytes(gzip.compress(packed))
    tsv = "".join(f"{row['id']}\t{row['text']}\n" for row in rows)
    (tmp_path / "texts.tsv").write_text(tsv, encoding="utf-8")
    examples = [
        {"qid": f"q{n}", "query": line[:12], "pid": f"p{n}", "passage": line, "label": n % 2}
        for n, line in enumerate(LINES)
    ]
    written = "".join(json.dumps(row) + "\n" for row in examples)
    (tmp_path / "train.jsonl").write_text(written, encoding="utf-8")
    return tmp_path


def invoke(*args, command="pretrain", given=None):
    return CliRunner().invoke(app, [command, *map(str, args)], input=given)


def card(name="enc"):
    return json.loads(Path(name, "cstool.json").read_text(encoding="utf-8"))


def test_an_encoder_that_train_starts_from(folder):
    budget = ["--token-budget", "2000"]
    result = invoke("texts.txt", "-o", "enc", *SCRATCH, *budget)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "cstool: enc: 2000 tokens in " in result.stderr
    assert not (folder / "enc.training").exists()
    assert list((folder / "enc" / "logs").glob("events.out.tfevents.*"))
    told = card()
    assert told["command"] == "cstool pretrain"
    assert told["max_length"] == 32
    counts = told["counts"]
    assert (counts["tokens"], counts["texts"], counts["objective"]) == (2000, 60, "mlm")
    assert counts["seconds"] > 0
    [given] = told["inputs"]
    digest = subprocess.run(["sha256sum", "texts.txt"], capture_output=True, text=True, check=True)
    assert digest.stdout.startswith(given["sha256"])
    assert "2000 tokens" in (folder / "enc" / "README.md").read_text(encoding="utf-8")
    result = invoke(
        *("train.jsonl", "-o", "model", "--base", "enc", "--max-steps", "2", "--batch-size", "4"),
        command="train",
    )
    assert result.exit_code == 0, result.output
    again = invoke(
        *("texts.txt", "-o", "more", "--base", "enc", "--objective", "contrastive"),
        *("--views", "crops", *FEW, *budget),
    )
    assert again.exit_code == 0, again.output
    assert card("more")["counts"]["steps"] > 0
    assert not {"cls.predictions.bias"} & tensors("more")  # its head has learnt nothing
    assert {"cls.predictions.bias"} <= tensors("enc")


def tensors(name):
    from safetensors import safe_open

    with safe_open(f"{name}/model.safetensors", "pt") as stream:
        return set(stream.keys())


@pytest.mark.parametrize(
    ("source", "texts"),
    [("texts.jsonl.gz", 60), ("texts.tsv", 60), ("train.jsonl", 120), ("-", 60)],
)
def test_all_formats(source, texts, folder):
    given = "\n".join(LINES) if source == "-" else None
    result = invoke(source, "-o", "enc", *SCRATCH, "--objective", "none", given=given)
    assert result.exit_code == 0, result.output
    assert card()["counts"]["texts"] == texts
    assert card()["counts"]["text_tokens"] > 5 * 60


def test_pairs_with_switching_stand_in_the_card(folder):
    options = ["--lexicon", "wiki", "--ratio", "0.3", "--langs", "de=2,ru", "--max-steps", "2"]
    views = ["--objective", "both", "--views", "pairs"]
    result = invoke("train.jsonl", "texts.txt", "-o", "enc", *SCRATCH, *options, *views)
    assert result.exit_code == 1
    assert "is a text alone: --views pairs takes training examples" in result.stderr
    result = invoke("train.jsonl", "-o", "enc", *SCRATCH, *options, *views)
    assert result.exit_code == 0, result.output
    told = card()
    assert (told["settings"]["lexicon"], told["settings"]["views"]) == ("wiki", "pairs")
    names = {given["path"].rpartition("/")[2] for given in told["inputs"]}
    assert names == {"en-de.tsv", "en-ru.tsv", "train.jsonl"}
    assert told["counts"]["texts"] == 30
    assert told["counts"]["switching_sha256"]


def test_an_unfinished_run_is_not_thrown_away_and_ends_as_if_nothing_had_been(folder):
    """Killed in its sleep, it goes on, and has the bytes of a run that was never killed."""
    assert invoke("texts.txt", "-o", "base", *SCRATCH, "--objective", "none").exit_code == 0
    args = ["pretrain", "texts.txt", "--base", "base", *FEW, "--token-budget", "5000"]
    args += ["--save-steps", "3"]
    assert invoke(*args[1:], "-o", "whole").exit_code == 0
    command = [sys.executable, "-c", "from cstool.cli import app; app()", *args, "-o", "enc"]
    work = folder / "enc.training"
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        while not any(work.glob("checkpoint-*")):
            assert process.poll() is None, process.stderr.read()
        process.kill()
    assert not (folder / "enc").exists()
    result = invoke(*args[1:], "-o", "enc")
    assert result.exit_code == 1
    assert "holds an unfinished run: say --resume or --restart" in result.stderr
    result = invoke(*args[1:], "-o", "enc", "--resume", "--seed", "2")
    assert result.exit_code == 1
    assert "cannot be resumed: seed was 1, is 2" in result.stderr
    assert any(work.glob("checkpoint-*"))
    result = invoke(*args[1:], "-o", "enc", "--resume")
    assert result.exit_code == 0, result.output
    weights = [(folder / name / "model.safetensors").read_bytes() for name in ("enc", "whole")]
    assert weights[0] == weights[1]
    assert not work.exists()


@pytest.mark.parametrize(
    ("lines", "options", "told"),
    [
        ([], [], "there is no text"),
        (["ab", "", "ab"], ["--train-tokenizer", "16"], "every text is shorter than two tokens"),
        (["the same text"] * 9, ["--objective", "contrastive"], "all texts are the same"),
        (LINES[:1], ["--objective", "both"], "there is one text only"),
        (["zxq wvk"] * 3, ["--lexicon", "wiki"], "the lexicon replaces no word of the texts"),
        (LINES, ["--token-budget", "7"], "a budget of 7 tokens has no room for a batch"),
        (LINES, ["--max-length", "65"], "64 positions, fewer than --max-length 65"),
        (LINES, ["--device", "cuda"], "torch finds no CUDA device"),
        (LINES, ["--train-tokenizer", "16"], "has no room for them"),
        (["{", "x"], [], "texts.txt:1: '{', expected a JSON object"),
    ],
)
def test_wrong_input_is_told_and_nothing_is_written(lines, options, told, folder, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    (folder / "texts.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    before = sorted(path.name for path in folder.iterdir())
    budget = ["--token-budget", "1000"]
    views = ["--views", "crops"] if "--objective" in options else []
    result = invoke("texts.txt", "-o", "enc", *SCRATCH, *budget, *views, *options)
    assert result.exit_code == 1, result.output
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_tokenizer_without_a_mask_token(xlmr, folder):
    result = invoke("texts.txt", "-o", "enc", "--base", xlmr, *FEW, "--max-steps", "1")
    assert result.exit_code == 1
    assert result.stderr.endswith("has no mask token, which --objective mlm needs\n")
    assert not (folder / "enc.training").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--init-config", "config.json"], "--init-config needs --tokenizer"),
        (["--base", "x", "--train-tokenizer", "50"], "--base has its own tokenizer"),
        ([], "give --base or --init-config"),
        (["--base", "x"], "give --token-budget or --max-steps"),
        (["--base", "x", "--token-budget", "1", "--max-steps", "1"], "one of them"),
        (["--base", "x", "--max-steps", "1", "--views", "crops"], "--views has no effect"),
        (["--base", "x", "--max-steps", "1", "--objective", "both"], "needs --lexicon"),
        (["--base", "x", "--max-steps", "1", "--mask-switched"], "needs --lexicon"),
        (["--base", "x", "--max-steps", "1", "--ratio", "0.5"], "without --lexicon"),
        (["--base", "x", "--max-steps", "1", "--crop-min", "0.6"], "above --crop-max"),
    ],
)
def test_wrong_options(options, told, folder):
    result = invoke("texts.txt", "-o", "enc", *options)
    assert result.exit_code == 2, result.output
    assert told in " ".join(result.stderr.split())
    assert not (folder / "enc").exists()


def test_short_texts_are_told(folder):
    with (folder / "texts.txt").open("a", encoding="utf-8") as stream:
        stream.write("\n\n")
    result = invoke("texts.txt", "-o", "enc", *SCRATCH, "--objective", "none")
    assert result.exit_code == 0, result.output
    assert "cstool: warning: 2 texts shorter than two tokens left out" in result.stderr

from pathlib import Path

import pytest

from cstool.errors import CstoolError
from cstool.runfiles import RunFile, find, first_stage


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folder_is_system_seed_pair(tmp_path):
    wanted = ["ml/2/en-de.trec", "ml/1/pt_br-xx6.trec.gz", "bm25/-/fil-ar.trec"]
    others = ["ml/1/en-de.trec.meta.json", "ml/train.jsonl", "ml/1/.en-ru.trec.7.part"]
    touch(*(tmp_path / name for name in wanted + others))
    assert find([tmp_path]) == [
        RunFile(tmp_path / "bm25/-/fil-ar.trec", "bm25", "fil", "ar", "-"),
        RunFile(tmp_path / "ml/1/pt_br-xx6.trec.gz", "ml", "pt_br", "xx6", "1"),
        RunFile(tmp_path / "ml/2/en-de.trec", "ml", "en", "de", "2"),
    ]


def test_single_files_are_named_by_themselves(tmp_path):
    run, pair = tmp_path / "bm25.trec.gz", tmp_path / "en-de.trec"
    touch(run, pair)
    assert find([run, pair, Path("-")]) == [
        RunFile(run, "bm25"),
        RunFile(pair, "en-de", "en", "de"),
        RunFile(Path("-"), "stdin"),
    ]
    assert find([pair], "ml")[0].system == "ml"


@pytest.mark.parametrize(
    "name", ["en-de.trec", "ml/en-de.trec", "ml/1/run.trec", "a/b/c/en-de.trec"]
)
def test_run_in_a_wrong_place(tmp_path, name):
    touch(tmp_path / "ml/1/en-de.trec", tmp_path / name)
    with pytest.raises(CstoolError, match=f"{name}: expected SYSTEM/SEED/QLANG-DLANG.trec below"):
        find([tmp_path])


def test_nothing_to_find(tmp_path):
    with pytest.raises(CstoolError, match="holds no runs, expected SYSTEM/SEED"):
        find([tmp_path])
    with pytest.raises(CstoolError, match="no such file"):
        find([tmp_path / "run.trec"])


def test_same_run_twice(tmp_path):
    one, other = tmp_path / "a/run.trec", tmp_path / "b/run.trec"
    touch(one, other)
    with pytest.raises(CstoolError, match="are both system run, languages ---, seed -"):
        find([one, other])
    with pytest.raises(CstoolError, match="each run can be there once"):
        find([one, one])


def test_first_stage_is_one_file_for_all_or_one_per_pair(tmp_path):
    one, german = tmp_path / "one.trec", tmp_path / "folder/en-de.trec.gz"
    touch(one, german)
    pairs = [("en", "de"), ("en", "ru")]
    assert first_stage(one, pairs, "first") == {
        one: [RunFile(one, "first", "en", "de"), RunFile(one, "first", "en", "ru")]
    }
    assert first_stage(german.parent, pairs[:1], "first") == {
        german: [RunFile(german, "first", "en", "de")]
    }
    with pytest.raises(CstoolError, match=r"folder: holds no en-ru\.trec"):
        first_stage(german.parent, pairs, "first")

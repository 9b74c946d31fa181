import pytest

from cstool.errors import CstoolError
from cstool.training.checkpoints import Checkpoints

VALUES = [
    {"step": 2, "loss": 0.5, "mrr@10": 0.6},
    {"step": 4, "loss": 0.3, "mrr@10": 0.8},
    {"step": 6, "loss": 0.2, "mrr@10": 0.7},
    {"step": 8, "loss": 0.25, "mrr@10": 0.8},
    {"step": 10, "loss": 0.25, "mrr@10": 0.8},
]


@pytest.mark.parametrize(("by", "step"), [("loss", 6), ("mrr@10", 8)])
def test_the_best_step(by, step):
    """Steps 4, 8 and 10 have the same MRR@10; 8 and 10 the lower loss; 8 comes first."""
    assert Checkpoints.best_step(VALUES, by) == step


def test_the_last_whole_checkpoint_by_its_number(tmp_path):
    for step in (5, 10, 900, 1000):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if step != 1000:
            (tmp_path / f"checkpoint-{step}" / "whole.json").touch()
    assert Checkpoints(tmp_path).last() == tmp_path / "checkpoint-900"


def test_what_cannot_be_written_leaves_no_trace(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    told = r"step 3 cannot be written \(no room\): make room"
    with pytest.raises(CstoolError, match=told), checkpoints.saving(3, {}):
        (tmp_path / "checkpoint-3").mkdir()
        raise OSError("no room")
    assert list(tmp_path.iterdir()) == []
    assert checkpoints.last() is None

from cstool.report.curves import losses


def write(folder, values):
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder) as writer:
        for step, value in values:
            writer.add_scalar("train/loss", value, step)


def test_losses_of_every_training(tmp_path):
    write(tmp_path / "ml-cs/1/logs", [(1, 0.5), (2, 0.25)])
    write(tmp_path / "ml-cs/2/logs", [(1, 0.75)])
    write(tmp_path / "zero-shot/1/logs", [(5, 0.125)])
    write(tmp_path / "empty/1/logs", [])
    assert losses(tmp_path) == {
        "ml-cs/1": [(1, 0.5), (2, 0.25)],
        "ml-cs/2": [(1, 0.75)],
        "zero-shot": [(5, 0.125)],
    }
    assert losses(tmp_path / "ml-cs") == {}

"""The folder of a training that has not ended: FOLDER.training beside the FOLDER that it makes."""

import shutil
from pathlib import Path

from cstool import files
from cstool.errors import CstoolError
from cstool.settings import DATA, PLAN


def folder(output: Path) -> Path:
    """Name the folder of the run that makes `output`."""
    return output.parent / f"{output.name}.training"


def check(output: Path, resume: bool | None, *, first: bool = True) -> None:
    """Complain about folders that cannot be made, and an unfinished run that is not spoken of.

    Of several processes only the `first` looks at the run, which it may have begun already.
    """
    work = folder(output)
    files.check_folder(output)
    files.check_output(work / DATA)
    if not first:
        return
    kept = {path.name for path in work.iterdir()} if work.is_dir() else set()
    if kept and kept.isdisjoint((PLAN, DATA)):
        raise CstoolError(f"{work}: is in use, and is no unfinished run that may be replaced")
    if resume is None and any(work.glob("checkpoint-*")):
        raise CstoolError(f"{work} holds an unfinished run: say --resume or --restart")


def clear(work: Path) -> None:
    """Remove the data and the checkpoints of a run that has ended or is not wanted."""
    shutil.rmtree(work, ignore_errors=True)

"""Training curves out of the logs that `cstool train` writes for TensorBoard."""

from pathlib import Path

from cstool.report.pictures import Curve

_LOSS = "train/loss"


def losses(models: Path) -> dict[str, Curve]:
    """Read step and loss of every training below a folder; its name is SYSTEM, or SYSTEM/SEED.

    The seed stands in the name where a system has several.
    """
    found: dict[str, dict[str, Curve]] = {}
    for logs in sorted(models.glob("*/*/logs")):
        curve = _curve(logs)
        if curve:
            found.setdefault(logs.parts[-3], {})[logs.parts[-2]] = curve
    return {
        system if len(seeds) == 1 else f"{system}/{seed}": curve
        for system, seeds in found.items()
        for seed, curve in seeds.items()
    }


def _curve(logs: Path) -> Curve:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(logs))
    events.Reload()
    if _LOSS not in events.Tags()["scalars"]:
        return []
    return [(event.step, event.value) for event in events.Scalars(_LOSS)]

"""`cstool lexicon list`."""

from pathlib import Path

from cstool import console, files
from cstool.cli import options
from cstool.cli.job import Job
from cstool.errors import CstoolError

_DIGITS = 12  # of a digest: enough to tell lexicons apart, few enough to read


def run(job: Job, output: options.Output = files.STDIO, format: options.TableFormat = None) -> None:
    """List the lexicons that can be named.

    They are looked for in ./lexicons, in $CSTOOL_HOME/lexicons and in the package; of equal names
    the first is taken. The digest begins the SHA-256 of the file, which the sidecar of whatever was
    made with it has in full. Entries are lines: nothing is checked here.

    \b
    cstool lexicon list
    """
    from cstool import tables
    from cstool.lexicons import store

    rows, known = [], set[str]()
    for place in store.everywhere():
        for (source, target), path in store.every_pair(place).items():
            rows.append([place.name, source, target, *_read(job, path), str(path.parent)])
        if place.name in known:
            console.warn(f"{place}: --lexicon {place.name} means another one, listed before it")
        known.add(place.name)
    header = ["lexicon", "source", "target", "entries", "digest", "folder"]
    job.write(output, tables.listing(format or tables.format_of(output), header, rows), str)
    job.say(f"lexicons: {len(known)}")


def _read(job: Job, path: Path) -> tuple[str, str]:
    """Give the number of lines and the digest; a damaged file must not hide the others."""
    try:
        lines = sum(1 for _ in job.read(path, lambda line: line))
    except CstoolError as error:
        console.warn(str(error))
        return "-", "-"
    return str(lines), (job.inputs[-1].sha256 or "-")[:_DIGITS]

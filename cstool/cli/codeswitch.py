"""`cstool codeswitch`."""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cstool import console, files, formats
from cstool.cli import options, switching
from cstool.cli.job import Job
from cstool.cli.options import Engine
from cstool.errors import CstoolError
from cstool.records import Example, Text
from cstool.settings import Switching

if TYPE_CHECKING:
    from cstool.account import Account
    from cstool.codeswitch import Switcher
    from cstool.switching.blocks import BlockSwitcher


def run(
    job: Job,
    source: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Training examples, queries or passages; - is stdin."),
    ] = files.STDIO,
    output: options.Output = files.STDIO,
    lexicon: options.Lexicon = "wiki",
    switched: switching.Options = switching.Options(),
    copies: Annotated[
        int,
        typer.Option(min=1, help="Versions of every training example, each switched anew."),
    ] = 1,
    mark: Annotated[
        bool,
        typer.Option(
            "--mark",
            help="Note in every training example what was replaced, for train --align-words.",
        ),
    ] = False,
    seed: options.Seed = Switching.seed,
    trace: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every replacement here, as JSONL."),
    ] = None,
    preview: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Show the first N records that change, and write nothing."
        ),
    ] = None,
    workers: options.Workers = 1,
    shard: options.Shard = None,
    engine: Annotated[
        Engine,
        typer.Option(
            help="ray: the workers are those of the Ray cluster that RAY_ADDRESS names, or of one "
            "on this machine."
        ),
    ] = Engine.LOCAL,
) -> None:
    """Replace words by their translations.

    A share of the words, given by --ratio, is replaced by what a bilingual lexicon has for them.
    One language per side is bilingual code-switching, several are multilingual. Equal input,
    options and seed give equal bytes, in whatever order the records come and however many workers
    and shards there are.

    \b
    cstool codeswitch --lexicon wiki --ratio 0.5 < train.jsonl > switched.jsonl
    cstool codeswitch train.jsonl.gz --lexicon muse --query-lang en --passage-lang de -o bl.jsonl
    cstool codeswitch train.jsonl --lexicon wiki --preset wiki-cs --preview 3
    """
    _check(job.rejects, output, trace, preview, shard)
    from cstool.codeswitch import copies_of
    from cstool.switching.blocks import BlockSwitcher

    settings = switched.settings(seed)
    shown = {name: getattr(settings, name) for name in job.settings if hasattr(settings, name)}
    job.settings = {**job.settings, **shown}
    switcher = switching.switcher(job, lexicon, switched, settings)
    _check_not_read(output, trace, source, job)

    def read() -> Iterator[Example | Text]:
        records = job.read(source, formats.parse_record)
        return copies_of(records, copies) if copies > 1 else records

    if preview:
        count = _show(job, read, switcher, preview)
    else:
        work = BlockSwitcher(switcher, copies, bool(trace), bool(job.rejects), mark)
        blocks = job.read_blocks(source, options.shard(shard))
        count, switcher.accounts = _switch(job, blocks, work, output, trace, engine, workers)
    job.counts = {"records": count} | switcher.summary()
    shares = [
        f"{account.replaced.total()} of {account.words} {side} words"
        for side, account in sorted(switcher.accounts.items())
    ]
    job.say(f"{count} records; replaced {', '.join(shares) or 'nothing'}")
    if not preview:
        _warn(switcher)


def _warn(switcher: "Switcher") -> None:
    """Tell of sides on which much less is replaced than was asked for."""
    for side, account in sorted(switcher.accounts.items()):
        nominal, effective = switcher.nominal_ratio(side), account.effective_ratio()
        if account.words and effective < nominal / 2:
            console.warn(
                f"{side}: {effective:.1%} of the words are replaced, {nominal:.0%} were asked for; "
                f"the lexicon knows {account.matched / account.words:.1%}"
            )


def _check_not_read(output: Path, trace: Path | None, source: Path, job: Job) -> None:
    """Complain about an output that is a lexicon, and about a trace that is any input."""
    lexicons = {reading.path.resolve() for reading in job.inputs}
    for path, inputs in ((output, lexicons), (trace, {*lexicons, source.resolve()})):
        if path and path != files.STDIO and path.resolve() in inputs:
            raise CstoolError(f"{path}: is read, it cannot be written as well")


def _check(
    rejects: Path | None, output: Path, trace: Path | None, preview: int | None, shard: str | None
) -> None:
    """Complain about options that cannot go together."""
    if preview and (trace or shard or output != files.STDIO):
        raise typer.BadParameter(
            "--preview writes nothing: it goes with no --output, no --trace and no --shard"
        )
    for name, other in (("--output", output), ("--rejects", rejects)):
        if trace and other and trace.resolve() == other.resolve():
            raise typer.BadParameter(f"{name} and --trace are the same file")


def _show(
    job: Job, read: Callable[[], Iterator[Example | Text]], switcher: "Switcher", count: int
) -> int:
    from rich.console import Console

    from cstool import preview

    # All are found before the first is shown: until then a line of progress is on the terminal.
    found = preview.find(read(), switcher, count)
    lines = preview.lines(found, sorted(switcher.lexicon), Console())
    job.write(files.STDIO, lines, str)
    return len(found)


def _switch(
    job: Job,
    blocks: Iterable[files.Block],
    work: "BlockSwitcher",
    output: Path,
    trace: Path | None,
    engine: Engine,
    workers: int,
) -> tuple[int, dict[str, "Account"]]:
    """Switch all blocks, wherever that is done, and write what comes back."""
    from cstool import cluster, parallel
    from cstool.account import Account

    count = 0
    accounts: defaultdict[str, Account] = defaultdict(Account)
    # A task of a cluster may be done again, so nothing can be kept there.
    local = engine is Engine.LOCAL
    work = replace(work, keep=local)
    started = (
        parallel.processes(work, workers, work.rest) if local else cluster.tasks(work, workers)
    )

    def lines() -> Generator[bytes]:  # they start when the outputs are open
        nonlocal count
        with started as switched:
            for done in switched(blocks):
                write_trace(done.trace)
                for error, line in done.rejected:
                    job.reject(error, line)
                for side, account in done.accounts.items():
                    accounts[side].add(account)
                count += done.records
                yield done.lines
                if done.error:
                    raise done.error

    with _tracing(job, trace) as write_trace, closing(lines()) as made:
        job.write_blocks(output, made)
    return count, accounts


@contextmanager
def _tracing(job: Job, path: Path | None) -> Iterator[Callable[[bytes], None]]:
    if path is None:
        yield lambda lines: None
        return
    files.check_output(path)
    with files.atomic(path) as out:

        def write(lines: bytes) -> None:
            try:
                out.write(lines)
            except BrokenPipeError:
                raise
            except OSError as problem:  # else it would be told of the file that pulls the records
                raise CstoolError(f"{path}: {problem.strerror}") from problem

        yield write
    job.wrote(path)

"""`cstool codeswitch`."""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cstool import files, formats
from cstool.cli import options
from cstool.cli.job import Job
from cstool.errors import CstoolError
from cstool.records import Example, Text
from cstool.settings import Switching

if TYPE_CHECKING:
    from cstool.blocks import BlockSwitcher
    from cstool.codeswitch import Account, Switcher


class Per(StrEnum):
    """How often a language is drawn."""

    SPAN = "span"
    TEXT = "text"


class Engine(StrEnum):
    """What runs the workers."""

    LOCAL = "local"
    RAY = "ray"


def run(
    job: Job,
    source: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Training examples, queries or passages; - is stdin."),
    ] = files.STDIO,
    output: options.Output = files.STDIO,
    lexicon: options.Lexicon = "wiki",
    ratio: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the words to replace.")
    ] = Switching.ratio,
    langs: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Languages to switch to, for both sides: de or de,it,ru. Default: all there are.",
            callback=options.checked_languages,
        ),
    ] = None,
    query_lang: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="The same for the query side alone; en leaves it as it is.",
            callback=options.checked_languages,
        ),
    ] = None,
    passage_lang: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="The same for the passage side alone; en leaves it as it is.",
            callback=options.checked_languages,
        ),
    ] = None,
    per: Annotated[
        Per, typer.Option(help="Draw a language for every replaced span, or once per text.")
    ] = Per.SPAN,
    skip_stopwords: Annotated[
        bool,
        typer.Option("--skip-stopwords", help="Leave English stop words, unless in a phrase."),
    ] = False,
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
    options and seed give equal bytes, in whatever order the records come. The paper's Wiki-CS is
    --ratio 1 --skip-stopwords --per text --langs en,de,it,nl,ru,ar.

    \b
    cstool codeswitch --lexicon wiki --ratio 0.5 < train.jsonl > switched.jsonl
    cstool codeswitch train.jsonl.gz --lexicon muse --query-lang en --passage-lang de -o bl.jsonl
    """
    if langs and query_lang and passage_lang:
        raise typer.BadParameter("--langs has no effect beside --query-lang and --passage-lang")
    if preview and (trace or shard or output != files.STDIO):
        raise typer.BadParameter(
            "--preview writes nothing: it goes with no --output, no --trace and no --shard"
        )
    for name, other in (("--output", output), ("--rejects", job.rejects)):
        if trace and other and trace.resolve() == other.resolve():
            raise typer.BadParameter(f"{name} and --trace are the same file")
    from cstool.blocks import BlockSwitcher
    from cstool.codeswitch import Switcher, without_stopwords
    from cstool.codeswitch import copies as repeated
    from cstool.lexicons import store

    found = store.pairs(store.find(lexicon), source="en")
    both = options.languages(langs) or tuple(found)
    sides = {
        "query": options.languages(query_lang) or both,
        "passage": options.languages(passage_lang) or both,
    }
    if langs or not (query_lang or passage_lang):
        sides["text"] = both
    targets = sorted({name for side in sides.values() for name in side} - {"en"})
    kept = without_stopwords if skip_stopwords else iter
    tables = store.load(found, targets, lambda path: kept(job.read(path, formats.parse_entry)))
    switcher = Switcher(tables, sides, ratio=ratio, seed=seed, per=per)

    def read() -> Iterator[Example | Text]:
        records = job.read(source, formats.parse_record)
        return repeated(records, copies) if copies > 1 else records

    if preview:
        count = _show(job, read, switcher, preview)
        accounts = switcher.accounts
    else:
        work = BlockSwitcher(switcher, copies, bool(trace), bool(job.rejects), mark)
        blocks = job.read_blocks(source, options.shard(shard))
        count, accounts = _switch(job, blocks, work, output, trace, engine, workers)
    job.counts = {"records": count} | {
        side: account.summary() for side, account in sorted(accounts.items())
    }
    shares = ", ".join(
        f"{sum(account.replaced.values())} of {account.words} {side} words"
        for side, account in sorted(accounts.items())
    )
    job.say(f"{count} records; replaced {shares or 'nothing'}")


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
    from cstool.codeswitch import Account

    count = 0
    accounts: defaultdict[str, Account] = defaultdict(Account)
    start = cluster.tasks if engine is Engine.RAY else parallel.processes

    def lines() -> Generator[bytes]:  # they start when the outputs are open
        nonlocal count
        with start(work, workers) as switched:
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

"""The `cstool` command: the list of its commands."""

from typing import Annotated, Any

import typer

from cstool import __version__
from cstool.cli import (
    codeswitch,
    evaluate,
    examples,
    induce_lexicon,
    lexicon,
    merge,
    mix,
    nq_open,
    prepare,
    pretrain,
    report,
    rerank,
    retrieve,
    train,
    translate,
)
from cstool.cli.command import Group, command


class Chain(Group):
    """Lists the commands in the order in which they follow each other."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Name the commands; typer would put those with subcommands last."""
        order = (
            "prepare examples induce-lexicon lexicon codeswitch translate mix pretrain train merge "
            "retrieve rerank evaluate report"
        )
        return sorted(super().list_commands(ctx), key=order.split().index)


app = typer.Typer(
    cls=Chain, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cstool {__version__}")
        raise typer.Exit


@app.callback()
def cstool(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Train rerankers for cross-lingual retrieval on artificially code-switched English data."""


app.add_typer(prepare.app, name="prepare")
command(prepare.app, "nq-open")(nq_open.run)
command(app, "examples")(examples.run)
app.add_typer(induce_lexicon.app, name="induce-lexicon")
app.add_typer(lexicon.app, name="lexicon")
command(app, "codeswitch")(codeswitch.run)
command(app, "translate")(translate.run)
command(app, "mix")(mix.run)
command(app, "pretrain")(pretrain.run)
command(app, "train")(train.run)
command(app, "merge")(merge.run)
command(app, "retrieve")(retrieve.run)
command(app, "rerank")(rerank.run)
command(app, "evaluate")(evaluate.run)
command(app, "report")(report.run)

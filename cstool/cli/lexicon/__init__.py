"""`cstool lexicon`: what there is, how good it is, and lexicons from lexicons."""

import typer

from cstool.cli.command import command
from cstool.cli.lexicon import evaluate, invert, list, merge, restrict, show, stats

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def lexicon() -> None:
    """Look at lexicons, measure and combine them.

    A lexicon is given by its name, as in `codeswitch --lexicon`, by its folder or as one file.
    """


command(app, "list")(list.run)
command(app, "show")(show.run)
command(app, "stats")(stats.run)
command(app, "evaluate")(evaluate.run)
command(app, "merge")(merge.run)
command(app, "invert")(invert.run)
command(app, "restrict")(restrict.run)

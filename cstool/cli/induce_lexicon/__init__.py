"""`cstool induce-lexicon`: one command for each kind of source."""

import typer

from cstool.cli.command import command
from cstool.cli.induce_lexicon import dictionary, embeddings, text, titles

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def induce_lexicon() -> None:
    """Make a bilingual lexicon.

    A lexicon is a folder with one file for each pair of languages, such as en-de.tsv: source,
    target and score, the best translation first.
    """


command(app, "dictionary")(dictionary.run)
command(app, "titles")(titles.run)
command(app, "embeddings")(embeddings.run)
command(app, "text")(text.run)

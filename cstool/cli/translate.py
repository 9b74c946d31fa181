"""`cstool translate`."""

from pathlib import Path
from typing import Annotated

import typer

from cstool import files, formats
from cstool.cli import options
from cstool.cli.job import Job


def run(
    job: Job,
    source_lang: Annotated[
        str,
        typer.Option(
            metavar="CODE", help="Language of the texts.", callback=options.checked_language
        ),
    ],
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="Queries or passages; - is stdin.")
    ] = files.STDIO,
    output: options.Output = files.STDIO,
    lexicon: options.Lexicon = "wiki",
    target_lang: Annotated[
        str,
        typer.Option(
            metavar="CODE", help="Language to translate into.", callback=options.checked_language
        ),
    ] = "en",
) -> None:
    """Translate queries or passages word by word.

    For Translate-Test: texts of any language become English, and a reranker trained on English
    ranks them. Of the lexicon, SOURCE-TARGET.tsv is taken, and where there is none
    TARGET-SOURCE.tsv the other way round. Words that the lexicon lacks stay, and are counted. The
    output of a machine translation system, with the same ids, can take this command's place.

    \b
    cstool translate queries.de.tsv --lexicon wiki --source-lang de -o queries.de-en.tsv
    """
    if source_lang == target_lang:
        raise typer.BadParameter("--source-lang and --target-lang are the same language")
    from cstool.lexicons import store
    from cstool.translate import Translator, translate

    files.check_output(output)
    path, inverted = store.pair(store.find(lexicon), source_lang, target_lang)
    texts = job.read(source, formats.parse_text)
    entries = job.read(path, formats.parse_entry)
    table = store.Table.of(store.invert(entries) if inverted else entries)
    translator = Translator(table, target_lang)
    job.write(output, translate(texts, translator), formats.format_text)
    account = translator.account
    job.counts = account.summary()
    job.say(f"{account.texts} texts; translated {account.translated} of {account.words} words")

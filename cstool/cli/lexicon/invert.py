"""`cstool lexicon invert`."""

from cstool import formats
from cstool.cli.job import Job
from cstool.cli.lexicon import folder


def run(job: Job, lexicon: folder.Lexicon, output: folder.Output) -> None:
    """Turn a lexicon round: en-de.tsv becomes de-en.tsv.

    Dictionaries put frequent words first, so the first source that has a translation becomes the
    best translation of it, the next one the second best; the scores are one by this rank. An output
    folder that is the lexicon's own gets the other direction beside the first.

    \b
    cstool lexicon invert wiki -o lexicons/wiki-inverted
    """
    from cstool.lexicons import store
    from cstool.lexicons.dictionaries import Account, ranked

    pairs = store.every_pair(store.find(lexicon))
    folder.write(
        job,
        output,
        (
            (
                (target, source),
                ranked(store.invert(job.read(path, formats.parse_entry)), Account()),
            )
            for (source, target), path in pairs.items()
        ),
    )

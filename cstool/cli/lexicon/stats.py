"""`cstool lexicon stats`."""

from typing import TYPE_CHECKING

from cstool import files, formats
from cstool.cli import options
from cstool.cli.job import Job
from cstool.cli.lexicon import folder

if TYPE_CHECKING:
    from cstool.lexicons.statistics import Statistics

_LONG = 4  # words of a phrase, and more
_COUNTS = (
    *("entries", "sources", "translations per source", "most translations"),
    *("of 1 word", "of 2 words", "of 3 words", "of 4 words and more"),
    *("identical", "unmatchable sources"),
)


def run(
    job: Job,
    lexicons: folder.Lexicons,
    output: options.Output = files.STDIO,
    format: options.TableFormat = None,
) -> None:
    """Count what lexicons hold.

    For each pair of languages: entries, sources, translations per source (mean and most), sources
    by their number of words, the share of entries whose sides are the same but for case, sources
    that no text can match (digits, punctuation), and the scripts of the translations' first
    letters.

    \b
    cstool lexicon stats wiki
    cstool lexicon stats lexicons/muse lexicons/titles/en-de.tsv
    """
    from cstool import tables
    from cstool.lexicons import store
    from cstool.lexicons.statistics import Statistics

    found = {
        (lexicon, source, target): Statistics.of(job.read(path, formats.parse_entry))
        for lexicon in lexicons
        for (source, target), path in store.every_pair(store.find(lexicon)).items()
    }
    scripts = sorted({script for one in found.values() for script in one.scripts})
    cells = [[*key, *_counts(one), *_scripts(one, scripts)] for key, one in found.items()]
    rows = [["lexicon", "source", "target", *_COUNTS, *scripts], *cells]
    if (chosen := format or tables.format_of(output)) != options.Format.TSV:
        rows = [list(row) for row in zip(*rows, strict=True)]  # a screen is higher than wide
    job.write(output, tables.listing(chosen, rows[0], rows[1:]), str)
    job.say(f"pairs of languages: {len(found)}")


def _counts(found: "Statistics") -> list[str]:
    longer = sum(count for words, count in found.phrases.items() if words >= _LONG)
    return [
        str(found.entries),
        str(found.sources),
        f"{found.entries / found.sources:.2f}" if found.sources else "-",
        str(found.most),
        *(str(found.phrases[words]) for words in range(1, _LONG)),
        str(longer),
        _share(found.identical, found.entries),
        str(found.unmatchable),
    ]


def _scripts(found: "Statistics", scripts: list[str]) -> list[str]:
    return [_share(found.scripts[script], found.entries) for script in scripts]


def _share(count: int, of: int) -> str:
    return f"{count / of:.1%}" if of else "-"

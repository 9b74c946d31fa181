"""`cstool induce-lexicon text`."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from cstool import console, files, formats
from cstool.cli.induce_lexicon import folder, seeds
from cstool.cli.job import Job
from cstool.errors import CstoolError
from cstool.records import Entry
from cstool.settings import Induction, WordVectors

if TYPE_CHECKING:
    from cstool.lexicons.embeddings import Vectors

_TRAINED = (".vec", ".vec.gz", ".bin")


def run(
    job: Job,
    source: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Text in the source language, a paragraph to a line, or passages; or the .vec of "
            "an earlier run.",
        ),
    ],
    target: Annotated[Path, typer.Option(metavar="FILE", help="The same in the target language.")],
    seed_pairs: Annotated[
        str,
        typer.Option(
            metavar=seeds.METAVAR,
            help=seeds.HELP,
        ),
    ],
    target_lang: folder.TargetLang,
    source_lang: folder.SourceLang = "en",
    output: folder.Output = files.STDIO,
    vectors: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep LANG.vec here. Default: in the lexicon's folder."),
    ] = None,
    dimension: Annotated[
        int, typer.Option("--dim", min=10, help="Numbers in a vector.")
    ] = WordVectors.dimension,
    epochs: Annotated[
        int, typer.Option(min=1, help="How often training reads a text.")
    ] = WordVectors.epochs,
    min_count: Annotated[
        int, typer.Option(min=1, help="Leave out words that occur less often.")
    ] = WordVectors.min_count,
    learning_rate: Annotated[
        float, typer.Option(min=0, help="Of training, at its beginning; it falls to zero.")
    ] = WordVectors.learning_rate,
    threads: Annotated[
        int,
        typer.Option(min=1, help="Of training. More than one are faster, but not reproducible."),
    ] = WordVectors.threads,
    max_translations: Annotated[
        int, typer.Option(min=1, help="Keep the best N for each source.")
    ] = Induction.max_translations,
    keep_identical: folder.KeepIdentical = Induction.keep_identical,
) -> None:
    """Make a lexicon from texts in two languages.

    The texts need not be translations of each other. fastText trains word vectors on each
    (skip-gram with subwords, words in lower case), the seed pairs align them, and the nearest words
    are the translations, as in `induce-lexicon embeddings`. The vectors are kept, also if nothing
    comes of them: that command tries other alignments and filters with them, and this one takes
    them in place of a text. Needs pip install 'cstool[fasttext]'.

    \b
    cstool induce-lexicon text --source en.txt.gz --target de.txt.gz --seed-pairs seeds.txt \\
        --target-lang de -o lexicons/clwe
    """
    from cstool.lexicons.alignment import align
    from cstool.lexicons.dictionaries import Account
    from cstool.lexicons.neighbours import induce

    path = folder.pair_file(output, source_lang, target_lang)
    kept = vectors if vectors or output == files.STDIO else output
    texts = {source_lang: source, target_lang: target}
    for language, text in texts.items():
        files.check_input(text)
        files.check_output(kept / f"{language}.vec" if kept else path)
    seed_file = seeds.file(seed_pairs)
    pairs = list(job.read(seed_file, formats.parse_word_pair)) if seed_file else None
    training = WordVectors(dimension, epochs, min_count, learning_rate, threads=threads)
    sides = _vectors(job, texts, pairs, training, kept)
    settings = Induction(max_translations=max_translations, keep_identical=keep_identical)
    left_out = Counter[str]()
    with console.progress("aligning", None):
        aligned = align(*sides, seeds.find(pairs, *sides), settings)
    with console.progress("looking for neighbours", None):
        entries = induce(*aligned, settings, left_out)
    folder.write(job, path, entries, Account.of(entries, left_out))


def _vectors(
    job: Job,
    texts: Mapping[str, Path],
    pairs: list[Entry] | None,
    settings: WordVectors,
    kept: Path | None,
) -> tuple["Vectors", "Vectors"]:
    """Train vectors on each text, unless it is vectors already, and write what was trained."""
    from cstool.lexicons import embeddings, subwords

    found: dict[str, Vectors] = {}
    with TemporaryDirectory(prefix="cstool-") as scratch:
        todo = {}
        for language, text in texts.items():
            if text.name.endswith(_TRAINED):
                found[language], _, reading = embeddings.read(text)
                job.inputs.append(reading)
                if (given := found[language].matrix.shape[1]) != settings.dimension:
                    raise CstoolError(
                        f"{text}: has {given} dimensions, and --dim is {settings.dimension}"
                    )
            else:
                todo[language] = Path(scratch) / language
                found[language] = _tokenise(job, text, todo[language], settings)
        seeds.check(seeds.find(pairs, *found.values()), pairs, *found.values())
        for language, tokenised in todo.items():
            with console.progress(f"training on {texts[language]}", None):
                found[language] = subwords.train(tokenised, settings)
            if kept:
                job.write(kept / f"{language}.vec", subwords.lines(found[language]), str)
            job.say(f"{len(found[language].words)} vectors from {texts[language]}")
    source, target = found.values()
    return source, target


def _tokenise(job: Job, text: Path, path: Path, settings: WordVectors) -> "Vectors":
    """Write the words of a text, and give those that will get vectors, without any yet."""
    from cstool.lexicons import subwords, vocabulary

    subwords.check()
    counts = Counter[str]()
    texts = (one for line in job.read(text, vocabulary.Parser()) for one in line)
    files.write(path, subwords.tokenised(texts, counts), str)
    words = subwords.untrained(counts, settings)
    if not words.words:
        raise CstoolError(
            f"{text}: none of its {len(counts)} words occurs {settings.min_count} times"
        )
    return words

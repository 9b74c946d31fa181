"""Tell which share of the test's words the wiki lexicon knows, and part the queries by it.

python coverage.py OUT

Writes OUT/test/qrels.well.tsv and qrels.badly.tsv: the judgements of the queries of whose English
words the lexicon knows more than the median share, and of the others.
"""

import json
import sys
from pathlib import Path
from statistics import median

from cstool import files, formats, words
from cstool.lexicons import store
from cstool.translate import Translator

LANGUAGES = ("de", "it", "nl", "ru", "ar")


def known(table: store.Table, text: str) -> float:
    """Give the share of a text's words that the lexicon knows."""
    translator = Translator(table, "")
    translator.text(text)
    return translator.account.translated / max(1, len(words.spans(text)))


def main(out: Path) -> None:
    """Print the shares of all languages and write the two parts."""
    lexicon = store.pairs(store.find("wiki"), source="en")
    # All languages have the same English entries.
    table = store.Table.of(files.read(lexicon["de"], formats.parse_entry))
    queries = list(files.read(out / "test/queries.en.tsv", formats.parse_text))
    passages = list(files.read(out / "test/passages.en.tsv", formats.parse_text))
    shares = {query.id: known(table, query.text) for query in queries}
    middle = median(shares.values())
    qrels = list(files.read(out / "test/qrels.tsv", formats.parse_qrel))
    parts = {
        "well": [qrel for qrel in qrels if shares[qrel.qid] > middle],
        "badly": [qrel for qrel in qrels if shares[qrel.qid] <= middle],
    }
    for name, part in parts.items():
        files.write(out / f"test/qrels.{name}.tsv", part, formats.format_qrel)
    print(f"wiki lexicon: {len(table.best):,} English entries. Share of the words that it knows:")
    print("  queries   passages")
    for language in ("en", *LANGUAGES):
        row = []
        for kind, texts in (("queries", queries), ("passages", passages)):
            if language == "en":
                total = sum(len(words.spans(text.text)) for text in texts)
                found = sum(known(table, text.text) * len(words.spans(text.text)) for text in texts)
                row.append(found / total)
            else:
                account = out / f"translated/{kind}.{language}.tsv.meta.json"
                row.append(1 - json.loads(account.read_bytes())["counts"]["untranslated_share"])
        print(f"  {row[0]:7.0%}   {row[1]:8.0%}   {language}")
    print(
        f"Well covered: the {len(parts['well'])} queries of which it knows more than {middle:.0%}."
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))

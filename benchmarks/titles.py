"""Megabytes per second and memory of `induce-lexicon titles` on generated Wikipedia dumps.

    python benchmarks/titles.py [MB of page, 375] [MB of langlinks, 125]

The dumps have the format and the proportions of Wikimedia's of the English Wikipedia: of the pages
12 % articles and 18 % redirects among them, rows of 110 and of 45 bytes, 100 languages of very
different size, INSERT statements of a megabyte. Times are seconds of the processor, so that they
mean one core; MB are those of the SQL as it is unpacked.
"""

import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cstool import files, formats
from cstool.lexicons import sqldump, store

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data"
LANGS = "de,it,nl,ru,ar"
MB = 1_000_000
STATEMENT = MB  # bytes


def vocabulary() -> tuple[list[str], list[str]]:
    """Take English words and words of five other languages from the shipped lexicon."""
    paths = store.pairs(store.find("wiki"), "en")
    entries = [entry for path in paths.values() for entry in files.read(path, formats.parse_entry)]
    return [entry.source for entry in entries], [entry.target for entry in entries]


def titles(rng: random.Random, words: list[str], count: int) -> list[str]:
    """Make titles of one to four words, some in parentheses, some with a quote, escaped."""
    made = []
    for _ in range(count):
        title = " ".join(rng.choices(words, k=rng.choice([1, 1, 1, 2, 2, 3, 4])))
        title = title[0].upper() + title[1:]
        if rng.random() < 0.15:
            title += f" ({rng.choice(words)})"
        if rng.random() < 0.02:
            title += "'s"
        made.append(title.replace("\\", "\\\\").replace("'", "\\'"))
    return made


def write(path: Path, table: str, head: str, rows: Iterator[str], size: int) -> int:
    """Write a dump of about this many bytes and return how many."""
    with path.open("wb") as out:
        out.write((DATA / head).read_bytes())
        while out.tell() < size:
            statement, length = [], 0
            for row in rows:
                statement.append(row)
                length += len(row.encode()) + 1
                if length > STATEMENT:
                    break
            out.write(f"INSERT INTO `{table}` VALUES {','.join(statement)};\n".encode())
        out.write((DATA / "tail.sql").read_bytes())
        return out.tell()


def pages(rng: random.Random, pool: list[str]) -> Iterator[str]:
    """Make rows of page; every tenth id is an article's (see `links`)."""
    number = 0
    while True:
        number += 1
        draw = number % 10 * 10 + rng.random() * 10
        space = 0 if draw < 30 else rng.choice([1, 1, 2, 3, 4, 6, 10, 14])
        redirect = int(12 <= draw < 30)
        title = f"{name(number)} {rng.choice(pool)}"
        yield (
            f"({number},{space},'{title.replace(' ', '_')}',{redirect},0,{rng.random():.12f},"
            f"'20220602051933','20220602051932',{rng.randint(1, 10**9)},{rng.randint(9, 90000)},"
            "'wikitext',NULL)"
        )


def links(rng: random.Random, pool: list[str], last: int) -> Iterator[str]:
    """Make rows of langlinks for pages up to an id, then again from the first."""
    codes = [*LANGS.split(","), *(f"{a}{b}{c}" for a in "abcde" for b in "ijkl" for c in "nopqr")]
    weights = [1 / (rank + 5) for rank in range(len(codes))]
    while True:
        for page in range(10, last, 10):
            count = rng.choice([1, 1, 2, 3, 5, 9, 30])
            for code in sorted(set(rng.choices(codes, weights, k=count))):
                yield f"({page},'{code}','{rng.choice(pool)}')"


def name(number: int) -> str:
    """Make a word that no other number has."""
    letters = ""
    while number:
        number, letter = divmod(number, 26)
        letters += chr(ord("a") + letter)
    return letters.capitalize()


def seconds(job: Callable[[], object]) -> float:
    """Give the processor's time that a job takes in this process."""
    start = time.process_time()
    job()
    return time.process_time() - start


def scan(path: Path, table: str, columns: tuple[str, ...], where: tuple[str, list[str]]) -> int:
    """Count the wanted rows of a dump."""
    with path.open("rb") as file:
        blocks = iter(lambda: file.read(1 << 20), b"")
        return sum(map(len, sqldump.rows(blocks, table, columns, where)))


def main() -> None:
    """Make the dumps, read each alone, and make lexicons from both."""
    page_mb, links_mb = (int(text) for text in [*sys.argv[1:], *(375, 125)[len(sys.argv) - 1 :]])
    rng = random.Random(1)
    english, other = (titles(rng, words, 300_000) for words in vocabulary())
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        page, langlinks = folder / "page.sql", folder / "langlinks.sql"
        size = write(page, "page", "page-2022.head.sql", pages(rng, english), page_mb * MB)
        last = int(size / 115)  # a row has 112 bytes
        size += write(
            langlinks, "langlinks", "langlinks.head.sql", links(rng, other, last), links_mb * MB
        )
        columns = ("page_id", "page_title", "page_is_redirect")
        took = seconds(lambda: scan(page, "page", columns, ("page_namespace", ["0"])))
        print(f"page alone                {page.stat().st_size / MB / took:6.1f} MB/s")
        columns = ("ll_from", "ll_lang", "ll_title")
        wanted = ("ll_lang", LANGS.split(","))
        took = seconds(lambda: scan(langlinks, "langlinks", columns, wanted))
        print(f"langlinks alone           {langlinks.stat().st_size / MB / took:6.1f} MB/s")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [Path(sys.executable).with_name("cstool"), "induce-lexicon", "titles"]
        command += [page, langlinks]
        subprocess.run([*command, "--langs", LANGS, "-o", folder / "lexicon"], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"the whole command         {size / MB / took:6.1f} MB/s, {took:.1f} s")
        print(f"its memory at most        {after.ru_maxrss / 1024:6.0f} MiB")


if __name__ == "__main__":
    main()

"""Titles of a Wikipedia and its links to other languages, from Wikimedia's SQL dumps.

`page` (the old schema, and that of 2022) tells which id is which article, `langlinks` what an
article is called elsewhere. Redirects and other namespaces than that of articles are left out.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress
from operator import not_
from typing import TYPE_CHECKING

from cstool.lexicons.sqldump import rows, unescaped
from cstool.lexicons.titleindex import TitleIndex
from cstool.lexicons.titles import Link

if TYPE_CHECKING:
    import numpy.typing as npt


class Pages:
    """The articles of a wiki, titles by page id: 8 bytes and the title for each."""

    def __init__(self, blocks: Iterable[bytes], index: TitleIndex) -> None:
        """Read the dump of the table page; all its titles and redirects go into the index.

        ValueError if it is no whole dump of that table.
        """
        import numpy as np

        ids, ends, titles = array("I"), array("I", [0]), bytearray()
        columns = ("page_id", "page_title", "page_is_redirect")
        for found in rows(blocks, "page", columns, ("page_namespace", ["0"])):
            texts = [text.replace("_", " ") for text in _texts([title for _, title, _ in found])]
            is_redirect = [kind == b"1" for _, _, kind in found]
            index.add_redirects(list(compress(texts, is_redirect)))
            articles = list(compress(texts, map(not_, is_redirect)))
            index.add(articles)
            ids += _ids([page for page, _, kind in found if kind != b"1"])
            for title in map(str.encode, articles):
                titles += title
                ends.append(len(titles))
        self._ids, self._ends, self._titles = np.asarray(ids), ends, titles
        self._order: npt.NDArray[np.int64] | None = None
        if (self._ids[1:] <= self._ids[:-1]).any():  # not by its primary key, as mysqldump does
            self._order = np.argsort(self._ids, kind="stable")
            self._ids = self._ids[self._order]

    def __len__(self) -> int:
        return len(self._ids)

    def links(
        self,
        blocks: Iterable[bytes],
        languages: Sequence[str],
        left_out: Mapping[str, Counter[str]],
    ) -> Iterator[Link]:
        """Read the dump of the table langlinks; links of what is no article are left out, counted.

        ValueError if it is no whole dump of that table.
        """
        codes = {language.replace("_", "-"): language for language in languages}
        columns = ("ll_from", "ll_lang", "ll_title")
        for found in rows(blocks, "langlinks", columns, ("ll_lang", list(codes))):
            places = self._places(_ids([page for page, _, _ in found]))
            texts = _texts([title for _, _, title in found])
            last, source = -1, ""
            for place, (_, code, _), target in zip(places, found, texts, strict=True):
                language = codes[code.decode()]
                if place is None:
                    left_out[language]["no-article"] += 1
                    continue
                if place != last:
                    title = self._titles[self._ends[place] : self._ends[place + 1]]
                    last, source = place, title.decode("utf-8")
                yield Link(source, language, target)

    def _places(self, wanted: "array[int]") -> list[int | None]:
        """Find where the titles of these pages lie; None for what is no article."""
        import numpy as np

        if not len(self._ids):
            return [None] * len(wanted)
        pages = np.asarray(wanted)
        found = np.searchsorted(self._ids, pages)
        found[found == len(self._ids)] = 0
        is_article = self._ids[found] == pages
        if self._order is not None:
            found = self._order[found]
        pairs = zip(found.tolist(), is_article.tolist(), strict=True)
        return [place if known else None for place, known in pairs]


def _ids(pages: Sequence[bytes]) -> "array[int]":
    try:
        return array("I", map(int, pages))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"has a page id that is no number of 32 bits: {error}") from error


def _texts(titles: Sequence[bytes]) -> list[str]:
    """Give what titles in a dump mean, with spaces; bytes that are no UTF-8 are marked."""
    texts = unescaped(b"\n".join(titles)).decode("utf-8", "replace").split("\n")
    if len(texts) != len(titles):  # one holds a line break
        texts = [unescaped(title).decode("utf-8", "replace") for title in titles]
    return texts

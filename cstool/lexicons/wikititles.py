"""Pairs of titles from the XML of Linguatools' Wikipedia Parallel Titles Corpora.

    <translation id="1">
      <entry lang="de">Feuer</entry> <redirects lang="de"><redirect>Brand</redirect></redirects>
      <entry lang="en">Fire</entry> <categories lang="en"><category>Fire</category></categories>
    </translation>

Of a translation the entries and the redirects of the source language are used.
"""

from collections.abc import Iterable, Iterator, Sequence
from xml.parsers import expat

from cstool import words
from cstool.lexicons.titleindex import TitleIndex, bare
from cstool.lexicons.titles import Link

MAX_TRANSLATION = 1 << 20  # bytes of one tag, characters of one translation
_ELEMENT = 20  # characters that an element counts for, even if it holds none
_MAX_DEPTH = 20
_MAX_NAMES = 100  # of elements and attributes: real files have nine


def links(
    blocks: Iterable[bytes], source_lang: str, languages: Sequence[str], index: TitleIndex
) -> Iterator[Link]:
    """Yield the links of a file; its titles and redirects go into the index.

    ValueError for what is no such file or lacks a language, for a DOCTYPE (so that no entity can be
    declared), and for tags, translations and nesting beyond what real files have.
    """
    reader = _Reader(source_lang, languages, index)
    parser = expat.ParserCreate(intern=reader.names)
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    fed = 0
    try:
        for block in blocks:
            parser.Parse(block)
            fed += len(block)
            if fed - parser.CurrentByteIndex > MAX_TRANSLATION:
                raise ValueError(f"has a tag of more than {MAX_TRANSLATION >> 20} MiB")
            yield from reader.links
            reader.links.clear()
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        problem = expat.errors.messages[error.code]
        raise ValueError(f"is cut off or no XML: {problem} in line {error.lineno}") from error
    if missing := {source_lang, *languages} - reader.languages:
        there = ", ".join(sorted(reader.languages)) or "no language"
        lacks = ", ".join(sorted(missing))
        raise ValueError(f'has <entry lang="..."> of {there}, expected {lacks} as well')


class _Reader:
    """What expat tells to, tag by tag."""

    def __init__(self, source_lang: str, languages: Sequence[str], index: TitleIndex) -> None:
        self.names: dict[str, str] = {}
        self.languages: set[str] = set()
        self.links: list[Link] = []
        self._source_lang, self._wanted, self._index = source_lang, languages, index
        self._depth = self._held = 0
        self._language = ""
        self._text: list[str] | None = None  # of an entry or a redirect
        self._titles: dict[str, str] = {}
        self._redirects: list[str] = []

    def doctype(self, *_: object) -> None:
        raise ValueError("has a DOCTYPE, which could declare entities; expected none")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH or len(self.names) > _MAX_NAMES:
            raise ValueError("is nested or named like no file of Linguatools")
        self._hold(_ELEMENT)
        if name == "translation":
            self._held = 0
            self._titles.clear()
            self._redirects.clear()
        elif name in ("entry", "redirects"):
            self._language = attributes.get("lang", "")
        if name in ("entry", "redirect"):
            self._text = []

    def text(self, data: str) -> None:
        self._hold(len(data))
        if self._text is not None:
            self._text.append(data)

    def end(self, name: str) -> None:
        self._depth -= 1
        if self._text is not None and name in ("entry", "redirect"):
            title, self._text = " ".join("".join(self._text).split()), None
            if name == "entry":
                self.languages.add(self._language)
                self._titles.setdefault(self._language, title)
            elif self._language == self._source_lang:
                self._redirects.append(title)
        elif name == "translation" and (source := self._titles.get(self._source_lang)):
            self._index.add([source])
            own = words.key(bare(source))  # which "X" for "X (film)" takes from no other article
            others = [redirect for redirect in self._redirects if words.key(redirect) != own]
            self._index.add_redirects(others)
            self.links += [
                Link(source, language, self._titles[language])
                for language in self._wanted
                if language in self._titles
            ]

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > MAX_TRANSLATION:
            raise ValueError(f"has a translation of more than {MAX_TRANSLATION >> 20} MiB")

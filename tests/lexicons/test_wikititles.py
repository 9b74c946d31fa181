from itertools import chain, islice, repeat

import pytest

from cstool.lexicons.titleindex import TitleIndex
from cstool.lexicons.titles import Link
from cstool.lexicons.wikititles import MAX_TRANSLATION, links

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<wikititles name="de-en">\n<header/>\n<translations>\n'
)
TAIL = "</translations>\n</wikititles>\n"
FIRE = """<translation id="1">
<entry lang="de">Feuer</entry>
<redirects lang="de"><redirect>Brand</redirect><redirect>Flamme &amp; Co.</redirect></redirects>
<textlinks lang="de"><textlink>Feuers</textlink></textlinks>
<categories lang="de"><category>Verbrennung</category></categories>
<entry lang="en">Fire</entry>
<redirects lang="en"><redirect>Android</redirect></redirects>
</translation>
"""
ANDROID = """<translation id="2">
<entry lang="de">Android (Betriebssystem)</entry>
<entry lang="en">Android (operating system)</entry>
<redirects lang="en"><redirect>Android OS</redirect></redirects>
</translation>
"""
MAGNOLIA = """<translation id="3">
<entry lang="de">Magnolia (Film)</entry><entry lang="en">Magnolia
 (film)</entry>
<redirects lang="en"><redirect>Magnolia</redirect></redirects>
</translation>
"""


def read(text, source="en", languages=("de",), size=50):
    index = TitleIndex()
    data = text.encode() if isinstance(text, str) else text
    blocks = (data[start : start + size] for start in range(0, len(data), size))
    found = list(links(blocks, source, languages, index))
    index.close()
    return found, index


@pytest.mark.parametrize("size", [1, 50, 1 << 20])
def test_entries_are_linked_in_the_direction_asked_for(size):
    text = HEAD + FIRE + MAGNOLIA + TAIL
    assert read(text, size=size)[0] == [
        Link("Fire", "de", "Feuer"),
        Link("Magnolia (film)", "de", "Magnolia (Film)"),
    ]
    assert read(text, "de", ["en"], size)[0][0] == Link("Feuer", "en", "Fire")


def test_another_articles_redirect_takes_the_bare_form_and_ones_own_does_not():
    index = read(HEAD + FIRE + ANDROID + MAGNOLIA + TAIL)[1]
    assert index.is_taken("Android")  # of Fire, here
    assert not index.is_taken("Magnolia")


def test_a_translation_without_one_of_the_languages_is_passed_over():
    lacking = '<translation id="9"><entry lang="de">Ohne</entry></translation>'
    assert len(read(HEAD + lacking + FIRE + TAIL)[0]) == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is cut off or no XML: no element found in line 1"),
        ("Fire\tFeuer\n", "is cut off or no XML: syntax error in line 1"),
        (HEAD + FIRE, "is cut off or no XML: no element found in line 13"),
        (HEAD + FIRE[:60], "is cut off or no XML"),
        (HEAD + TAIL, 'has <entry lang="..."> of no language, expected de, en as well'),
        ("<html><body>Fire</body></html>", "of no language, expected de, en"),
        (HEAD + FIRE.replace("&amp;", "&nbsp;") + TAIL, "undefined entity"),
        ('<!DOCTYPE x [<!ENTITY a "b">]>' + HEAD[39:] + TAIL, "has a DOCTYPE"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "has a DOCTYPE"),
        (HEAD.encode() + b"\xff" + TAIL.encode(), "invalid token"),
        ("<x>" * 30, "is nested or named like no file of Linguatools"),
        ("<x>" + "".join(f"<a{n}/>" for n in range(200)), "is nested or named like no file"),
    ],
)
def test_what_is_no_such_file_is_told(text, problem):
    with pytest.raises(ValueError, match=problem.replace(".", r"\.")):
        read(text)


def test_a_language_that_is_not_there_is_told():
    with pytest.raises(ValueError, match="of de, en, expected ru as well"):
        read(HEAD + FIRE + TAIL, "en", ["de", "ru"])


@pytest.mark.parametrize(
    ("start", "again", "problem"),
    [
        ("<x><entry lang='", "y" * 100_000, "has a tag of more than 1 MiB"),
        (
            "<x><translation><entry lang='en'>",
            "y" * 100_000,
            "has a translation of more than 1 MiB",
        ),
        ("<x><translation>", "<redirect/>" * 1000, "has a translation of more than 1 MiB"),
        ("<x>", "y" * 100_000, "has a translation of more than 1 MiB"),
        ("<x><!-- ", "y" * 100_000, "has a tag of more than 1 MiB"),
    ],
)
def test_what_never_ends_is_refused_before_it_fills_the_memory(start, again, problem):
    taken = 0

    def endless():
        nonlocal taken
        for block in chain([start.encode()], islice(repeat(again.encode()), 200)):
            taken += len(block)
            yield block

    with pytest.raises(ValueError, match=problem):
        list(links(endless(), "en", ["de"], TitleIndex()))
    assert taken <= 2 * MAX_TRANSLATION

"""Signs that the languages of a lexicon are not those that it is said to have.

None of them is certain: Russian titles hold "Windows", and half of the names of a German list are
English. So they are told to a person, and nothing is left out for them.
"""

from collections.abc import Iterable, Iterator, Sequence

import regex

from cstool import words
from cstool.lexicons import commonwords
from cstool.records import Entry

FEWEST = 20  # pairs with letters on both sides: fewer say nothing
SAMPLE = 20_000  # entries that are worth looking at: more say no more
_HALF = 0.5
_SAME = 0.95  # of the pairs: names of persons alone are the same in 60 to 80 % of all titles
_FUNCTION_WORDS = 15  # "die", "was", "so", "in" are German as well

_WRITTEN_IN = {
    "Arabic": "ar arz ary fa ps ur ckb sd ug pnb azb",
    "Armenian": "hy hyw",
    "Bengali": "bn as",
    "Cyrillic": "ru uk be bg mk kk ky tg mn ba tt cv os ce sah",
    "Devanagari": "hi mr ne sa mai bho new",
    "Ethiopic": "am ti",
    "Georgian": "ka xmf",
    "Greek": "el",
    "Gujarati": "gu",
    "Gurmukhi": "pa",
    "Han": "zh yue wuu gan lzh",
    "Hangul": "ko",
    "Hebrew": "he yi",
    "Japanese": "ja",
    "Kannada": "kn",
    "Khmer": "km",
    "Lao": "lo",
    "Latin": "af ast az bs ca ceb cs cy da de en eo es et eu fi fil fo fr fy ga gl ha hr ht hu id "
    "ig is it jv la lb lt lv mg mi ms mt nb nds nl nn no oc pl pt rm ro sco sk sl so sq su sv sw "
    "tl tr uz vi war wo xh yo zu",
    "Malayalam": "ml",
    "Myanmar": "my",
    "Sinhala": "si",
    "Tamil": "ta",
    "Telugu": "te",
    "Thai": "th",
    "Tibetan": "bo dz",
}
_SCRIPT_OF = {code: script for script, codes in _WRITTEN_IN.items() for code in codes.split()}


def doubts(entries: Iterable[Entry], source_lang: str, target_lang: str) -> Iterator[str]:
    """Give a sentence for each sign that the languages are swapped, wrong or one and the same.

    Languages that are not in the table of scripts are not doubted for their script; by its function
    words English alone is told.
    """
    letter = _letter("L")
    pairs = [
        (words.key(entry.source), words.key(entry.target))
        for entry in entries
        if letter.search(entry.source) and letter.search(entry.target)
    ]
    if len(pairs) < FEWEST:
        return
    different = [(source, target) for source, target in pairs if source != target]
    same = 1 - len(different) / len(pairs)
    if same >= _SAME:
        yield f"{same:.0%} of the pairs have the same word on both sides: is it one language twice?"
        return
    sources, targets = ([pair[side] for pair in different] for side in (0, 1))
    if _better_swapped(sources, targets, source_lang, target_lang):
        yield f"the sources look like {target_lang}, the targets like {source_lang}: swapped?"
        return
    for language, side in ((source_lang, sources), (target_lang, targets)):
        script = _SCRIPT_OF.get(language)
        if script and (share := _share(side, script)) < _HALF:
            yield f"only {share:.0%} of the {language} words hold a {script} letter"


def _better_swapped(
    sources: Sequence[str], targets: Sequence[str], source_lang: str, target_lang: str
) -> bool:
    scripts = [_SCRIPT_OF.get(language) for language in (source_lang, target_lang)]
    if scripts[0] != scripts[1] and all(scripts):
        first, second = (
            [_share(side, script) for side in (sources, targets)] for script in scripts if script
        )
        return first[1] > first[0] and second[0] > second[1]
    if "en" not in (source_lang, target_lang):
        return False
    english, other = (sources, targets) if source_lang == "en" else (targets, sources)
    function_words = commonwords.STOP_WORDS
    here, there = (len(function_words.intersection(side)) for side in (english, other))
    return there >= _FUNCTION_WORDS and there > 2 * here


def _share(side: Sequence[str], script: str) -> float:
    letter = _letter(script)
    return sum(letter.search(word) is not None for word in side) / len(side)


def _letter(script: str) -> "regex.Pattern[str]":
    if script == "Japanese":
        return regex.compile(r"[\p{Hiragana}\p{Katakana}\p{Han}]")
    return regex.compile(rf"\p{{{script}}}")  # kept by regex

"""Pairs of a query language and a passage language, and the sets of them that have a name."""

import re

LANGUAGE = r"(?:[a-z]{2,3}(?:_[a-z]+)?|xx[a-z0-9]+)"
NAME = rf"(?P<query>{LANGUAGE})-(?P<passage>{LANGUAGE})"

_MOIR = "en-en de-de it-it nl-nl ru-ru ar-ar"
_CLIR = "en-de en-it en-ar en-ru de-it de-nl de-ru ar-it ar-ru"
_MLIR = "xx6-en en-xx6 xx6-xx6"
_UNSEEN_MOIR = "fr-fr id-id es-es pt-pt zh-zh vi-vi"
_UNSEEN_CLIR = "fr-en id-nl es-fr en-pt de-vi it-zh fr-pt id-vi pt-zh"
_UNSEEN_MLIR = "xx14-en en-xx14 xx14-xx14"  # the fourteen languages of mMARCO
# The sets of arXiv 2305.05295: languages that its lexicons have, and others.
SETS = {
    "paper": f"{_MOIR} {_CLIR} {_MLIR}".split(),
    "paper-unseen": f"{_UNSEEN_MOIR} {_UNSEEN_CLIR} {_UNSEEN_MLIR}".split(),
}
SEEN = ("en", "de", "it", "nl", "ru", "ar", "xx6")  # what the paper switches to, and English


def parse_pairs(value: str) -> list[tuple[str, str]]:
    """Split `paper,es-en` into pairs, each once and in their order; the name of a set is its pairs.

    ValueError for a name that is neither a pair nor a set.
    """
    pairs: dict[tuple[str, str], None] = {}
    for item in value.split(","):
        for name in SETS.get(item, [item]):
            match = re.fullmatch(NAME, name)
            if match is None:
                raise ValueError(
                    f"{name!r} is no pair of languages such as en-de or en-xx6, and no set of "
                    f"pairs; there is {', '.join(SETS)}"
                )
            pairs[match["query"], match["passage"]] = None
    return list(pairs)

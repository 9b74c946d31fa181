"""Words that a title in parentheses is not about, though they are all of it: "Can (band)".

Common words are those of the shipped lexicon, which was made of them, and for English some more,
for the most part forms of verbs: both were written for cstool. Stop words of other languages than
English are NLTK's.
"""

from collections.abc import Iterable

from cstool import words
from cstool.records import Entry

_STOP_WORDS = """
    a about above after again against all am an and any are as at be because been before being below
    between both but by can cannot could did do does doing down during each few for from further had
    has have having he her here hers herself him himself his how i if in into is it its itself just
    me might more most must my myself no nor not now of off on once only or other our ours ourselves
    out over own same shall she should so some such than that the their theirs them themselves then
    there these they this those through to too under until up upon us very was we were what when
    where which while who whom whose why will with within without would yes yet you your yours
    yourself yourselves
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())

_MORE = """
    accept accepted act acted acting actually admit afraid agree agreed ahead aim alone alright
    amazing anybody anyone anything anyway anywhere apart apply argue aside asking asleep avoid
    awake aware awful back backward badly basic bear beaten beg begging believing belonging bend
    bent bet beyond bit bite bitten blame bless blew blow blown boring bother bound breaking
    bringing bury busy buying bye calling calmly care caring carry carrying casual catching changing
    cheat check choosing claim clearly climb closely closer closing coming complain concern confused
    consider considered crawl crazy creating cried cries crush cry crying curious cutting dare dead
    dear decide decided deeply deliver demanded denied deny depend deserve desire die disappear done
    doubt drag dreaming drinking drive driven driving drop dropped drove dying eager earn easier
    eating eight either eleven else empty encourage enjoy enjoyed enough especially even eventually
    ever everybody everyone everything exactly excited excuse expect expected express extra fail
    failed fair fake falling familiar fancy favorite favourite feeding fellow fifteen fifty fighting
    figure final finding fine finish finished fit fix fixed flying folks following fool foolish
    forbid forever forgave forgive forgot forgotten forty forward free frequent fulfil fun funny
    gather gentle getting giving glad going gone gonna gotta grab grand grateful greedy growing
    guess guilty ha half hang hanging happening happily hardly harsh hate hated hates haunted having
    heading healing hear hearing hello helping hey hi hiding hit holding honest hopefully hoping
    horrible host huge hung hurry hurt hurts ignore imagine immediately impress indeed insist
    instead intend interested interesting invite itself jealous join joke jump jumped jumping
    keeping kick kidding killing kiss knock knowing lack laid lately laugh laughed laughing lazy
    leading leaning leap learning leaving lend let lets letting lift like liked likely likes liking
    listen listened listening literally little loaded lonely looking loose lot lots lousy loved
    lovely lover loves loving lower lucky lying mad maintain manage managed marked match matter
    maybe mean meant meanwhile meet meeting meets melting mention merely mess met miss missed
    missing mistake moment mostly naked nasty naturally neither nice nobody none nonsense normal
    normally nothing notice noticed nowhere obviously occur odd offering oh ok okay ought ourselves
    outrageous owe owed pair past paying perfect perfectly pick picked playing please pleased
    pleasure plenty polite pray praying precious prefer prepare present pretend pretty prevent
    probably promise promised proper proud pulling pure pushing putting quick quit quite raised
    rather reach reaching react reading ready realise realize really receive recent recently
    recognize refuse regret regular relax release rely remain remarkable remind remove repeat reply
    request rescue respect respond rest ride riding ringing rolling rotten rude ruin running rush
    sad safely saved saving saying scared scary search secret seeing seek seldom selfish selling
    send sending serious seriously serve served settle seventy severe shake shaken shaking shall
    shame shed shocked shoot shooting shot shout showing shut shy silent silly sing singing sink
    sitting sixty sleeping slide slight slightly slip smart smell smile smiling solve somebody
    somehow someone something sometime somewhat somewhere sorry sort speaking spell spend spent
    spoil standing stare starting stayed staying steal stealing stick stole stolen stood stopping
    struck struggle stuck stupid succeed sudden suffer suggest suit supper suppose supposed sure
    surely surprise surprised survive suspect swear sweetly swept swing taking talk talked talking
    talks teaching tear tearing telling tempted terrible thank thankful thanks thinking thirteen
    thirty though throwing thrown thus tight till together tomorrow tonight torn total totally touch
    touched touching tough toward track travel tremble trouble truly trust trusted try trying
    turning twelve twenty twisted ugly unable undone unless unlike unusual upset usual utter vain
    vanish vary vast wait waited waiting wake waking wander wanted wanting warn warned watch watched
    watching wearing weird welcome well whatever whenever wherever whether whisper whoever wicked
    willing wish wished wishes wishing woke wonder wonderful wondering working worried worry worth
    wow wrap writing yeah yell
"""
MORE_COMMON_WORDS = frozenset(_MORE.split())

# The lists that bm25s has, by language.
_NLTK = {
    "da": "DANISH",
    "de": "GERMAN",
    "es": "SPANISH",
    "fr": "FRENCH",
    "it": "ITALIAN",
    "nb": "NORWEGIAN",
    "nl": "DUTCH",
    "no": "NORWEGIAN",
    "pt": "PORTUGUESE",
    "ru": "RUSSIAN",
    "sv": "SWEDISH",
    "tr": "TURKISH",
}


def stop_words(language: str) -> frozenset[str]:
    """Give the stop words of a language, none if we have no list of them."""
    if language == "en":
        return STOP_WORDS
    if language not in _NLTK:
        return frozenset()
    from bm25s import stopwords

    return frozenset(map(words.key, getattr(stopwords, f"STOPWORDS_{_NLTK[language]}")))


def common_words(language: str, shipped: Iterable[Entry]) -> frozenset[str]:
    """Give the keys of common words of a language, from a lexicon of English and this language.

    They are its single words whose English side begins with a small letter; names begin with a
    capital one.
    """
    common = {
        words.key(entry.source if language == "en" else entry.target)
        for entry in shipped
        if entry.source[:1].islower()
    }
    if language == "en":
        common |= MORE_COMMON_WORDS | STOP_WORDS
    return frozenset(word for word in common if " " not in word)

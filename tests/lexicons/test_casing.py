from cstool.lexicons import casing
from cstool.lexicons.casing import Casing, running


def learnt(*titles):
    found = Casing()
    for title in titles:
        found.see_titles([title])
    return found


def test_words_within_titles_are_counted_but_not_the_first():
    found = learnt("Musik und Musik", "Die musik (Film)", "Apple iPhone", "NATO DNA")
    assert found.capital == {"musik": 1, "film": 1}
    assert found.small == {"und": 1, "musik": 1}
    assert [found.is_small(word) for word in ("und", "FILM", "Musik", "Haus")] == [
        True,
        False,
        False,
        None,
    ]


def test_of_a_text_those_words_are_counted_that_no_sentence_begins_with():
    found = Casing()
    found.see_text("Das Haus ist alt, Haus um haus. Das ist es: Ein Satz! Oder")
    assert found.capital == {"haus": 2, "satz": 1}
    assert found.small == {"ist": 2, "alt": 1, "um": 1, "haus": 1, "es": 1}


def test_rare_words_go_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(casing, "MAX_WORDS", 3)
    found = learnt("X a b", "X a c", "X a b", "X d")
    assert found.small == {"a": 3, "b": 2}


def title_in(source, target, languages=("en", "es"), common=(), **learnt_from):
    cases = {language: learnt(*learnt_from.get(language, ())) for language in languages}
    return running(source, target, languages, cases, common)


def test_the_target_language_decides():
    es = ["Historia de la música", "Historia de Grecia"]
    assert title_in("Music", "Música", es=es) == "música"
    assert title_in("Greece", "Grecia", es=es, en=["History of greece"]) == "Grecia"
    assert title_in("Music", "Musik", ("en", "de"), de=["Geschichte der Musik"]) == "Musik"
    de = ["Grundlagen künstlicher Kunst", "Die künstliche Kunst"]
    assert title_in("Art", "Künstliche Kunst", ("en", "de"), de=de) == "künstliche Kunst"


def test_the_source_decides_of_words_not_seen_but_not_for_german():
    en = ["History of music"]
    assert title_in("Music", "Música", en=en) == "música"
    assert title_in("Music", "Música") == "Música"
    assert title_in("Music", "Música", common={"music"}) == "música"
    assert title_in("Music", "Musik", ("en", "de"), common={"music"}, en=en) == "Musik"


def test_names_of_several_words_and_abbreviations_stay():
    es = ["La nueva real academia"]
    assert title_in("New York", "Nueva York", es=es) == "Nueva York"
    assert title_in("Royal academy", "Real Academia", es=es) == "Real Academia"
    assert title_in("Royal academy", "Real academia", es=es) == "real academia"
    assert title_in("DNA", "ADN", es=["El adn"]) == "ADN"
    assert title_in("Letter", "A", es=["Vocal a"]) == "A"


def test_scripts_without_case_and_the_dotless_i():
    assert title_in("Water", "水", ("en", "ja"), common={"water"}) == "水"
    assert (
        title_in("Light", "I\u015f\u0131k", ("en", "tr"), common={"light"}) == "\u0131\u015f\u0131k"
    )
    assert title_in("Name", "\u0130sim", ("en", "tr"), common={"name"}) == "isim"

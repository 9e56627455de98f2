"""Where sentences end, and where they stand."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.articles import Article
from pipeline.sentences import sentences_of, spans

BOUNDARIES = Path(__file__).parent / "data/boundaries.txt"


def paragraphs() -> Iterator[tuple[str, list[str]]]:
    """What joins the sentences of a paragraph, and the sentences."""
    for block in BOUNDARIES.read_text(encoding="utf-8").split("\n\n"):
        rows = [row for row in block.split("\n") if row and not row.startswith("# ")]
        if rows:
            yield ("\n", rows[1:]) if rows[0] == "@lines" else (" ", rows)


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in spans(text)]


def test_boundaries_of_news_prose_are_found() -> None:
    """F1 is at least 0.97 over the ends of sentences inside paragraphs; a paragraph's own end is not counted."""
    right = wrong = missed = prose = 0
    for joint, rows in paragraphs():
        text = joint.join(rows)
        ends = {sum(len(row) + 1 for row in rows[:i]) - 1 for i in range(1, len(rows))}
        found = {end for _, end in spans(text)} - {len(text)}
        right, wrong, missed = right + len(ends & found), wrong + len(found - ends), missed + len(ends - found)
        prose += len(ends) if joint == " " else 0
    assert prose >= 300
    assert 2 * right / (2 * right + wrong + missed) >= 0.97


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_hard_wrapped_prose_is_cut_like_the_same_prose_in_one_line(newline: str) -> None:
    """Lines broken at 70 columns are read as one; the line break stays inside the sentence."""
    prose = [" ".join(rows) for joint, rows in paragraphs() if joint == " "]
    wrapped = "\n\n".join(textwrap.fill(text, 70, break_on_hyphens=False, break_long_words=False) for text in prose)
    found = [" ".join(sentence.split()) for sentence in cut(wrapped.replace("\n", newline))]
    assert found == [sentence for text in prose for sentence in cut(text)]


# One case a row; | stands where a sentence is to end (after it, one space or line end is dropped).
@pytest.mark.parametrize("marked", [
    # quotations and their tags
    '"We won\'t." she said. | "Not now."',
    "“We won’t.” she said. | “Not now.”",
    "“They’ll go around. | They always have.”",
    '"Why now?" Sen. Ruth Kane asked. | "Why not?" he replied.',
    '"Stop!" the guard shouted. | "Now!"',
    '"Why?" | He said nothing.',
    "‘It ends here,’ he said. | ‘Here!’",
    # abbreviations
    "He left the U.S. | He never came back.",
    "A U.S. District Court ruled. | The U.S. appealed.",
    "They live in Nogales, Ariz. | Nobody else does.",
    "They live in Fresno, Calif., and work there. | They rent.",
    "Sen. Dianne F., D-Calif., disagreed. | Rep. Ann O. (R-Ariz.) did not.",
    "Lt. Gov. Dan Harper met Sgt. Luis Prado and Gov. Whitlow. | They shook hands.",
    "The A.C.L.U., the N.A.A.C.P. and J. D. Vance agreed. | George W. Bush did not.",
    "Mr. J. A. Brandt met Martin Luther King Jr. | He was 12.",
    "In Trump v. Hawaii, No. 17-965, the court ruled 5-4. | It was June 26.",
    "She said no. | They left.",
    "They let us in. | Congress went home. | The wash. | That was all.",
    "It opens at 3 p.m. Friday and closes at 5 p.m. | Police will be there.",
    "It opens at 9 a.m. EST on Jan. 25. | It closes in Feb. 2019.",
    "Under Sec. 287(g) and 8 U.S.C. 1325 it is a crime. | It carries 6 months.",
    "CoreCivic Inc. rose. | So did GEO Group Inc. | Others fell.",
    "In St. Louis, on Mt. Vernon Ave., it rained. | We stayed on Main St. | The rest left.",
    "It cost $1.6 billion, or 3.5 percent. | $341 million was spent. | 41 people came.",
    "NOGALES, Ariz. (Agency) - Crews began work. | They will stay.",
    "TUCSON, Ariz. — Crews began work. | They will stay.",
    # marks
    "I think... I think so. | We lost it ... | The room was quiet… | Then it was not.",
    "It was … well, long. | He voted for the wall ... and regrets it.",
    "“We tried . . . and failed.” | No one spoke.",
    "What?! | No!!! | Who wants this?",
    "Yahoo! News had it first. | Others followed.",
    "(He later resigned.) | She did not (see below). | [Editor's note: She has since.]",
    "He won — barely. | She lost — again — by 3.",
    "Great! 🎉 | Now we wait. 😀😀 | #NoWall is trending. | @Mayor replied.",
    "See https://news.example/a.B?c=1.2 for more. | Write to tips@news.example. | Thanks.",
    "At 5\u00a0p.m.\u00a0Friday Mr.\u00a0Oakes left. |\u00a0He was tired.",
    "They voted.|The bill passed. | It was late.",
    # lines
    "HOW WE GOT HERE |\nA ban was signed. | It was blocked.",
    "• Six countries |\n• Not seven. |\n- It starts on Jan. 27 |\n* Twice. | Yes.",
    "1. Build it. | Now. |\n2. Pay for it. |\n(a) By tax |\nIV. Leave.",
    "10:20 p.m. The Senate votes. |\nMs. OAKES. Thank you. | I yield.",
    "The plan would: |\nhire judges |\nbuild a wall",
    "One line |\r\nAnother line. | And more. |\r\n\r\nA paragraph",
])
def test_tricky_places(marked: str) -> None:
    """Each is cut at its marks and nowhere else."""
    pieces = marked.split("|")
    assert cut("".join(piece.removesuffix(" ") for piece in pieces)) == [piece.strip() for piece in pieces]


PIECES = st.sampled_from([
    "The", "mayor", "U.S.", "Ariz.", "No.", "17", "p.m.", "J.", "...", "…", ". . .", ".", "?", "!", '"', "“", "”", "’", "(",
    ")", "—", "•", "🎉", "#tag", "@who", "https://a.example/b.C", " ", " ", " ", "\n", "\n\n", "\r\n", "\t",
    "\u00a0", "\u2028", "\ud800", "said", "I", "1.", "a" * 60,
])


@given(st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join)))
@example("")
@example(" \r\n\t\u00a0")
@example("\ud800. \udfff")
def test_spans_cover_the_text(text: str) -> None:
    """Spans are ordered, apart, trimmed, not empty, and hold every character that is not white space."""
    found = spans(text)
    at = 0
    for start, end in found:
        assert at <= start < end
        assert not text[at:start].strip()
        assert text[start:end] == text[start:end].strip()
        at = end
    assert not text[at:].strip()


@given(st.text())
def test_blank_lines_separate(text: str) -> None:
    """No sentence reaches over a blank line."""
    assert len(spans(f"A {text} a\n\nb")) > len(spans(f"A {text} a"))


@pytest.mark.parametrize("piece", [
    "a.", '"', ".", "!", '."', ". ", "? a ", "A. ", "U.S. A ", "aa.Aa ", " .", "🎉", ".🎉", "(. ", "a\n", " ", "\n", "1. ",
    '?" A A '])
def test_hostile_text_of_a_million_characters_is_cut(piece: str) -> None:
    """Any run of stops, quotes or spaces is read in linear time (in quadratic time this would take hours)."""
    text = piece * (1_000_000 // len(piece))
    assert "".join("".join(cut(text)).split()) == "".join(text.split())


def test_sentences_carry_the_one_before_and_the_title() -> None:
    """Text, context, place and offsets come from the article."""
    article = Article("a1", "It rained. It\npoured.", "Weather")
    assert [(s.text, s.previous, s.title, s.article, s.position, s.start, s.end) for s in sentences_of(article)] == [
        ("It rained.", "", "Weather", "a1", 0, 0, 10),
        ("It", "It rained.", "Weather", "a1", 1, 11, 13),
        ("poured.", "It", "Weather", "a1", 2, 14, 21),
    ]

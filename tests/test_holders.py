"""Who says it: the holder is the phrase that a reader would underline, and no text is too strange or too long."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import DataError
from pipeline.holders import find_holder, holder_columns
from pipeline.holders.judge import judge_holders

HOSTILE = st.lists(st.sampled_from([
    *"\"“”‘’'(),;:—.-? ", "\n", "said ", "The ", "Trump ", "that ", "and ", "who ", "was ", "by ", "according to ", "told ",
    "of ", "MS. DOE: ", "İ", "\u202e", "ruled ", "2 "]), max_size=120).map("".join)


@pytest.mark.parametrize(("text", "holder"), [
    ('"We hold nobody on a fax," said Sheriff Ann Pruett, whose jail has 300 beds.', "Sheriff Ann Pruett"),
    ("Sen. Lee Ortega, D-N.M., said the wall was a waste.", "Sen. Lee Ortega"),
    ("According to a report by the Valley Institute, few of them come back.", "Valley Institute"),
    ("A federal judge in Tacoma blocked the rule on Friday.", "federal judge"),
    ("The House voted 220-210 to pay for the fence, and Democrats vowed to fight.", "House"),
    ("In a tweet, Trump wrote that the court was wrong.", "Trump"),
    ("They say the raids keep children from school.", "They"),
    ("He's said it before.", "He"),
    ("The fence will not hold, the county's sheriff warned.", "county's sheriff"),
    ("The rule was struck down by a panel of the 9th Circuit.", "panel of the 9th Circuit"),
    ("The senator said the president had threatened to close the border.", "senator"),
    ("The city sued, its lawyers said.", "its lawyers"),
    ("WASHINGTON (Wire) — Acting Secretary Dana Cole told reporters on Monday that it would end.",
     "Acting Secretary Dana Cole"),
    ("MS. DOE: It never came.", "MS. DOE"),
    ("Moss, Grady and Bell concurred.", "Moss, Grady and Bell"),
    ("A spokesman for the agency declined to comment.", "spokesman for the agency"),
    ("The judge who had heard the case ruled that it could go on.", "judge"),
    ("Mayor Kim Ward, a Democrat, began with figures and accused the state of bluster.", "Mayor Kim Ward"),
])
def test_the_holder_is_found(text: str, holder: str) -> None:
    """Speakers before and after the verb, sources, bodies that act, the outermost voice of several."""
    span = find_holder(text)
    assert span is not None
    assert text[slice(*span)] == holder


@pytest.mark.parametrize("text", [
    "Agents arrested 41 people in the county on Tuesday.",
    "The wall that Trump promised is not there.",
    "We believe that this is cruel.",
    "The law lets a judge decide.",
    "If the governor signs it, the rule takes effect in June.",
    "The order was blocked.",
    "Travel bans and removal orders are up.",
    "The bill would ban such policies.",
    "",
    "said",
    '"',
])
def test_where_the_writer_speaks_there_is_no_holder(text: str) -> None:
    """Operations, things, first persons, subordinate clauses and passives without an agent name nobody."""
    assert find_holder(text) is None


@given(HOSTILE)
def test_offsets_give_the_holder_of_any_text(text: str) -> None:
    """The three columns agree whatever the text is, and a holder neither begins nor ends with a blank."""
    columns = holder_columns([text, text])
    assert len(columns["holder"]) == 2
    holder, start, end = (columns[name][0] for name in ("holder", "holder_start", "holder_end"))
    assert text[start:end] == (holder or "")
    assert holder is None or holder == holder.strip()


@pytest.mark.parametrize("unit", ['"', ",", '", said ', "“", "(", "said, and ", "the mayor, ", "A.", "who said ",
                                  "x, and said ", "İ'", "by the ", "\"said the mayor,\" "])
def test_a_very_long_text_takes_no_time(unit: str) -> None:
    """100 kB of quotes, commas or verbs take less than a second."""
    text = unit * (100_000 // len(unit))
    begin = time.perf_counter()
    find_holder(text)
    assert time.perf_counter() - begin < 1


def gold(text: str, holder: str | None, **more: Any) -> dict[str, Any]:
    start = text.index(holder) if holder else None
    return {"text": text, "holder": holder, "start": start, "end": start + len(holder) if holder else None, **more}


def test_overlap_counts_shares_of_words() -> None:
    """One holder exact, one found with half of the gold words, one missed, one writer left alone."""
    found = judge_holders([gold("The mayor said no.", "mayor", article="a"),
                           gold("The mayor in Tacoma said no.", "mayor in", article="a"),
                           gold("A sigh from the mayor.", "mayor", article="b"), gold("It rained.", None, article="b")])
    assert found["exact_precision"] == pytest.approx(1 / 2)
    assert found["exact_recall"] == pytest.approx(1 / 3)
    assert found["overlap_precision"] == pytest.approx(1)
    assert found["overlap_recall"] == pytest.approx(1.5 / 3)
    assert found["overlap_f1"] == pytest.approx(2 / 3)
    assert found["overlap_f1_low"] <= found["overlap_f1"] <= found["overlap_f1_high"]
    assert (found["gold"], found["found"], found["sentences"]) == (3, 2, 4)


@pytest.mark.parametrize(("change", "message"), [
    ({"start": 5}, "holder 'mayor' is not 'ayor', from 5 to 9"),
    ({"end": 99}, "holder from 4 to 99 is not in the 14 characters"),
    ({"start": None}, "holder from None to 9 is not in"),
    ({"text": None}, "text None is not a sentence"),
])
def test_a_gold_row_with_wrong_offsets_is_named(change: dict[str, Any], message: str) -> None:
    """Offsets that do not give the holder's text are an error that shows both."""
    with pytest.raises(DataError, match=message):
        judge_holders([gold("The mayor sang", "mayor") | change])


def test_the_command_prints_both_scores(tmp_path: Path) -> None:
    """`stance holders` reads a file, shows exact and overlap F1, lists errors, and writes numbers."""
    from click.testing import CliRunner

    from pipeline.cli import app

    rows = [gold("The mayor said no.", "mayor", split="dev"), gold("A sigh from the mayor.", "mayor", split="dev")]
    (tmp_path / "h.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = CliRunner().invoke(app, ["holders", str(tmp_path / "h.jsonl"), "--split", "dev", "--errors",
                                    "--json", str(tmp_path / "out.json")])
    assert done.exit_code == 0
    assert "2 sentences, 2 with a holder, 1 found" in done.output
    assert "wanted 'mayor', found '-': A sigh" in done.output
    assert json.loads((tmp_path / "out.json").read_text())["exact_recall"] == 0.5
    with pytest.raises(DataError, match="no sentence in split 'test'"):
        CliRunner().invoke(app, ["holders", str(tmp_path / "h.jsonl"), "--split", "test"], catch_exceptions=False)

"""The registered model behind `mlflow models serve`, asked over HTTP."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from projects import ended, stance, train
from servers import BIN, Server, free_port, serving

FIRST = "The mayor condemned and sued over the raids near the harbor, said the union."
SECOND = "The council met about the ruling, the Rev. J. T. Hall said."
ARTICLE = f"{FIRST}\n\n  {SECOND} The sheriff urged a tougher border and praised the wall."


@pytest.fixture(scope="module")
def server(project: Path) -> Iterator[Server]:
    """The champion of a small training, served."""
    code, output = ended(stance(project, *train("tfidf")))
    assert code == 0, output
    port = free_port()
    command = [BIN / "mlflow", "models", "serve", "--model-uri", "models:/us-immigration-news@champion",
               "--env-manager", "local", "--port", str(port)]
    env = {"MLFLOW_TRACKING_URI": f"sqlite:///{project}/mlflow.db",
           "PATH": f"{BIN}:{os.environ['PATH']}"}  # as activated: mlflow looks for uvicorn there
    with serving(command, port, project, env=env) as found:
        yield found


def ask(server: Server, rows: list[dict[str, Any]]) -> tuple[int, Any]:
    """Status and answer of one request."""
    request = urllib.request.Request(f"{server.url}/invocations", json.dumps({"dataframe_records": rows}).encode(),
                                     {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)["predictions"]
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_sentences_are_answered_one_row_each(server: Server) -> None:
    """A sentence comes back with its labels as words and a probability for each label."""
    status, rows = ask(server, [{"text": FIRST, "title": "Raids"}, {"text": SECOND, "previous": FIRST, "id": "b"}])
    assert status == 200, rows
    assert [(row["article"], row["text"], row["stance"], row["policy"]) for row in rows] == [
        ("0", FIRST, "oppose", ["enforcement"]), ("b", SECOND, "neutral", ["judiciary"])]
    assert sum(rows[0][f"stance/{label}"] for label in ("support", "oppose", "neutral")) == pytest.approx(1, abs=1e-5)
    assert rows[0]["uncertain"] in (True, False)


def test_an_article_is_split_with_offsets_into_what_was_sent(server: Server) -> None:
    """Each sentence of an article is a row; its offsets find it in the article."""
    status, rows = ask(server, [{"article": ARTICLE, "title": "Three views", "id": "x7"}, {"text": SECOND}])
    assert status == 200, rows
    assert [(row["article"], row["sentence_index"], row["stance"]) for row in rows] == [
        ("x7", 0, "oppose"), ("x7", 1, "neutral"), ("x7", 2, "support"), ("1", 0, "neutral")]
    assert all(ARTICLE[row["start"]:row["end"]] == row["text"] for row in rows[:3])


def test_an_answer_has_the_columns_of_scored_rows(server: Server, project: Path) -> None:
    """The server says of an article exactly what `stance score` says of it."""
    (project / "x7.txt").write_text(ARTICLE)
    code, output = ended(stance(project, "score", "x7.txt", "--out", "scored", "--format", "jsonl"))
    assert code == 0, output
    scored = [json.loads(line) for line in (project / "scored/part-00000.jsonl").read_text().splitlines()]
    _, rows = ask(server, [{"article": ARTICLE, "id": "x7.txt"}])
    assert [list(row) for row in rows] == [list(row) for row in scored]
    for ours, theirs in zip(rows, scored, strict=True):
        assert {key: value for key, value in ours.items() if not isinstance(value, float)} == \
               {key: value for key, value in theirs.items() if not isinstance(value, float)}
        assert ours["stance/oppose"] == pytest.approx(theirs["stance/oppose"], abs=1e-6)


@pytest.mark.parametrize("row", [{"title": "Nothing else"}, {"text": FIRST, "article": ARTICLE}, {"text": "  "}])
def test_a_row_without_either_is_refused_by_its_number(server: Server, row: dict[str, str]) -> None:
    """A request that is not understood is refused as a whole, with the row and what was expected."""
    status, answer = ask(server, [{"text": FIRST}, row])
    assert status == 400
    assert "row 1 must hold either 'text' (a sentence) or 'article' (a whole text)" in answer

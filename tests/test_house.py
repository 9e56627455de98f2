"""The house: imports run one way, modules stay small, nothing happens at import."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "pipeline"

#: For each room, the rooms it may import. What is not named here may be imported by nobody but the command line.
ALLOWED = {
    "errors": set(),
    "task": {"errors"},
    "config": {"errors"},
    "parse": set(),
    "unpack": {"errors"},
    "articles": {"parse"},
    "remote": {"errors"},
    "inputs": {"articles", "config", "errors", "remote", "unpack"},
    "sentences": {"articles", "task"},
    "corpus": {"errors", "parse", "task", "unpack"},
    "audit": {"corpus", "errors", "task"},
    "texture": {"corpus"},
    "evaluate": {"task"},
    "calibrate": {"config", "task"},
    "compare": {"evaluate", "task"},
    "classifiers": {"calibrate", "classifiers", "config", "errors", "task"},
    "model": {"calibrate", "classifiers", "config", "errors", "task"},
    "swaps": {"config", "task"},
    "votes": {"corpus", "errors", "task"},
    "lessons": {"corpus", "swaps", "task", "votes"},
    "train": {"calibrate", "challenge", "corpus", "distill", "drift", "errors", "evaluate", "lessons", "model", "task"},
    "holders": {"errors", "evaluate", "task"},
    "score": {"articles", "config", "drift", "holders", "inputs", "model", "sentences", "task"},
    "merge": {"articles", "score"},
    "batch": {"articles", "drift", "errors", "inputs", "merge", "model", "score"},
    "engines": {"batch", "errors", "inputs", "model", "score"},
    "figures": {"evaluate", "task", "train"},
    "tracking": {"articles", "errors", "model", "score", "sentences", "task", "train"},
    "challenge": {"config", "errors", "evaluate", "model", "parse", "task"},
    "results": {"audit", "compare", "corpus", "evaluate", "figures", "study", "task", "train"},
    "sweep": {"evaluate", "train"},
    "reproduce": {"corpus", "model", "train"},
    "tune": {"corpus", "errors", "evaluate", "lessons", "task"},
    "analysis": {"challenge", "corpus", "evaluate", "model", "task"},
    "distill": {"articles", "errors", "inputs", "model", "sentences", "task"},
    "report": {"errors", "task"},
    "drift": {"config", "task"},
    "card": {"analysis", "evaluate", "model", "train"},
    "review": {"errors", "model", "parse", "task"},
    "curve": {"calibrate", "corpus", "errors", "evaluate", "lessons", "model"},
    "study": {"corpus", "curve", "errors", "evaluate", "model", "review", "task"},
    "effect": {"compare", "corpus", "evaluate", "model", "task"},
    "gate": {"compare", "config", "errors", "evaluate", "task"},
    "promotion": {"errors", "model", "score", "tracking"},
    "publish": {"analysis", "card", "challenge", "corpus", "figures", "model", "sweep", "tracking", "train"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Rooms that a module imports, at its top or inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "pipeline":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("path", [p for p in MODULES if room_of(p) not in {"cli", "__init__"}], ids=lambda p: p.stem)
def test_rooms_import_only_what_they_are_allowed(path: Path) -> None:
    """Imports between rooms run one way, as the table says; only the command line knows all."""
    room = room_of(path)
    assert room in ALLOWED, f"{room} is a new room: say in tests/test_house.py what it may import"
    assert imported(path) - {room} <= ALLOWED[room]


def test_the_allowed_imports_have_no_cycle_outside_type_hints() -> None:
    """No room reaches itself through others (figures and tracking name Evaluation in type hints only)."""
    def reach(room: str, seen: frozenset[str]) -> None:
        for other in ALLOWED[room] - {room}:
            assert other not in seen, f"{room} -> {other} closes a cycle"
            reach(other, seen | {other})

    for room in ALLOWED:
        reach(room, frozenset({room}))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_modules_stay_small_and_know_no_labels(path: Path) -> None:
    """A module has at most 250 lines, and none of the codebook's words stands in the code."""
    text = path.read_text()
    assert text.count("\n") <= 250
    words = re.sub(r'""".*?"""|#[^\n]*', "", text, flags=re.DOTALL)
    assert not re.search(r"""['"](support|oppose|neutral|wall|sanctuary_funding|judiciary|enforcement)['"]""", words)


def test_mlflow_is_imported_in_its_room_only() -> None:
    """Only tracking imports mlflow."""
    users = {room_of(p) for p in MODULES if re.search(r"^\s*(import|from) mlflow", p.read_text(), re.MULTILINE)}
    assert users == {"tracking"}


def test_only_the_command_line_prints() -> None:
    """print and click.echo are used in pipeline/cli alone."""
    users = {room_of(p) for p in MODULES if re.search(r"(?<![\w.])print\(|click\.echo", p.read_text())}
    assert users <= {"cli"}


def test_the_command_line_starts_without_heavy_libraries() -> None:
    """Showing help imports none of the libraries that take their time."""
    code = "import sys, pipeline.cli; print([m for m in ('torch', 'mlflow', 'sklearn', 'pandas', 'numpy', 'pyarrow') " \
           "if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"

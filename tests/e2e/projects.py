"""A folder as a user has it, small enough to train in seconds."""

import json
import os
import random
import subprocess
from collections.abc import Mapping
from pathlib import Path

from servers import BIN

ROOT = Path(__file__).parent.parent.parent
CONFIGS = ROOT / "configs"
SAID = {"support": "urged a tougher border and praised", "oppose": "condemned and sued over", "neutral": "met about"}
ABOUT = {"wall": "the wall", "enforcement": "the raids", "judiciary": "the ruling", "sanctuary_funding": "the city grants"}
WORDS = ("agency", "board", "bridge", "budget", "church", "clinic", "council", "county", "district", "factory", "farm",
         "governor", "harbor", "harvest", "hearing", "hotel", "letter", "market", "mayor", "office", "plan", "record",
         "river", "school", "sheriff", "statement", "station", "street", "union", "valley")
GATE = """task: us-immigration-news
certainty: {stance: 0.85, policy: 0.85}
floors: {test/stance/macro_f1: 0.1}
ceilings: {}
"""


def make_project(folder: Path) -> Path:
    """Corpus, gate and three configurations: tfidf, narrow (TF-IDF too) and transformer (one epoch, one layer)."""
    (folder / "configs").symlink_to(CONFIGS)
    (folder / "seeds").mkdir()
    (folder / "seeds/teacher.jsonl").symlink_to(ROOT / "seeds/teacher.jsonl")
    (folder / "gate.yaml").write_text(GATE)
    (folder / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in _rows()))
    tfidf, transformer = ((CONFIGS / f"{name}.yaml").read_text() for name in ("tfidf", "transformer"))
    (folder / "tfidf.yaml").write_text(tfidf)
    (folder / "narrow.yaml").write_text(_changed(tfidf, char_ngrams="[3, 3]", c="0.1"))
    (folder / "transformer.yaml").write_text(
        _changed(transformer, epochs="1", frozen_layers="5", max_tokens="48", threads="1"))
    return folder


def stance(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    """Start the command ``stance`` in ``folder``; both outputs in one."""
    quiet = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen([BIN / "stance", *arguments], cwd=folder, env={**os.environ, **quiet, **(env or {})},
                            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def ended(process: "subprocess.Popen[str]", seconds: float = 180) -> tuple[int, str]:
    """Exit code and output of a command, once it has ended."""
    output = process.communicate(timeout=seconds)[0]
    return process.returncode, output


def train(*names: str) -> list[str]:
    """Arguments that train the configurations ``names`` of a project."""
    configs = [argument for name in names for argument in ("--config", f"{name}.yaml")]
    return ["train", "--data", "d.jsonl", "--gate", "gate.yaml", *configs]


def _rows() -> list[dict[str, object]]:
    """240 sentences in sixty articles; what is said gives the stance away nine times in ten."""
    chance = random.Random(0)
    rows: list[dict[str, object]] = []
    for article in range(60):
        split = ("train", "train", "train", "valid", "test")[article % 5]
        for index in range(4):
            stance, policy = chance.choice(list(SAID)), chance.choice(list(ABOUT))
            said = stance if chance.random() < 0.9 else chance.choice(list(SAID))
            a, b, c, d, e, f = chance.sample(WORDS, 6)
            text = f"The {a} {b} {SAID[said]} {ABOUT[policy]} near the {c} {d}, said the {e} of the {f}."
            rows.append({"article": f"a{article}", "index": index, "split": split, "text": text, "stance": stance,
                         "policy": [policy]})
    return rows


def _changed(config: str, **values: str) -> str:
    """A configuration file's text with some values replaced."""
    lines = (line.partition(":") for line in config.splitlines())
    return "".join(f"{key}{colon} {values.get(key, rest.strip())}\n" for key, colon, rest in lines)

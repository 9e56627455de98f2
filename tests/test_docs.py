"""The documents are true: links lead somewhere, commands exist, results belong to this corpus."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from pipeline.challenge import read_cases
from pipeline.cli import app
from pipeline.corpus import read_corpus
from pipeline.task import Task

PROJECT = Path(__file__).parent.parent
PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md"), PROJECT / "seeds/README.md"])
GENRES = {"wire", "local", "feature", "explainer", "opinion-left", "opinion-right", "editorial", "interview", "government",
          "court", "hearing", "factcheck", "liveblog", "headlines", "captions", "letters"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    """Every relative link and image of a page is there."""
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_that_are_shown_exist(page: Path) -> None:
    """A `stance` command in a code block names a command and options that the command line has."""
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for line in re.findall(r"^(?:\.venv/bin/)?stance (.*?)(?:  +#.*)?$", block.replace("\\\n", " "), re.MULTILINE):
            name, *words = line.split()
            assert name in app.commands, f"{page.name}: stance {name}"
            command = app.commands[name]
            while words and hasattr(command, "commands") and words[0] in command.commands:
                command = command.commands[words.pop(0)]
            known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
            assert {word for word in words if word.startswith("--")} <= known, f"{page.name}: {line}"


@pytest.mark.parametrize("target", re.findall(r"^make ([a-z-]+)", (PROJECT / "README.md").read_text(), re.MULTILINE))
def test_make_targets_in_the_readme_exist(target: str) -> None:
    """Every `make` line of the README is a target with a line of help."""
    assert re.search(rf"^{target}:.*## ", (PROJECT / "Makefile").read_text(), re.MULTILINE)


def test_the_results_are_those_of_this_corpus(task: Task) -> None:
    """docs/results.md names the fingerprint of the corpus as it is: after a change, `make results` is due."""
    corpus = read_corpus([PROJECT / "seeds"], task)
    assert corpus.fingerprint() in (PROJECT / "docs/results.md").read_text(encoding="utf-8")


def test_the_task_names_the_codebook_s_version() -> None:
    """configs/task.yaml and docs/codebook.md agree on the version."""
    version = yaml.safe_load((PROJECT / "configs/task.yaml").read_text())["codebook"]
    assert f"Version {version}." in (PROJECT / "docs/codebook.md").read_text(encoding="utf-8")


def test_the_corpus_is_broad_enough(task: Task) -> None:
    """The corpus has what its datasheet promises: size, genres, hard cases, two annotations a row, other news."""
    corpus = read_corpus([PROJECT / "seeds"], task)
    assert len(corpus.rows) >= 6000
    assert len({row.sentence.article for row in corpus.rows}) >= 400
    assert not GENRES - {row.meta["genre"] for row in corpus.rows}
    counts = Counter(row.case for row in corpus.rows if row.case)
    assert len(counts) == 16
    assert min(counts.values()) >= 60
    assert all({note["by"] for note in row.annotations} == {"a", "b"} for row in corpus.rows)


def test_behavioural_cases_are_not_in_the_corpus(task: Task) -> None:
    """No case that a model is challenged with stands in the text that it learns from."""
    cases = read_cases(PROJECT / "seeds/challenge.jsonl", task)
    assert len(cases) >= 400
    learned = {row.sentence.text.lower() for row in read_corpus([PROJECT / "seeds"], task).rows}
    assert not learned & {text.lower() for case in cases for text in (case.text, case.variant) if text}

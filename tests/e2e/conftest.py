"""Fixtures of the end-to-end tests: a browser, and folders in which models are trained."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browsing import chromium
from projects import make_project
from selenium.webdriver.remote.webdriver import WebDriver

from pipeline.calibrate import Calibration
from pipeline.classifiers.tfidf import TfidfConfig
from pipeline.model import Model, save_model
from pipeline.task import Examples, Sentence, Task


def pytest_configure(config: pytest.Config) -> None:
    """Leave out what is slow, unless asked for by ``-m``."""
    config.addinivalue_line("markers", "slow: needs more than the others' environment; left out unless run by -m slow")
    config.option.markexpr = config.option.markexpr or "not slow"


@pytest.fixture(scope="session")
def browser() -> Iterator[WebDriver]:
    """Debian's Chromium, driven by selenium; wait for text with ``browsing.wait_for``."""
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a small corpus, configurations of quick models and a gate that lets them through."""
    folder = make_project(tmp_path_factory.mktemp("project"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)  # a logged transformer takes 90 MB each time


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, task: Task) -> Path:
    """A TF-IDF model of three sentences: small, so that what is tested is the batch around it."""
    sentences = [Sentence("The judge blocked the order."), Sentence("Agents arrested people."), Sentence("Build the wall.")]
    targets = {"stance": np.eye(3)[[1, 2, 0]], "policy": np.eye(4)[[3, 0, 1]]}
    classifier = TfidfConfig(min_count=1).build(task)
    classifier.fit(Examples(sentences, targets, np.ones(3), ["a", "b", "c"]), Examples([], targets, np.ones(0), []))
    folder = tmp_path_factory.mktemp("model") / "small"
    save_model(Model("small", task, classifier.config, classifier, Calibration(), {}, {}, "none"), folder)
    return folder

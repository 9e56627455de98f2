"""Fixtures of the end-to-end tests: a browser, and folders in which models are trained."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import chromium
from projects import make_project
from selenium.webdriver.remote.webdriver import WebDriver


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

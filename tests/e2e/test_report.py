"""The report in a real browser: ten thousand articles stay usable, hostile text is shown and never run."""

import json
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from browsing import wait_for
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import Select

from pipeline.report import read_batch, report_page
from pipeline.task import Task

ARTICLES = 10_000
EVIL = "</script><script>document.title = 'hacked'</script><img src=x onerror=\"document.title = 'hacked'\"> \u202e"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, task: Task) -> Path:
    """The report of ten thousand articles of five sentences, the last of them hostile."""
    folder = tmp_path_factory.mktemp("batch")
    rows, articles = [], []
    for i in range(ARTICLES):
        texts = [f"Sentence {at} of article {i}." for at in range(5)] if i < ARTICLES - 1 else [EVIL, "The needle."]
        end = 0
        for at, text in enumerate(texts):
            rows.append({"article": f"a{i}", "start": end, "end": end + len(text), "text": text, "uncertain": at == 1,
                         "stance": ("support", "oppose", "neutral")[(i + at) % 3], "policy": ["wall"] if at == 0 else []})
            end += len(text) + 1
        articles.append({"article": f"a{i}", "title": f"Article {i}" if i < ARTICLES - 1 else EVIL,
                         "outlet": f"Paper {i % 7}", "date": f"2025-{i % 12 + 1:02}-01"})
    pq.write_table(pa.Table.from_pylist(rows), folder / "part-00000.parquet")
    pq.write_table(pa.Table.from_pylist(articles), folder / "articles.parquet")
    manifest = {"state": "done", "task": task.model_dump(mode="json"), "articles": ARTICLES, "sentences": len(rows),
                "rejects": 0, "model": "m", "model_digest": "d" * 64, "codebook": "1", "options": {}, "confusion": {}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    path = folder / "report.html"
    path.write_text(report_page(read_batch(folder)), encoding="utf-8")
    return path


def test_the_list_is_paged_and_quick(browser: WebDriver, page: Path) -> None:
    """Ten thousand articles show fifty at a time, and turning the page keeps it so."""
    browser.get(page.as_uri())
    wait_for(browser, "10000 of 10000 articles", "page 1 of 200", "Article 0")
    assert len(browser.find_elements(By.CSS_SELECTOR, "#list tbody tr")) == 50
    browser.find_element(By.ID, "next").click()
    wait_for(browser, "page 2 of 200", "Article 50")
    assert len(browser.find_elements(By.CSS_SELECTOR, "#list tbody tr")) == 50


def test_filter_and_search_find_the_needle(browser: WebDriver, page: Path) -> None:
    """A word that only one article's text has leads to that article alone; a filter narrows the list."""
    browser.get(page.as_uri())
    wait_for(browser, "10000 of 10000 articles")
    Select(browser.find_element(By.ID, "outlet")).select_by_visible_text("Paper 3")
    browser.find_element(By.CSS_SELECTOR, "#filters button").click()
    wait_for(browser, "1429 of 10000 articles")
    Select(browser.find_element(By.ID, "outlet")).select_by_visible_text("all")
    browser.find_element(By.ID, "query").send_keys("the needle")
    browser.find_element(By.CSS_SELECTOR, "#filters button").click()
    wait_for(browser, "1 of 10000 articles")


def test_an_article_opens_with_its_labels(browser: WebDriver, page: Path) -> None:
    """A click shows every sentence of the article with stance, policy types and what is uncertain."""
    browser.get(page.as_uri())
    wait_for(browser, "Article 1")
    browser.find_elements(By.CSS_SELECTOR, "#list .open")[1].click()
    text = wait_for(browser, "Sentence 4 of article 1.")
    assert "Sentence 0 of article 1." in text
    shown = browser.find_element(By.ID, "reader").text
    assert all(word in shown for word in ("oppose", "wall", "uncertain"))


def test_hostile_text_is_shown_and_never_run(browser: WebDriver, page: Path) -> None:
    """Markup in titles and sentences appears as it was written; no script of an article runs."""
    browser.get(page.as_uri())
    wait_for(browser, "10000 of 10000 articles")
    browser.find_element(By.ID, "query").send_keys("needle")
    browser.find_element(By.CSS_SELECTOR, "#filters button").click()
    wait_for(browser, "1 of 10000 articles")
    browser.find_element(By.CSS_SELECTOR, "#list .open").click()
    wait_for(browser, "The needle.", "<script>document.title = 'hacked'</script>")
    time.sleep(0.5)
    assert browser.title == "Scored news: 10000 articles"
    assert not browser.find_elements(By.CSS_SELECTOR, "#reader img, #list img")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_are_legible(browser: WebDriver, page: Path, scheme: str) -> None:
    """Text and background differ in both colour schemes."""
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    browser.get(page.as_uri())
    wait_for(browser, "10000 of 10000 articles")
    ink = browser.execute_script("return getComputedStyle(document.querySelector('h1')).color")
    expected = {"light": "rgb(0, 0, 0)", "dark": "rgb(255, 255, 255)"}[scheme]
    assert ink == expected

"""Chromium without a screen, and waiting for text in it."""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import JavascriptException, StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webdriver import WebDriver

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
         "--hide-scrollbars", "--window-size=1600,1000")
CHROMIUM, CHROMEDRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"


@contextlib.contextmanager
def chromium() -> Iterator[WebDriver]:
    """Debian's Chromium with a fresh profile. Raises FileNotFoundError when it is not installed."""
    for path in (CHROMIUM, CHROMEDRIVER):
        if not Path(path).exists():
            raise FileNotFoundError(f"{path}: not there; apt-get install chromium chromium-driver")
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))
        driver.set_page_load_timeout(60)
        try:
            yield driver
        finally:
            driver.quit()


def visible_text(driver: WebDriver) -> str:
    """What a person can read on the page (in the frame that the driver is in)."""
    try:
        return str(driver.execute_script("return document.body ? document.body.innerText : ''")).replace("\xa0", " ")
    except (JavascriptException, StaleElementReferenceException):
        return ""


def wait_for(driver: WebDriver, *texts: str, seconds: float = 30) -> str:
    """The visible text once it holds all of ``texts``. Raises AssertionError that names what is missing."""
    end = time.monotonic() + seconds
    while True:
        found = visible_text(driver)
        missing = [text for text in texts if text not in found]
        if not missing:
            return found
        assert time.monotonic() < end, f"{driver.current_url}: {missing} did not appear in:\n{found[:3000]}"
        time.sleep(0.2)

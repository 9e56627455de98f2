"""MLflow's pages as a person uses them. Run as a script, it takes the pictures of the README (``make screenshots``)."""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from browsing import chromium, wait_for
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from servers import mlflow_ui

#: What MLflow's pages remember of a person who has been here before: no tour, no assistant.
REMEMBERED = {"mlflow.workflowType_v1": '"machine_learning"', "mlflow.assistant.panelOpen_v1": "false",
              "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true"}
_IN_SIGHT = """
    const grid = arguments[0].getBoundingClientRect();
    return [...document.querySelectorAll('.ReactVirtualized__Grid a')].some(a => a.innerText === arguments[1] &&
        a.getBoundingClientRect().top >= grid.top && a.getBoundingClientRect().bottom <= grid.bottom)"""


@dataclass(frozen=True)
class Pages:
    """The pages of one experiment in one browser."""

    driver: WebDriver
    url: str
    experiment: str

    def remember(self) -> None:
        """Put REMEMBERED where the pages look for it; once for each address."""
        self.driver.get(f"{self.url}/health")
        for key, value in REMEMBERED.items():
            self.driver.execute_script("localStorage.setItem(arguments[0], arguments[1])", key, value)

    def open(self, page: str, *texts: str) -> str:
        """Load ``page`` (what follows the hash) anew; returns its text once all of ``texts`` can be read."""
        self.driver.get("about:blank")
        self.driver.get(f"{self.url}/#{page}")
        return wait_for(self.driver, *texts)

    def runs(self, *texts: str, best: str = "") -> str:
        """The list of runs, newest first, or with the highest values of the metric ``best`` first."""
        order = f"?orderByKey={quote(f'metrics.`{best}`', safe='')}&orderByAsc=false" if best else ""
        return self.open(f"/experiments/{self.experiment}/runs{order}", "matching runs", *texts)

    def charts(self, *texts: str) -> str:
        """The charts over all runs."""
        return self.open(f"/experiments/{self.experiment}/runs?compareRunsMode=CHART", "matching runs", *texts)

    def filter_charts(self, pattern: str, *texts: str) -> str:
        """Search the charts for metrics that match a regular expression."""
        self._found("//input[@placeholder='Search metric charts']").send_keys(pattern)
        return wait_for(self.driver, *texts)

    def compare(self, runs: list[str], *texts: str) -> str:
        """The page that puts ``runs`` (ids) side by side."""
        query = f"runs={quote(json.dumps(runs), safe='')}&experiments={quote(json.dumps([self.experiment]), safe='')}"
        return self.open(f"/compare-runs?{query}", f"Comparing {len(runs)} Runs", *texts)

    def run(self, run: str, tab: str, *texts: str) -> str:
        """A tab of a run's page: "" (overview), "artifacts/PATH"."""
        return self.open(f"/experiments/{self.experiment}/runs/{run}/{tab}".rstrip("/"), *texts)

    def toggle_columns(self, *names: str) -> None:
        """Tick columns of the list of runs, or untick those that are there, as one does under "Columns"."""
        self._found("//button[contains(., 'Columns')]").click()
        box = self._found("//input[@placeholder='Search columns']")
        for name in names:
            box.send_keys(Keys.CONTROL, "a")
            box.send_keys(name)
            self._found(f"//*[contains(@class, 'tree-node-content') and normalize-space(.)='{name}']").click()
        ActionChains(self.driver).send_keys(Keys.ESCAPE).perform()

    def widen_columns(self) -> None:
        """Double-click the edges of the metrics' headings, so that they can be read whole."""
        for edge in self.driver.find_elements(By.CSS_SELECTOR, "[col-id*='metrics'] .ag-header-cell-resize"):
            ActionChains(self.driver).double_click(edge).perform()
        ActionChains(self.driver).move_by_offset(0, 200).perform()

    def fold(self, *sections: str) -> None:
        """Close sections of the page that compares."""
        for section in sections:
            self._found(f"//*[@role='button' and normalize-space(.)='{section}']").click()
        time.sleep(1)  # they slide

    def scroll_to_metric(self, name: str) -> None:
        """Turn the wheel over the table of metrics, which draws only what is in sight, until ``name`` is."""
        grids = self.driver.find_elements(By.CSS_SELECTOR, ".ReactVirtualized__Grid")[-2:]  # names, values
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'end'})", grids[1])
        for _ in range(200):
            if self.driver.execute_script(_IN_SIGHT, grids[0], name):
                return
            for pixels in (180, 1):  # the names follow one turn behind the values (MLflow 3.17), so the last is small
                ActionChains(self.driver).scroll_from_origin(ScrollOrigin.from_element(grids[1]), 0, pixels).perform()
        raise AssertionError(f"{name} is not in the table of metrics")

    def _found(self, path: str, seconds: float = 20) -> WebElement:
        end = time.monotonic() + seconds
        while not (found := [e for e in self.driver.find_elements(By.XPATH, path) if e.is_displayed()]):
            assert time.monotonic() < end, f"no {path} on the page"
            time.sleep(0.1)
        return found[0]


def take_pictures(database: Path, folder: Path) -> list[Path]:
    """``runs.png`` and ``compare.png`` of the newest run of each model in ``database``, newest two compared."""
    from mlflow import MlflowClient

    if not database.exists():
        sys.exit(f"{database}: no such file; 'make train' makes it")
    store = MlflowClient(f"sqlite:///{database.resolve()}")
    experiment = store.get_experiment_by_name("stance").experiment_id
    trained = [run for run in store.search_runs([experiment], "attributes.status = 'FINISHED'", max_results=500)
               if "kind" not in run.data.tags and "test/sentences" in run.data.metrics]
    newest = {run.info.run_name: run for run in sorted(trained, key=lambda run: run.info.start_time)}
    chosen = sorted(newest.values(), key=lambda run: run.info.start_time)[-2:]
    if len(chosen) < 2:
        sys.exit(f"{database}: {len(chosen)} trained models; a comparison needs two")
    headlines = sorted((name for name in chosen[0].data.metrics if name.startswith("test/") and name.endswith("/macro_f1")),
                       reverse=True)
    folder.mkdir(parents=True, exist_ok=True)
    with mlflow_ui(database) as server, chromium() as driver:
        pages = Pages(driver, server.url, experiment)
        pages.remember()
        driver.set_window_size(1500, 660)
        pages.runs(max(trained, key=lambda run: run.data.metrics[headlines[0]]).info.run_name, best=headlines[0])
        pages.toggle_columns("Dataset", "Source", *headlines)
        wait_for(driver, *headlines)
        pages.widen_columns()
        driver.save_screenshot(str(folder / "runs.png"))
        driver.set_window_size(1500, 1150)
        pages.compare([run.info.run_id for run in chosen], "Run details")
        pages.fold("Visualizations", "Parameters")
        pages.scroll_to_metric(headlines[0])
        driver.save_screenshot(str(folder / "compare.png"))
    return [folder / "runs.png", folder / "compare.png"]


if __name__ == "__main__":
    for picture in take_pictures(Path(sys.argv[1]), Path(sys.argv[2])):
        print(picture)

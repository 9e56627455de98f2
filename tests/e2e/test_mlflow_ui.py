"""What a person sees of trained models in MLflow's pages, in a real browser."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import wait_for
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow_pages import Pages, take_pictures
from projects import ended, stance, train
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait
from servers import mlflow_ui

HEADLINE = "test/stance/macro_f1"


@pytest.fixture(scope="module")
def trained(project: Path) -> Path:
    """A project in which three models were trained."""
    code, output = ended(stance(project, *train("tfidf", "narrow", "transformer")))
    assert code == 0, output
    return project


@pytest.fixture(scope="module")
def runs(trained: Path) -> dict[str, Run]:
    """The runs by name, read from the database."""
    store = MlflowClient(f"sqlite:///{trained}/mlflow.db")
    experiment = store.get_experiment_by_name("stance").experiment_id
    return {run.info.run_name: run for run in store.search_runs([experiment])}


@pytest.fixture(scope="module")
def pages(trained: Path, runs: dict[str, Run], browser: WebDriver) -> Iterator[Pages]:
    """MLflow's pages on that project."""
    with mlflow_ui(trained / "mlflow.db") as server:
        found = Pages(browser, server.url, runs["tfidf"].info.experiment_id)
        found.remember()
        yield found


def shown(value: float) -> str:
    """A number as the page that compares shows it."""
    return f"{round(value, 3):g}"


def test_the_list_shows_every_run_with_the_headline(pages: Pages, runs: dict[str, Run]) -> None:
    """Every training is a flat run, and the headline metric is a column one can tick."""
    assert sorted(runs) == ["narrow", "tfidf", "transformer"]
    pages.runs(*runs, "3 matching runs", "us-immigration-news")
    pages.toggle_columns(HEADLINE)
    wait_for(pages.driver, HEADLINE, "v1", *(f"{run.data.metrics[HEADLINE]:.15g}"[:6] for run in runs.values()))


def test_the_charts_group_metrics_by_split_and_head(pages: Pages, runs: dict[str, Run]) -> None:
    """The chart view draws the metrics of all runs in groups, and a search finds the headline."""
    pages.charts(*runs, "test/stance", "test/policy", "valid/stance")
    pages.filter_charts(f"{HEADLINE}$", HEADLINE, *(f"{run.data.metrics[HEADLINE]:.2f}" for run in runs.values()))


def test_two_runs_stand_side_by_side(pages: Pages, runs: dict[str, Run]) -> None:
    """The page that compares shows both names, the differing settings, and both values of the headline."""
    two = [runs["tfidf"], runs["transformer"]]
    text = pages.compare([run.info.run_id for run in two], "tfidf", "transformer", "learning_rate", "Show diff only")
    assert f"Metrics:\n{HEADLINE}" in text, "the plot starts from the headline"
    pages.fold("Visualizations", "Parameters")
    pages.scroll_to_metric(HEADLINE)
    wait_for(pages.driver, *(shown(run.data.metrics[HEADLINE]) for run in two))


def test_a_run_page_describes_the_training(pages: Pages, runs: dict[str, Run]) -> None:
    """A run begins with a table of results in words, and lists metrics, settings, data set and registered model."""
    pages.run(runs["transformer"].info.run_id, "", "transformer on us-immigration-news (codebook",
              "macro-F1 on test", HEADLINE, "Parameters", "learning_rate", "144 training sentences")


def test_a_run_shows_its_figures(pages: Pages, runs: dict[str, Run]) -> None:
    """The confusion matrix is drawn in the page, not only listed."""
    pages.run(runs["tfidf"].info.run_id, "artifacts/figures/confusion_stance.png", "confusion_policy.png",
              "figures/confusion_stance.png")
    WebDriverWait(pages.driver, 30).until(lambda driver: any(
        image.size["width"] > 200 and driver.execute_script("return arguments[0].naturalWidth", image) > 200
        for image in driver.find_elements(By.TAG_NAME, "img")))


def test_a_run_shows_its_errors_as_a_table(trained: Path, pages: Pages, runs: dict[str, Run]) -> None:
    """errors.json opens as a table of wrong sentences with gold and predicted labels."""
    predictions = json.loads((trained / "models/transformer/evaluation.json").read_text())["predictions"]
    wrong = next(row for row in predictions if row["wrong"])
    pages.run(runs["transformer"].info.run_id, "artifacts/errors.json", "View as table", "gold/stance", "stance/support",
              wrong["id"], wrong["text"])


def test_a_run_shows_its_error_page(pages: Pages, runs: dict[str, Run]) -> None:
    """analysis.html is drawn inside the run, in its sandbox."""
    pages.run(runs["tfidf"].info.run_id, "artifacts/analysis.html", "analysis.html", "Path:")
    frame = WebDriverWait(pages.driver, 30).until(lambda driver: driver.find_element(By.CSS_SELECTOR, "iframe"))
    pages.driver.switch_to.frame(frame)
    try:
        wait_for(pages.driver, "Error analysis of tfidf")
    finally:
        pages.driver.switch_to.default_content()


def test_the_registry_names_the_champion(pages: Pages) -> None:
    """The registered model has a version a training, its origin as tags, and the alias on the promoted one."""
    text = pages.open("/models/us-immigration-news", "Version 3", "@ champion", "promotion_reason", "model_name")
    assert text.index("Version 1") < text.index("@ champion")


def test_pictures_are_taken_of_whatever_was_trained(trained: Path, tmp_path: Path) -> None:
    """`make screenshots` writes both pictures, and neither is blank."""
    for picture in take_pictures(trained / "mlflow.db", tmp_path):
        assert picture.stat().st_size > 30_000, picture

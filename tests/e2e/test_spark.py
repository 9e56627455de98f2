"""The registered model as a Spark function, on a Spark of its own; docs/cluster.md says what to install."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from projects import ended, stance, train

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # Spark warns of itself
TEXTS = [f"The mayor {said} near the harbor in case {i}, said the union."
         for i in range(30) for said in ("condemned and sued over the raids", "urged a tougher border and praised the wall")]
RESULT = "stance string, stance_score float, policy array<string>, uncertain boolean, `stance/oppose` float, holder string"


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """Two workers on this machine."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="module")
def champion(project: Path) -> Iterator[str]:
    """The registry's name of the champion of a small training."""
    import mlflow

    code, output = ended(stance(project, *train("tfidf")))
    assert code == 0, output
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{project}/mlflow.db")
    yield "models:/us-immigration-news@champion"
    mlflow.set_tracking_uri(before)


def test_a_column_of_sentences_gets_the_rows_of_stance_score(spark: Any, champion: str, project: Path) -> None:
    """`spark_udf` answers each row, in two partitions, as `stance score` answers the same sentence."""
    import mlflow

    score = mlflow.pyfunc.spark_udf(spark, champion, result_type=RESULT, env_manager="local")
    rows = spark.createDataFrame(pd.DataFrame({"text": TEXTS})).repartition(2)
    found = rows.withColumn("found", score("text")).select("text", "found.*").toPandas().set_index("text").loc[TEXTS]
    (project / "spark").mkdir()
    for i, text in enumerate(TEXTS):
        (project / f"spark/{i:02}.txt").write_text(text)
    code, output = ended(stance(project, "score", "spark", "--out", "scored"))
    assert code == 0, output
    wanted = pd.read_parquet(project / "scored/part-00000.parquet").set_index("text").loc[TEXTS]
    assert {"support", "oppose"} <= set(found["stance"])
    for name in ("stance", "uncertain", "holder"):
        assert found[name].tolist() == wanted[name].tolist()
    assert [list(kinds) for kinds in found["policy"]] == [list(kinds) for kinds in wanted["policy"]]
    for name in ("stance_score", "stance/oppose"):
        assert found[name].tolist() == pytest.approx(wanted[name].tolist(), abs=1e-6)


def test_what_came_before_is_passed_along_by_name(spark: Any, champion: str) -> None:
    """Several columns go in as a struct: each keeps its name."""
    import mlflow
    from pyspark.sql.functions import struct

    score = mlflow.pyfunc.spark_udf(spark, champion, result_type="article string, text string", env_manager="local")
    rows = spark.createDataFrame(pd.DataFrame({"text": TEXTS[:2], "previous": TEXTS[1:3], "id": ["x", "y"]}))
    found = rows.select(score(struct("text", "previous", "id")).alias("found")).select("found.*").toPandas()
    assert found.to_dict("list") == {"article": ["x", "y"], "text": TEXTS[:2]}

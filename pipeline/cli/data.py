"""Commands around labelled data: check."""

import click

from pipeline.cli.common import COLUMN, DATA, TASK, read_labelled, read_task, table


@click.command()
@TASK
@DATA
@COLUMN
def check(task_file: str, data: tuple[str, ...], columns: tuple[str, ...]) -> None:
    """Validate labelled data: schema, labels, duplicates, leaks between splits, agreement."""
    from pipeline.audit import agreement, duplicates, label_counts, refuse_leaks

    corpus = read_labelled(data, read_task(task_file), columns)
    click.echo(f"{len(corpus.rows)} sentences, {len({r.sentence.article for r in corpus.rows})} articles, "
               f"{len({r.event for r in corpus.rows})} events, fingerprint {corpus.fingerprint()[:12]}")
    table(label_counts(corpus), ["head", "label", "train", "valid", "test", "share"])
    rows = agreement(corpus)
    if rows:
        table(rows, ["head", "label", "Krippendorff's alpha", "Cohen's kappa", "sentences"])
    inside = duplicates(corpus)
    click.echo(f"{len(inside)} pairs of near-duplicates inside a split")
    refuse_leaks(corpus)
    click.echo("no near-duplicate across splits")

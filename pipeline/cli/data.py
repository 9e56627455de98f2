"""Commands around labelled data: check, and a teacher's answers on it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.common import COLUMN, DATA, TASK, quiet_libraries, read_labelled, read_task, table
from pipeline.cli.training import named_model

if TYPE_CHECKING:
    from pipeline.corpus import Corpus


@click.command()
@TASK
@DATA
@COLUMN
@click.option("--against", metavar="FILE", help="Labelled real sentences to compare lengths and vocabulary with.")
@click.option("--full", is_flag=True, help="Also breadth, hard cases, templates and shortcuts.")
def check(task_file: str, data: tuple[str, ...], columns: tuple[str, ...], against: str | None, full: bool) -> None:
    """Validate labelled data: schema, labels, duplicates, leaks between splits, agreement."""
    from pipeline.audit import agreement, duplicates, label_counts, refuse_leaks

    corpus = read_labelled(data, read_task(task_file), columns)
    click.echo(f"{len(corpus.rows)} sentences, {len({r.sentence.article for r in corpus.rows})} articles, "
               f"{len({r.event for r in corpus.rows})} events, fingerprint {corpus.fingerprint()[:12]}")
    table(label_counts(corpus), ["head", "label", "train", "valid", "test", "share"])
    rows = agreement(corpus)
    if rows:
        click.echo()
        table(rows, ["head", "label", "Krippendorff's alpha", "Cohen's kappa", "sentences"])
    if full:
        _show_texture(corpus)
    if against:
        _show_against(corpus, read_labelled([against], corpus.task, columns))
    inside = duplicates(corpus)
    click.echo(f"\n{len(inside)} pairs of near-duplicates inside a split")
    for a, b, similarity in inside[:5]:
        click.echo(f"  {a.where} and {b.where}: {similarity:.0f}%: {a.sentence.text[:60]!r}")
    refuse_leaks(corpus)
    click.echo("no near-duplicate across splits")


def _show_texture(corpus: "Corpus") -> None:
    from pipeline.audit import agreement
    from pipeline.corpus import Corpus
    from pipeline.texture import by_label, cases, combinations, shortcuts, templated

    shares = [label for name, label, _ in corpus.task.columns() if corpus.task.heads[name].kind == "one"]
    for key in ("genre", "voice", "region"):
        click.echo()
        table(by_label(corpus, key), [key, "sentences", "articles", *shares])
    click.echo()
    table(combinations(corpus), ["combination", "sentences"])
    click.echo()
    table(cases(corpus), ["hard case", "sentences"])
    by_genre = []
    for genre in sorted({row.meta.get("genre", "") for row in corpus.rows}):
        part = Corpus(corpus.task, [row for row in corpus.rows if row.meta.get("genre", "") == genre])
        by_genre += [[genre, *line] for line in agreement(part)]
    if by_genre:
        click.echo()
        table(by_genre, ["genre", "head", "label", "Krippendorff's alpha", "Cohen's kappa", "sentences"])
    click.echo()
    table(shortcuts(corpus), ["head", "told from", "macro-F1", "macro-F1 of chance"])
    click.echo(f"\n{templated(corpus.rows):.1%} of the sentences hold a five-word skeleton that is frequent in the corpus")


def _show_against(corpus: "Corpus", real: "Corpus") -> None:
    from pipeline.texture import lengths, templated, unknown_words

    click.echo()
    table([[name, *lengths(part.rows).values(), templated(part.rows, often=0.01)]
           for name, part in (("corpus", corpus), ("real", real))],
          ["words a sentence", "mean", "5%", "median", "95%", "templated"], floats=".2f")
    click.echo(f"{unknown_words(corpus.rows, real.rows):.1%} of the real running words never occur in the corpus")


@click.command()
@click.option("--model", "model_name", required=True, metavar="M", help="Folder, models:/NAME@champion, or run id.")
@DATA
@COLUMN
@click.option("--out", required=True, metavar="FILE", help="Where the answers go (.jsonl).")
def teach(model_name: str, data: tuple[str, ...], columns: tuple[str, ...], out: str) -> None:
    """Keep a model's probabilities of the training split, for the key `teacher` of another model's configuration."""
    quiet_libraries()
    from pipeline.distill import write_answers

    model = named_model(model_name)
    sentences = read_labelled(data, model.task, columns).examples("train").sentences
    write_answers(Path(out), model, sentences)
    click.echo(f"{out}: what {model.id} says of {len(sentences)} training sentences")

"""Every mistake a user can make, as one tree: the command line turns each into a single line and exit code 2."""

from collections.abc import Iterable


class PipelineError(Exception):
    """Base of all errors that a user can mend; its text is one line that says where, what and what was allowed."""

    def __str__(self) -> str:
        return " ".join(super().__str__().split("\n")).strip() if self.args else ""


class ConfigError(PipelineError):
    """A YAML file is missing, unreadable, or holds a key or value that is not allowed."""


class DataError(PipelineError):
    """A labelled file is missing, unreadable, or holds a row that the task does not allow."""


class InputError(PipelineError):
    """Articles to score cannot be found or read at all (single bad articles are rejects, not errors)."""


class SourceError(PipelineError):
    """A file elsewhere broke off while it was read: what was scored is intact, and the same command goes on from there."""


class ModelError(PipelineError):
    """A model folder, registered model or run is missing, damaged, or made for another task."""


class MissingExtraError(PipelineError):
    """An optional dependency is not installed; the text is the pip line that installs it."""

    def __init__(self, extra: str, needed_for: str) -> None:
        super().__init__(f"{needed_for} needs the extra '{extra}': pip install 'stance-pipeline[{extra}]'")


class OutputError(PipelineError):
    """An output folder belongs to another job, or cannot be written."""


class GateError(PipelineError):
    """A model may not be promoted; the table above the error says which check failed."""


class TrackingError(PipelineError):
    """The MLflow server or database cannot be reached, or does not know what was asked for."""


def one_of(allowed: Iterable[str]) -> str:
    """The end of most error lines: what would have been accepted."""
    return "is not one of " + ", ".join(allowed)

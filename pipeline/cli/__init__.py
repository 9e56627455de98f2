"""The ``stance`` command: the only room that prints. Imports of the other rooms wait until a command runs."""

import sys

import click

from pipeline.cli.data import check, teach
from pipeline.cli.holders import holders
from pipeline.cli.judging import compare, evaluate, results
from pipeline.cli.review import review
from pipeline.cli.scoring import report, score
from pipeline.cli.search import curve, reproduce, tune
from pipeline.cli.study import study
from pipeline.cli.training import encoder, promote, train, upload
from pipeline.errors import PipelineError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="stance-pipeline")
def app() -> None:
    """Stance and policy type of sentences in news on U.S. immigration policy.

    Exit codes: 0 done; 1 done, but some input was rejected; 2 nothing done, with one line that says why.
    """


COMMANDS = (check, train, evaluate, compare, holders, tune, curve, reproduce,
            results, promote, upload, encoder, teach, score, report, review)
review.add_command(study)
for command in COMMANDS:
    app.add_command(command)


def main() -> None:
    """Run the command line; every user's mistake ends as one line on standard error and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except click.ClickException as error:
        print(f"stance: {error.format_message()}", file=sys.stderr)
        code = 2
    except PipelineError as error:
        print(f"stance: {error}", file=sys.stderr)
        code = 2
    except (KeyboardInterrupt, click.Abort):
        print("stance: interrupted", file=sys.stderr)
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    sys.exit(code)

"""`suffice`: the commands, their common options, and how errors are shown."""

import json
import sys
from collections.abc import Sequence

import click

import suffice
from suffice.cli.audit_log import audit_log
from suffice.cli.demo import demo
from suffice.cli.doctor import doctor
from suffice.cli.keys import keys
from suffice.cli.output import OutputLost, complain, prepare, tell
from suffice.cli.predict import predict
from suffice.cli.report import report
from suffice.cli.run import run
from suffice.cli.serve import serve
from suffice.cli.shadow import shadow
from suffice.cli.verify import verify
from suffice.errors import NotCertified, SufficeError

EXIT_MET, EXIT_NOT_MET, EXIT_ERROR, EXIT_INCONCLUSIVE = 0, 1, 2, 3


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(suffice.__version__, prog_name="suffice")
def cli() -> None:
    """Tell it a job and a bar: it finds the smallest language model that is good enough.

    Exit codes: 0 the bar is met, 1 it is not met, 2 a mistake in usage or set-up, 3 the data
    cannot tell yet.
    """


for command in (run, predict, report, verify, doctor, demo, keys, serve, shadow, audit_log):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and leaves with its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    prepare()
    try:
        code = cli.main(args=arguments, prog_name="suffice", standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        complain(error.format_message())
        sys.exit(EXIT_ERROR)
    except click.ClickException as error:
        _complain(error.format_message(), hint=_help_of(error), as_json="--json" in arguments)
        sys.exit(EXIT_ERROR)
    except NotCertified as error:
        _complain(error.message, hint=error.hint, as_json="--json" in arguments)
        sys.exit(EXIT_NOT_MET)
    except OutputLost as error:
        _complain(error.message, hint=error.hint, as_json=False)
        sys.exit(EXIT_ERROR)
    except SufficeError as error:
        _complain(error.message, hint=error.hint, as_json="--json" in arguments)
        sys.exit(EXIT_ERROR)
    except (KeyboardInterrupt, click.Abort):
        hint = "run the same command again to go on where it stopped"
        _complain("stopped", hint=hint, as_json="--json" in arguments)
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else EXIT_MET)


def _help_of(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    if context is None:
        return "suffice --help"
    if isinstance(error, click.NoSuchOption) and context.command is cli:
        return "options of a command stand after its name, as in `suffice run TASK --json`"
    return f"{context.command_path} --help"


def _complain(message: str, *, hint: str | None, as_json: bool) -> None:
    if as_json:
        try:
            tell(json.dumps({"error": message, "hint": hint}))
        except OutputLost:
            pass  # said in words instead
        else:
            return
    complain(f"error: {message}")
    if hint:
        complain(f"hint: {hint}")

"""The `ups` command: one group of commands per noun."""

import logging
import sys
import traceback
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from ups_cli import deliveries, device, dlq, plan, signing_key, throttle, topics, user
from ups_cli.check import check
from ups_cli.device_settings import settings as device_settings
from ups_cli.doctor import doctor
from ups_cli.drill import drill
from ups_cli.errors import CliError, ExitCode, of_system
from ups_cli.output import note, say_error, stop_printing
from ups_cli.why import why
from ups_runtime.errors import Permanent, Retryable
from ups_runtime.logging import configure
from ups_runtime.settings import LogSettings

_AS_JSON = "ups.as_json"


class Commands(TyperGroup):
    """Turns what went wrong into a message and an exit code, never into a traceback."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # the library's context
        """Note how errors are to be said, which is wanted before the command's own options are read."""
        ctx.meta[_AS_JSON] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:  # the library's context, and whatever a command returns
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except CliError as error:
            failed = error
        except Retryable as error:
            advice = "see that the brokers run, and UPS_KAFKA_BOOTSTRAP_SERVERS"
            failed = CliError(ExitCode.UNREACHABLE, str(error), {"what to do": advice})
        except Permanent as error:
            failed = CliError(ExitCode.NO, str(error))
        except TyperException as error:
            if not ctx.meta[_AS_JSON]:
                raise
            failed = CliError(ExitCode.USAGE, error.format_message())
        except BrokenPipeError:
            stop_printing()
            raise typer.Exit(ExitCode.UNREAD) from None
        except OSError as error:
            stop_printing()
            failed = of_system(error)
        try:
            say_error(failed, as_json=ctx.meta[_AS_JSON])
        except BrokenPipeError:
            stop_printing()
        raise typer.Exit(failed.exit_code)


app = typer.Typer(
    cls=Commands,
    help="Run an installation: its topics, devices, plans, users, throttle and dead letters.",
    epilog="Exit codes: 0 done; 1 differences, or refused; 2 wrong use or settings; 3 not reachable; "
    "9 no room or files here; 70 a fault of ups itself.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(topics.app, name="topics")
device.app.command("settings")(device_settings)
app.add_typer(device.app, name="device")
app.add_typer(plan.app, name="plan")
app.add_typer(user.app, name="user")
app.add_typer(signing_key.app, name="signing-key")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(dlq.app, name="dlq")
app.add_typer(throttle.app, name="throttle")
app.command()(why)
app.command()(check)
app.command()(drill)
app.command()(doctor)


@app.callback()
def begin() -> None:
    """Run an installation: its topics, devices, plans, users, throttle and dead letters."""
    configure(LogSettings(level="warning", format="console"), "ups")
    # what it says is said again, in words, by the error that ends the command
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def main() -> None:
    """Run the command line. What nobody thought of answers no question: it ends with a code of its own."""
    try:
        app()
    except Exception:  # noqa: BLE001 - the outermost frame
        for line in traceback.format_exc().splitlines():
            note(line)
        note("This is a fault of ups itself; please report it with the lines above.")
        sys.exit(ExitCode.UNEXPECTED)

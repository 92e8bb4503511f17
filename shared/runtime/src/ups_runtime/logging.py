"""Logs: an event name and fields, as JSON for machines or lines for people; never a secret."""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from ups_runtime.settings import LogSettings

# Fields that must never show, whoever logs them.
_HIDDEN = ("token", "secret", "password", "authorization", "address", "body", "cookie", "uri")


def _hide(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key in event:
        if any(hidden in key.lower() for hidden in _HIDDEN):
            event[key] = "[hidden]"
    return event


def configure(settings: LogSettings, service: str) -> None:
    """Send the logs of this process, and of the libraries in it, to standard error in one format.

    Libraries are heard from *warning* up: what they say below is about themselves.
    """
    # Traces without the frames' variables, which structlog shows unless told: request headers and keys are among them.
    renderers: list[Any]  # structlog's renderers share no type
    if settings.format == "json":
        traces = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        renderers = [structlog.processors.ExceptionRenderer(traces), structlog.processors.JSONRenderer()]
    else:
        plain = structlog.dev.plain_traceback
        renderers = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _hide,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *renderers,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("ups").setLevel(settings.level.upper())
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(service=service)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module of ours; `name` is what it is about (`kafka`, `outbox`)."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(f"ups.{name}")
    return logger

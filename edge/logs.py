"""Log lines of the dock: named events with fields on standard error.

Logs are for operators. Nothing in them is evidence, and no footage, key or person's
name belongs there.
"""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import Processor


def configure(*, json: bool = False, level: str = "info") -> None:
    """Set up logging for this process; may be called again.

    Args:
        json: one JSON object a line (for journald and collectors) instead of text.
        level: least level shown: debug, info, warning, error or critical.

    Raises:
        ValueError: unknown level.
    """
    known = logging.getLevelNamesMapping()
    if level.upper() not in known:
        raise ValueError(f"unknown log level {level!r}; one of debug, info, warning, error")
    last: Processor = (
        structlog.processors.JSONRenderer(sort_keys=False)
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info if json else _as_is,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(known[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _as_is(
    _logger: structlog.typing.WrappedLogger, _name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    # The text renderer prints tracebacks itself, and warns when it is not left to.
    return event

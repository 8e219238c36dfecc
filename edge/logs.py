"""Log lines of the dock: named events with fields on standard error.

Logs are for operators. Nothing in them is evidence, and no footage, key or person's
name belongs there. Where systemd's journal reads standard error, each line begins with its
syslog priority (sd-daemon(3)), so that ``journalctl -p warning`` tells what matters, and the
time is left to the journal; fields follow as ``name=value``, or as JSON if so configured.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Final

import structlog
from structlog.typing import Processor

# Of syslog(3).
_PRIORITIES: Final = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
_INFO: Final = 6


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
    journal = to_journal()
    last: Processor = (
        structlog.processors.JSONRenderer(sort_keys=False)
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    times = () if journal else (structlog.processors.TimeStamper(fmt="iso", utc=True),)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            *times,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info if json else _as_is,
            _with_priority(last) if journal else last,
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


def to_journal() -> bool:
    """Whether standard error is the journal's stream, by what systemd says of it (JOURNAL_STREAM).

    A child whose output was redirected inherits the variable, not the stream.
    """
    try:
        there = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{there.st_dev}:{there.st_ino}"


def _with_priority(render: Processor) -> Processor:
    """The renderer, each line of whose text begins with its priority: tracebacks have many."""

    def rendered(
        logger: structlog.typing.WrappedLogger, name: str, event: structlog.typing.EventDict
    ) -> str:
        prefix = f"<{_PRIORITIES.get(str(event.get('level')), _INFO)}>"
        text = str(render(logger, name, event))
        return "\n".join(f"{prefix}{line}" for line in text.splitlines())

    return rendered

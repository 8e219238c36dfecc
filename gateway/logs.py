"""What the program tells the operator: named events with fields, on standard error.

One event per change of state, ``log.info("clip.stored", clip=...)``. These lines are for
running the service; they are not evidence, the transparency log is.
"""

from __future__ import annotations

import logging
import sys

import structlog

# They log every packet, connection or step; what matters of it is said by our own events.
_QUIET = ("aiosqlite", "alembic", "amqtt", "asyncio", "transitions", "uvicorn.access", "websockets")


def configure(*, json: bool, level: int = logging.INFO) -> None:
    """Set up logging for the whole process, once, before anything else speaks.

    Args:
        json: one JSON object per line, for a collector, instead of text for people.
        level: lowest level shown.
    """
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            renderer,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.getLogger("amqtt.broker").addFilter(_to_the_point)


def _to_the_point(record: logging.LogRecord) -> bool:
    # It logs the same failure, traceback and all, that it also raises.
    record.exc_info = None
    # What the embedded broker still held when it ended is no loss: docks ask and send again.
    return not record.getMessage().endswith("messages not broadcasted")

"""Work that a cancellation must not cut in two: it is finished first.

Every task may be cancelled at any await: a worker ends, a lease is lost, a neighbour failed,
a client hung up. A thread that writes to the store cannot be cancelled; were its caller to
give up and the next one begin, both would write. A statement cut inside the database driver
leaves the database locked.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

import structlog

_event = structlog.get_logger("gateway.unbroken")
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


async def to_the_end(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a coroutine to its end; a cancellation takes effect after it.

    What it raised is then only logged: the cancelled caller could not hear it.
    """
    task = asyncio.ensure_future(work)
    cancelled = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        failure = task.exception()
        if failure is not None:
            _event.warning("cancelled.work-failed", reason=str(failure))
        raise cancelled
    return task.result()


def unbroken(
    work: Callable[_Arguments, Coroutine[Any, Any, _Result]],
) -> Callable[_Arguments, Coroutine[Any, Any, _Result]]:
    """Let every call of a coroutine function run to its end."""

    @functools.wraps(work)
    async def whole(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        return await to_the_end(work(*args, **kwargs))

    return whole

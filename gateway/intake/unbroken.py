"""Database work that a cancellation must not cut in two.

Any dock's tasks may be cancelled at any await: the worker ends, the lease is lost, a
neighbour task failed. Cut inside a statement, the driver can leave its connection open with
the database locked, and that would stop every other dock.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from gateway.log.commit import to_the_end

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def unbroken(
    work: Callable[_Arguments, Coroutine[Any, Any, _Result]],
) -> Callable[_Arguments, Coroutine[Any, Any, _Result]]:
    """Let a coroutine function finish what it began before a cancellation takes effect."""

    @functools.wraps(work)
    async def whole(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        return await to_the_end(work(*args, **kwargs))

    return whole

"""The limited process in which copies are made; started by ``gateway.previews.maker`` alone.

What it can do is said in ``limited.serving`` and ``limited.walls``. A question has, beside the
limits: ``kind``, ``size``, ``names`` (the original, in words, for the copy), ``key``,
``max_height``, ``encode``. It comes with two descriptors: the original, and a pipe for the copy.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import av

from gateway.previews.footage import NoCopyError, opened
from gateway.previews.pictures import contact_strip, thumbnail
from gateway.previews.video import preview
from limited.serving import Question, serve


def main() -> None:
    """Serve until idle or left alone."""
    av.logging.set_level(av.logging.PANIC)
    serve(work)


def work(question: Question, descriptors: list[int]) -> dict[str, Any]:
    """Make one copy, or say why there is none."""
    original, product = descriptors
    try:
        return _made(question, original, _writer(product))
    except NoCopyError as error:
        return {"reason": error.code, "detail": error.detail}
    except (MemoryError, av.error.MemoryError):
        return {"reason": "memory"}
    except av.error.FFmpegError as error:
        return {"reason": "undecodable", "detail": f"{type(error).__name__}: {error}"[:200]}


def _made(question: Question, original: int, write: Callable[[bytes], int]) -> dict[str, Any]:
    footage = opened(original, question["size"], question.get("key"))
    match question["kind"]:
        case "thumbnail":
            return {"made": thumbnail(footage, question["names"], write)}
        case "contact-strip":
            return {"made": contact_strip(footage, question["names"], write)}
        case "key":
            # Opened with it, so it fits.
            return {"made": {}} if footage.encrypted else {"reason": "not-encrypted"}
        case _:
            return preview(footage, question, write)


def _writer(product: int) -> Callable[[bytes], int]:
    def write(data: bytes) -> int:
        left = memoryview(data)
        while left:
            left = left[os.write(product, left) :]
        return len(data)

    return write


if __name__ == "__main__":
    main()

"""The limited process in which a dock looks at recordings; started by ``edge.probe`` alone.

What it can do is said in ``limited.serving`` and ``limited.walls``; what it does, in
``edge.probe_media``.
"""

from __future__ import annotations

from typing import Any

from edge.probe_media import examine
from limited.serving import Question, serve


def main() -> None:
    """Serve until idle or left alone."""
    serve(_work)


def _work(question: Question, descriptors: list[int]) -> dict[str, Any]:
    return examine(descriptors[0], question["size"])


if __name__ == "__main__":
    main()

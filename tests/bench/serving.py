"""One file over HTTP by uvicorn and Starlette alone: what a Python gateway could do at most.

python -m tests.bench.serving FILE PORT
"""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route


def main() -> None:
    """Serve until killed; each answer goes out in pieces as large as the gateway's."""
    path, port = sys.argv[1:]
    FileResponse.chunk_size = 1 << 20

    async def whole(_: Request) -> Response:
        return FileResponse(path)

    app = Starlette(routes=[Route("/", whole)])
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", lifespan="off")


if __name__ == "__main__":
    main()

"""A real Mosquitto on a free loopback port, for tests that need a broker."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.demo.programs import free_port

CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
log_type error
max_inflight_messages 0
message_size_limit {limit}
"""


@contextlib.contextmanager
def mosquitto(folder: Path, *, port: int | None = None, limit: int = 1_114_112) -> Iterator[int]:
    """Run a broker; gives its port.

    Args:
        folder: for its configuration file.
        port: to use instead of a free one.
        limit: largest message in bytes.
    """
    port = port or free_port()
    config = folder / f"mosquitto-{port}.conf"
    config.write_text(CONFIG.format(port=port, limit=limit))
    process = subprocess.Popen(
        ["mosquitto", "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for_port(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def wait_for_port(port: int) -> None:
    """Wait until a broker listens there."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    msg = f"mosquitto did not come up on port {port}"
    raise TimeoutError(msg)

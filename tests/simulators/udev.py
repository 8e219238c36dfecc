"""A real udevd for tests, with rules that put loop devices into made-up USB ports."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.simulators.tools import there

DAEMON: Final = Path("/lib/systemd/systemd-udevd")
_CONTROL: Final = Path("/run/udev/control")
_RULES: Final = Path("/run/udev/rules.d/99-evidock-tests.rules")


def available() -> bool:
    """Whether this machine has one, and lets us run it."""
    return there(udevadm="udev") and DAEMON.exists() and os.geteuid() == 0


@contextlib.contextmanager
def udevd() -> Iterator[None]:
    """Udev running meanwhile: the machine's own, or one started here."""
    ours = not _running()
    if ours:
        subprocess.run([str(DAEMON), "--daemon"], check=True)
        deadline = time.monotonic() + 10
        while not _running() and time.monotonic() < deadline:
            time.sleep(0.05)
    # A run that was cut may have left its rules, and what they said in the database.
    _forget()
    try:
        yield
    finally:
        _forget()
        if ours:
            subprocess.run(["udevadm", "control", "--exit"], check=False)
        else:
            subprocess.run(["udevadm", "control", "--reload"], check=False)


def _forget() -> None:
    _RULES.unlink(missing_ok=True)
    subprocess.run(["udevadm", "control", "--reload"], check=False)
    for loop in sorted(Path("/dev").glob("loop[0-9]*")):
        trigger("change", str(loop))
    settle()


def plug(ports: dict[str, str]) -> None:
    """Say which loop device is in which port, and let udev look at them anew.

    Args:
        ports: ``ID_PATH`` by device, for example ``/dev/loop3``.
    """
    _RULES.parent.mkdir(parents=True, exist_ok=True)
    rules = [
        f'SUBSYSTEM=="block", KERNEL=="{Path(loop).name}", ENV{{ID_PATH}}="{port}", '
        f'ENV{{ID_BUS}}="usb", ENV{{ID_SERIAL}}="Evidock_Card_{Path(loop).name}-0:0", '
        f'ENV{{ID_SERIAL_SHORT}}="{Path(loop).name}"'
        for loop, port in ports.items()
    ]
    _RULES.write_text("\n".join(rules) + "\n")
    subprocess.run(["udevadm", "control", "--reload"], check=True)
    for loop in ports:
        trigger("add", loop)
    settle()


def trigger(action: str, loop: str) -> None:
    """Have the kernel say that a device came or went."""
    subprocess.run(["udevadm", "trigger", f"--action={action}", f"--name-match={loop}"], check=True)


def settle() -> None:
    """Wait until udev has nothing to do."""
    subprocess.run(["udevadm", "settle", "--timeout=10"], check=False)


def _running() -> bool:
    done = subprocess.run(["udevadm", "control", "--ping"], capture_output=True, check=False)
    return done.returncode == 0 and _CONTROL.exists()

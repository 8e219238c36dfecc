"""The dock's side of the mount helper: a card is writable while a block lasts, and no longer.

Cards are mounted read-only. Whoever erases asks for the moment of it::

    async with mounter.writable(camera.root):
        ...  # erase

The card is read-only again when the block ends, when this process ends in whatever way, and
when the helper's time limit has passed; while the block lasts, the helper is told that it does,
which moves that limit where a FUSE driver serves the card. Nothing may have a file of the card
open when the block begins or ends; where the helper has to mount anew (a FUSE driver), it must.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Final

import structlog

from edge.cameras.base import word
from edge.codes import Stays, Unlike
from edge.errors import MountRefused, NoMounter
from edge.mounter import wire
from edge.mounter.settings import MounterSection

log = structlog.get_logger()

USB_REFUSED: Final = "usb-refused"
# A camera all the same, and no attack: it is told apart, since what to do is another thing.
USB_MTP: Final = "usb-mtp"
_ACT: Final = {
    USB_REFUSED: "Take it out, and find out who put it in",
    USB_MTP: "Nothing was copied; set it to USB disk mode (mass storage) and dock it again",
}
_CONNECT_S: Final = 2.0
_ANSWER_S: Final = 20.0
_AGAIN_S: Final = 5.0
# So often within the helper's limit it is told that the card is still needed.
_TOLD: Final = 3


class Mounter:
    """Asks the mount helper.

    Args:
        settings: where it is; None where the dock has none, and then all asking is refused.
    """

    def __init__(self, settings: MounterSection | None = None) -> None:
        self._settings = settings
        self._held: set[Path] = set()
        self._turns: Counter[Path] = Counter()

    @property
    def root(self) -> Path | None:
        """Where its mounts are."""
        return self._settings.root if self._settings else None

    def has(self, mount: Path) -> bool:
        """Whether a mount is one of the helper's, by the place it is in."""
        return self.root is not None and self.root in mount.parents

    def holds(self, mount: Path) -> bool:
        """Whether a card is being made writable or read-only: it may be away for a moment."""
        return mount in self._held

    def turn(self, mount: Path) -> int:
        """Another number after each begin and end of a moment; may be asked in any thread.

        What was seen of a card between two different ones may be the bare directory below it.
        """
        return self._turns[mount]

    @contextlib.asynccontextmanager
    async def writable(self, mount: Path) -> AsyncIterator[None]:
        """Make a card writable for the time of the block.

        Args:
            mount: the camera's root.

        Raises:
            NoMounter: the helper has no such card or does not answer; nothing was changed.
            MountRefused: the card is in use, write-protected or gone; it is read-only.
        """
        reader, writer = await self._reach(mount)
        self._held.add(mount)
        self._turns[mount] += 1
        try:
            await _ask(reader, writer, wire.Verb.WRITABLE, mount)
            try:
                async with self._needed(reader, writer, mount):
                    yield
            finally:
                # If it cannot be told, the end of the connection tells it.
                with contextlib.suppress(NoMounter, MountRefused):
                    await _ask(reader, writer, wire.Verb.READONLY, mount)
        finally:
            self._held.discard(mount)
            self._turns[mount] += 1
            writer.close()

    @contextlib.asynccontextmanager
    async def _needed(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mount: Path
    ) -> AsyncIterator[None]:
        """Tell the helper now and then that the block lasts, and take its last answer."""
        ended = asyncio.Event()
        every_s = (self._settings.writable_s if self._settings else _AGAIN_S) / _TOLD
        told = asyncio.ensure_future(_tell(reader, writer, mount, ended, every_s))
        try:
            yield
        finally:
            ended.set()
            await told

    async def leave(self, mount: Path) -> None:
        """Let go of a card: it is unmounted at once, whatever is still open on it.

        Raises:
            NoMounter: the helper has no such card or does not answer.
            MountRefused: it does not know this mount (any more).
        """
        reader, writer = await self._reach(mount)
        try:
            await _ask(reader, writer, wire.Verb.LEAVE, mount)
        finally:
            writer.close()

    async def watch(self, heard: Callable[[wire.Told], None]) -> None:
        """Hear what the helper tells, until cancelled; tries again when it is not there."""
        while self._settings is not None:
            try:
                async with contextlib.aclosing(self._told()) as all_told:
                    async for told in all_told:
                        heard(told)
            except (NoMounter, OSError, ValueError) as error:
                log.warning("mounter.silent", reason=str(error))
            await asyncio.sleep(_AGAIN_S)

    async def _told(self) -> AsyncGenerator[wire.Told, None]:
        reader, writer = await self._connect()
        try:
            writer.write(wire.encode(wire.Question(verb=wire.Verb.WATCH)))
            while line := await reader.readline():
                yield wire.told(line)
        finally:
            writer.close()

    async def _reach(self, mount: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if not self.has(mount):
            raise NoMounter(f"{mount} was not mounted by the dock's mount helper")
        return await self._connect()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._settings is None:
            raise NoMounter("this dock has no mount helper: there is no [mounter] in its settings")
        try:
            async with asyncio.timeout(_CONNECT_S):
                return await asyncio.open_unix_connection(self._settings.socket, limit=wire.LINE)
        except OSError as error:  # a timeout is one
            raise NoMounter(
                f"the mount helper does not answer on {self._settings.socket}: "
                f"{error.strerror or 'no answer in time'}; is evidock-mounter.service running?",
                Stays.HELPER_SILENT,
            ) from error


def alarm_of(refused: wire.Refused) -> str:
    """The alarm for a USB device that was refused."""
    return USB_MTP if refused.code == Unlike.MTP else USB_REFUSED


def news(known: wire.Told, told: wire.Told) -> tuple[list[wire.Refused], list[wire.Refused]]:
    """Refused devices whose alarm begins, and those whose alarm ends with what is told now.

    A camera in MTP mode is nobody's doing but a setting's: its alarm ends when it is taken out.
    One about anything else stands until somebody has seen to it.
    """
    begin = [each for each in told.refused if each not in known.refused]
    gone = [each for each in known.refused if each not in told.refused]
    return begin, [each for each in gone if alarm_of(each) == USB_MTP]


def said(refused: wire.Refused) -> tuple[str, str]:
    """Text and subject of the alarm for a USB device that was refused; names are the device's."""
    device, classes = word(refused.device), word(", ".join(refused.classes))
    text = (
        f"bay {refused.bay}: a USB device {device} (interfaces {classes or 'unknown'}) was not let "
        f"through: {word(refused.reason)}. {_ACT.get(alarm_of(refused), _ACT[USB_REFUSED])}"
    )
    return text, f"{refused.bay} {device}"[:200]


async def _tell(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    mount: Path,
    ended: asyncio.Event,
    every_s: float,
) -> None:
    while not ended.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(every_s):
                await ended.wait()
            return
        try:
            await _ask(reader, writer, wire.Verb.NEEDED, mount)
        except (NoMounter, MountRefused) as error:
            # Where it cannot be longer, the helper takes the card back when its time is over.
            log.debug("mount.not-longer", point=str(mount), reason=str(error))
            return


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, verb: wire.Verb, mount: Path
) -> None:
    try:
        async with asyncio.timeout(_ANSWER_S):
            writer.write(wire.encode(wire.Question(verb=verb, mount=str(mount))))
            await writer.drain()
            reply = wire.reply(await reader.readline())
    except (OSError, ValueError) as error:
        text = f"the mount helper broke off while asked for {verb}"
        raise NoMounter(text, Stays.HELPER_SILENT) from error
    if not reply.ok:
        raise MountRefused(f"{reply.reason} ({reply.code})", reply.code)

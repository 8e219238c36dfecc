"""Pictures of a preview, copied or encoded; runs only in the limited process."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import av
import av.container
from av.stream import Stream
from av.video.stream import VideoStream

from gateway.previews.fitting import Fitter, shown_size, within
from gateway.previews.footage import MICRO, Footage, NoCopyError, Packet, decoded

TICKS: Final = Fraction(1, 90_000)
_FPS: Final = 25
_FASTEST: Final = 62
"""Pictures a second at most; more are left out."""
_GROUP_S: Final = 2
_LONGEST_LEAP: Final = Fraction(3600)
_CRF: Final = "26"


class Copied:
    """Packets of a stream as they are, moved to begin with the preview."""

    def __init__(
        self, footage: Footage, source: Stream, output: av.container.OutputContainer
    ) -> None:
        self._start_us = footage.start_us
        self._stream = output.add_stream_from_template(source)
        self.packets = 0

    def take(self, packet: Packet) -> Iterator[Packet]:
        """The same packet for the preview."""
        if packet.dts is None or packet.pts is None or packet.time_base is None:
            if packet.size:
                # What has no time cannot be copied into a container that asks for it.
                raise NoCopyError("encode", "a packet without time")
            return
        offset = round(Fraction(self._start_us, MICRO) / packet.time_base)
        packet.pts -= offset
        packet.dts -= offset
        packet.stream = self._stream
        self.packets += 1
        yield packet

    def finish(self) -> Iterator[Packet]:
        """Nothing is kept back."""
        yield from ()


class EncodedVideo:
    """Pictures decoded, fitted and encoded anew."""

    def __init__(
        self,
        footage: Footage,
        source: VideoStream,
        output: av.container.OutputContainer,
        max_height: int,
    ) -> None:
        self._start = Fraction(footage.start_us, MICRO)
        self._source, self._output, self._max_height = source, output, max_height
        rate = source.average_rate or source.guessed_rate or Fraction(_FPS)
        self._rate = rate if 1 <= rate <= _FASTEST else Fraction(_FPS)
        self._timed = footage.seeks
        stream = output.add_stream("libx264", rate=self._rate)
        if not isinstance(stream, VideoStream):
            raise TypeError(type(stream))
        self._stream = stream
        self._fitter: Fitter | None = None
        self._last: int | None = None
        self.packets = 0
        self.size = (0, 0)

    def prepare(self, frame: av.VideoFrame) -> None:
        """Settle the size by the first picture; before anything is written."""
        size = within(shown_size(frame, self._source.sample_aspect_ratio), self._max_height)
        self._fitter = Fitter(size, "yuv420p")
        context = self._stream.codec_context
        context.width, context.height, context.pix_fmt = size.width, size.height, "yuv420p"
        context.time_base, context.thread_count = TICKS, 1
        context.gop_size = max(round(self._rate * _GROUP_S), 1)
        context.options = {
            "preset": "veryfast",
            "crf": _CRF,
            "profile": "main",
            "bf": "0",
            "x264-params": "threads=1:lookahead-threads=1:sliced-threads=0",
        }
        self.size = (size.width, size.height)

    def take(self, packet: Packet) -> Iterator[Packet]:
        """What comes out for one packet."""
        for frame in decoded(packet):
            if isinstance(frame, av.VideoFrame):
                yield from self.encoded(frame)

    def encoded(self, frame: av.VideoFrame) -> Iterator[Packet]:
        """What comes out for one picture; none that would come too soon after the last."""
        if self._fitter is None:
            self.prepare(frame)
        if self._fitter is None:
            return
        at = self._at(frame)
        if self._last is not None and at < self._last + int(1 / TICKS / _FASTEST):
            return
        self._last = at
        fitted = self._fitter.fit(frame)
        fitted.pts, fitted.time_base = at, TICKS
        fitted.pict_type = av.video.frame.PictureType.NONE
        self.packets += 1
        yield from self._stream.encode(fitted)

    def finish(self) -> Iterator[Packet]:
        """What the encoder kept back."""
        if self._last is not None:
            yield from self._stream.encode(None)

    def _at(self, frame: av.VideoFrame) -> int:
        following = 0 if self._last is None else self._last + int(1 / self._rate / TICKS)
        if not self._timed or frame.pts is None or frame.time_base is None:
            return following
        at = int((frame.pts * frame.time_base - self._start) / TICKS)
        if self._last is None:
            return max(at, 0) if at * TICKS < _LONGEST_LEAP else 0
        # A clock that leaps by hours has leapt; the pictures follow one another all the same.
        return at if (at - self._last) * TICKS < _LONGEST_LEAP else following

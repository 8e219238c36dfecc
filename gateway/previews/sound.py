"""Sound of a preview, encoded; runs only in the limited process."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import av
import av.container
from av.audio.stream import AudioStream
from av.filter import Graph

from gateway.previews.footage import MICRO, Footage, Packet, decoded

_RATES: Final = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_RATE: Final = 48_000
_FRAME: Final = 1024
_BITS_A_CHANNEL: Final = 64_000
_LONGEST_LEAP_S: Final = 3600


class EncodedSound:
    """Sound decoded and encoded as AAC, kept in step with its times where some is missing."""

    def __init__(
        self, footage: Footage, source: AudioStream, output: av.container.OutputContainer
    ) -> None:
        context = source.codec_context
        self._start = Fraction(footage.start_us, MICRO)
        self._layout = "mono" if context.channels == 1 else "stereo"
        self._rate = context.sample_rate if context.sample_rate in _RATES else _RATE
        stream = output.add_stream("aac", rate=self._rate, layout=self._layout)
        if not isinstance(stream, AudioStream):
            raise TypeError(type(stream))
        self._stream = stream
        stream.codec_context.thread_count = 1
        stream.codec_context.bit_rate = _BITS_A_CHANNEL * (1 if self._layout == "mono" else 2)
        self._for: tuple[int, str, str] | None = None
        self._graph: Graph | None = None
        self._heard_s = Fraction(0)
        self._following = 0
        self.packets = 0

    def take(self, packet: Packet) -> Iterator[Packet]:
        """What comes out for one packet."""
        for frame in decoded(packet):
            if isinstance(frame, av.AudioFrame) and frame.samples and frame.sample_rate:
                yield from self._encoded(frame)

    def finish(self) -> Iterator[Packet]:
        """What filter and encoder kept back."""
        if self._graph is not None:
            self._graph.push(None)
            yield from self._pulled(self._graph)
        if self.packets:
            yield from self._stream.encode(None)

    def _encoded(self, frame: av.AudioFrame) -> Iterator[Packet]:
        form = (frame.sample_rate, frame.format.name, frame.layout.name)
        if self._graph is None or form != self._for:
            if self._graph is not None:
                self._graph.push(None)
                yield from self._pulled(self._graph)
            self._graph, self._for = self._made(frame), form
        frame.pts, frame.time_base = self._at(frame), Fraction(1, frame.sample_rate)
        self._graph.push(frame)
        yield from self._pulled(self._graph)

    def _at(self, frame: av.AudioFrame) -> int:
        """In samples from the beginning; what has no time, or leaps by hours, follows on."""
        at_s = self._heard_s
        if frame.pts is not None and frame.time_base is not None:
            said = frame.pts * frame.time_base - self._start
            if abs(said - at_s) < _LONGEST_LEAP_S:
                at_s = max(said, Fraction(0))
        self._heard_s = at_s + Fraction(frame.samples, frame.sample_rate)
        return int(at_s * frame.sample_rate)

    def _pulled(self, graph: Graph) -> Iterator[Packet]:
        while True:
            try:
                frame = graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            if not isinstance(frame, av.AudioFrame):
                raise TypeError(type(frame))
            if frame.pts is None or frame.pts < self._following:
                frame.pts = self._following
            self._following = frame.pts + frame.samples
            frame.time_base = Fraction(1, self._rate)
            self.packets += 1
            yield from self._stream.encode(frame)

    def _made(self, frame: av.AudioFrame) -> Graph:
        graph = Graph()
        # A fork may start no thread.
        graph.threads = 1
        nodes = [
            graph.add_abuffer(
                sample_rate=frame.sample_rate,
                format=frame.format.name,
                layout=frame.layout.name,
                time_base=Fraction(1, frame.sample_rate),
            ),
            graph.add("aresample", f"{self._rate}:async=1000"),
            graph.add(
                "aformat",
                f"sample_fmts=fltp:channel_layouts={self._layout}:sample_rates={self._rate}",
            ),
            graph.add("abuffersink"),
        ]
        graph.link_nodes(*nodes).configure()
        graph.set_audio_frame_size(_FRAME)
        return graph

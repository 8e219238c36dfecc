"""Pictures in the size and turn that people see; runs only in the limited process."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av
from av.filter import Graph

_QUARTER: Final = 90
_TURNS = {90: ["transpose=cclock"], 180: ["hflip", "vflip"], 270: ["transpose=clock"]}
_LEAST: Final = 2
_WIDEST: Final = Fraction(16, 9)


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in dots, both even."""

    width: int
    height: int


def shown_size(frame: av.VideoFrame, aspect: Fraction | None) -> Size:
    """How large a picture is on a screen: its dots made square, and turned."""
    ratio = aspect if aspect and Fraction(1, 8) < aspect < Fraction(8) else Fraction(1)
    width, height = int(frame.width * ratio), frame.height
    if turn_of(frame) % 180:
        width, height = height, width
    return Size(_even(width), _even(height))


def turn_of(frame: av.VideoFrame) -> int:
    """By how many degrees it is to be turned, counted against the clock: 0, 90, 180 or 270."""
    return round(frame.rotation / _QUARTER) % 4 * _QUARTER


def within(size: Size, side: int) -> Size:
    """The largest size of that shape within 16:9 of a short side, never larger than it is."""
    across = int(side * _WIDEST)
    wide, high = (across, side) if size.width >= size.height else (side, across)
    scale = min(Fraction(wide, size.width), Fraction(high, size.height), Fraction(1))
    return Size(_even(int(size.width * scale)), _even(int(size.height * scale)))


def box(size: Size, width: int, height: int) -> Size:
    """The largest size of that shape within a box; smaller ones grow."""
    scale = min(Fraction(width, size.width), Fraction(height, size.height))
    return Size(_even(int(size.width * scale)), _even(int(size.height * scale)))


class Fitter:
    """Scales and turns pictures to one size, whatever size the next one has."""

    def __init__(self, size: Size, dots: str) -> None:
        """Fit to a size in a format of dots, such as ``yuv420p``."""
        self.size = size
        self._dots = dots
        self._for: tuple[int, int, str, int] | None = None
        self._graph: Graph | None = None

    def fit(self, frame: av.VideoFrame, *, turn: int | None = None) -> av.VideoFrame:
        """The same picture, with its time.

        Args:
            frame: the picture.
            turn: by so much instead of what the picture says, which one that was fitted repeats.
        """
        turn = turn_of(frame) if turn is None else turn
        form = (frame.width, frame.height, frame.format.name, turn)
        if self._graph is None or form != self._for:
            self._graph, self._for = self._made(frame, turn), form
        self._graph.push(frame)
        fitted = self._graph.pull()
        if not isinstance(fitted, av.VideoFrame):
            raise TypeError(type(fitted))
        return fitted

    def _made(self, frame: av.VideoFrame, turn: int) -> Graph:
        graph = Graph()
        # A fork may start no thread.
        graph.threads = 1
        before = self.size if turn % 180 == 0 else Size(self.size.height, self.size.width)
        scale = f"scale={before.width}:{before.height}:flags=bilinear"
        steps = [scale, *_TURNS.get(turn, []), f"format={self._dots}", "setsar=1"]
        nodes = [
            graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=frame.time_base or Fraction(1, 1000),
            )
        ]
        for step in steps:
            name, _, arguments = step.partition("=")
            nodes.append(graph.add(name, arguments or None))
        nodes.append(graph.add("buffersink"))
        graph.link_nodes(*nodes).configure()
        return graph


def _even(length: int) -> int:
    return max(length - length % 2, _LEAST)

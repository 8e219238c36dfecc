"""A preview that browsers play, in one pass; runs only in the limited process.

Fragmented MP4 (ISO/IEC 14496-12, 8.8), H.264 and AAC: it can be written to a pipe. Streams that
suit are copied as they are; pictures that do not are scaled down and encoded anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import av
import av.container

from gateway.previews import suits
from gateway.previews.footage import Footage, NoCopyError, Packet
from gateway.previews.passing import Passed
from gateway.previews.sound import EncodedSound
from gateway.previews.streams import Copied, EncodedVideo
from limited.serving import Question

_FRAGMENT_US: Final = 2_000_000
_OPTIONS: Final = {
    "movflags": "frag_keyframe+delay_moov+default_base_moof+skip_trailer",
    "min_frag_duration": str(_FRAGMENT_US),
}
Track = Copied | EncodedVideo | EncodedSound


def preview(footage: Footage, question: Question, write: Callable[[bytes], int]) -> dict[str, Any]:
    """Write a preview, unless browsers play the original.

    Raises:
        NoCopyError: there is none, or ``encode``: copying does not work, ask to encode.
    """
    as_it_is = suits.played_as(footage)
    if not footage.encrypted and as_it_is is not None:
        return {"unneeded": as_it_is}
    sink = Passed(write)
    output = av.open(sink, "w", format="mp4", options=_OPTIONS)
    output.metadata["title"] = "preview, not evidence"
    output.metadata["comment"] = question["names"]
    video, sound = _tracks(footage, output, question)
    try:
        for packet in _packets(footage, video, sound):
            output.mux(packet)
        output.close()
    except (av.error.FFmpegError, ValueError) as error:
        if isinstance(video, Copied) or isinstance(sound, Copied):
            raise NoCopyError("encode", f"{type(error).__name__}: {error}") from error
        raise NoCopyError("undecodable", f"{type(error).__name__}: {error}") from error
    if not any(track is not None and track.packets for track in (video, sound)):
        raise footage.nothing
    return {"made": _facts(footage, video, sound)}


def _tracks(
    footage: Footage, output: av.container.OutputContainer, question: Question
) -> tuple[Copied | EncodedVideo | None, Copied | EncodedSound | None]:
    anew = bool(question.get("encode"))
    video: Copied | EncodedVideo | None = None
    sound: Copied | EncodedSound | None = None
    if footage.video is not None:
        if suits.copies_video(footage) and not anew:
            video = Copied(footage, footage.video, output)
        else:
            video = EncodedVideo(footage, footage.video, output, question["max_height"])
    if footage.audio is not None:
        if suits.copies_sound(footage) and not anew:
            sound = Copied(footage, footage.audio, output)
        else:
            sound = EncodedSound(footage, footage.audio, output)
    return video, sound


def _packets(footage: Footage, video: Track | None, sound: Track | None) -> Iterator[Packet]:
    """Everything to write; nothing before the first picture has settled the picture's size."""
    held: list[Packet] = []
    settled = not isinstance(video, EncodedVideo)
    wanted = [stream for stream in (footage.video, footage.audio) if stream is not None]
    for packet in _read(footage, wanted):
        track = video if packet.stream is footage.video else sound
        if track is None:
            continue
        held.extend(track.take(packet))
        if not settled and isinstance(video, EncodedVideo):
            settled = video.packets > 0
            if len(held) > _MOST_HELD:
                raise NoCopyError("undecodable", "no picture could be decoded for a long time")
        if settled:
            yield from held
            held.clear()
    for track in (video, sound):
        if track is not None:
            held.extend(track.finish())
    yield from held


_MOST_HELD: Final = 20_000


def _read(footage: Footage, wanted: list[Any]) -> Iterator[Packet]:
    """Packets up to where the recording can be read."""
    packets = footage.container.demux(wanted)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):
            return
        yield packet


def _facts(footage: Footage, video: Track | None, sound: Track | None) -> dict[str, Any]:
    return {
        "video": None if video is None else _how(video),
        "sound": None if sound is None else _how(sound),
        "size": video.size if isinstance(video, EncodedVideo) else None,
        "rate_known": footage.seeks,
    }


def _how(track: Track) -> str:
    return "copied" if isinstance(track, Copied) else "encoded"

"""The cards that demo and tests make hold what they are said to hold."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from tests.simulators.footage import FPS, make_card


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_card(tmp_path_factory.mktemp("card") / "card", takes=2, seconds=2)


def test_good_recordings_play_to_their_end(recordings: list[Path]) -> None:
    for path in recordings[:2]:
        with av.open(str(path)) as container:
            assert [stream.type for stream in container.streams] == ["video", "audio"]
            assert sum(1 for _ in container.decode(video=0)) == 2 * FPS


def test_the_last_good_recording_carries_the_officers_mark(recordings: list[Path]) -> None:
    assert [path.stem.endswith("_IMP") for path in recordings[:2]] == [False, True]


def test_the_cut_recording_does_not_open(recordings: list[Path]) -> None:
    with pytest.raises(av.error.InvalidDataError):
        av.open(str(recordings[2]))


def test_the_last_recording_is_empty(recordings: list[Path]) -> None:
    assert recordings[3].stat().st_size == 0


def test_the_same_card_is_made_again(recordings: list[Path], tmp_path: Path) -> None:
    again = make_card(tmp_path / "card", takes=2, seconds=2)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in recordings]

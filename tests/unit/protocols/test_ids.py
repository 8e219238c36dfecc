"""Names can carry nothing that a topic, a path or a query would take for syntax."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import IdError
from protocols.ids import EntryId, case_urn, clip_of_urn, dock_id, dock_urn, gateway_urn

dock_names = st.from_regex(r"[a-z0-9][a-z0-9-]{0,22}", fullmatch=True).filter(
    lambda name: name != "gateway"
)


@pytest.mark.parametrize("name", ["dock7", "0", "a-b-c", "x" * 23])
def test_a_good_dock_name_is_kept(name: str) -> None:
    assert dock_id(name) == name


@pytest.mark.parametrize(
    "name", ["", "-a", "Dock", "gateway", "a" * 24, "a/b", "a+", "#", "a b", "dock7\n", "文"]
)
def test_a_bad_dock_name_is_refused(name: str) -> None:
    with pytest.raises(IdError):
        dock_id(name)


@given(dock=dock_names, epoch=st.integers(0, 10**9), seq=st.integers(0, 10**14))
def test_an_entry_name_reads_back_as_written(dock: str, epoch: int, seq: int) -> None:
    entry = EntryId(dock_id(dock), epoch, seq)
    assert EntryId.parse(str(entry)) == entry
    assert clip_of_urn(entry.clip_urn) == entry
    assert clip_of_urn(entry.session_urn) is None


@pytest.mark.parametrize(
    "text",
    ["dock7", "dock7.1", "dock7.01.2", "dock7.1.-2", "dock7.1.2.3", "gateway.0.0", "d.1.2\n"],
)
def test_a_malformed_entry_name_is_refused(text: str) -> None:
    with pytest.raises(IdError):
        EntryId.parse(text)
    assert clip_of_urn(f"urn:evidock:clip:{text}") is None


def test_urns_name_their_kind() -> None:
    assert dock_urn(dock_id("dock7")) == "urn:evidock:dock:dock7"
    assert gateway_urn("gateway") == "urn:evidock:gateway:gateway"
    assert case_urn("00ff") == "urn:evidock:case:00ff"
    with pytest.raises(IdError):
        gateway_urn("Gate Way")

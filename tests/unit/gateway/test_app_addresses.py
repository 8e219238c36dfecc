"""Case numbers as path segments, and claims made fit to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from gateway.addresses import WholeSegments, segment_of, segment_text
from protocols.shown import shown


async def path_of(raw: bytes) -> str:
    """The path that routes see for a request line's target."""
    seen: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["path"])

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(_message: Message) -> None:
        pass

    scope = {"type": "http", "path": "unused", "raw_path": raw}
    await WholeSegments(app)(scope, receive, send)
    return seen[0]


@given(text=st.text())
async def test_any_text_comes_through_an_address_as_one_segment(text: str) -> None:
    segment = segment_of(text)
    assert "/" not in segment
    path = await path_of(f"/cases/{segment}/trail".encode())
    before, cases, whole, trail = path.split("/")
    assert (before, cases, trail) == ("", "cases", "trail")
    assert segment_text(whole) == text


@given(raw=st.binary())
async def test_any_bytes_in_an_address_give_a_text_with_as_many_segments(raw: bytes) -> None:
    path = await path_of(raw)
    assert path.count("/") == raw.partition(b"?")[0].count(b"/")
    path.encode()


async def test_a_query_is_no_part_of_the_path() -> None:
    assert await path_of(b"/a%2Fb?c=/d") == "/a%2Fb"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("云商执〔2026〕17号 REC 1.MP4", "云商执〔2026〕17号 REC 1.MP4"),
        ("\u3000", "\u3000"),
        ("a\x00b\nc\x7f", "a\\u0000b\\u000ac\\u007f"),
        ("\u202egpj.exe\u2066", "\\u202egpj.exe\\u2066"),
        ("\u2028\u2029\ufeff", "\\u2028\\u2029\\ufeff"),
        ("\udcff", "\\udcff"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_could_forge_a_screen_is_escaped_and_nothing_else(text: str, expected: str) -> None:
    assert shown(text) == expected


@given(text=st.text())
def test_what_is_shown_can_be_printed_and_stored_and_is_not_changed_twice(text: str) -> None:
    once = shown(text)
    once.encode()
    assert "\x00" not in once
    assert shown(once) == once

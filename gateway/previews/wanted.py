"""Which copies there are, how far they have come, and why there is none, in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """A derived copy, in the order in which they are made."""

    THUMBNAIL = "thumbnail"
    """one picture, and the same so small and blurred that nobody is recognised"""
    CONTACT_STRIP = "contact-strip"
    """twelve pictures of it in one"""
    PREVIEW = "preview"
    """what a browser can play"""


class State(StrEnum):
    """How far a copy has come."""

    WAITING = "waiting"
    WORKING = "working"
    MADE = "made"
    UNNEEDED = "unneeded"
    """a browser plays the original"""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Why:
    """Why there is no copy.

    Attributes:
        zh, en: for people.
        again: whether another try may end otherwise.
    """

    zh: str
    en: str
    again: bool = False


NO_PICTURE: Final = "no-picture"
ENCRYPTED: Final = "encrypted"
KEY_WRONG: Final = "key-wrong"
KEY_AWAY: Final = "key-away"
DIFFERS: Final = "original-differs"
MISSING: Final = "original-missing"
CRASHED: Final = "crashed"
INTERRUPTED: Final = "interrupted"
TIME: Final = "time"
TOO_MUCH: Final = "too-much"
FALSE: Final = "false-product"
ENCODE: Final = "encode"
"""Not for people: copying the streams did not work, encode them."""

REASONS: Final = {
    "empty": Why("文件为空", "the file is empty"),
    "not-media": Why("不是已知的音视频格式", "it is in no format that is known here"),
    "cut": Why(
        "录像未正常结束（例如断电），缺少播放所需的索引",
        "the recording was cut, for example by power loss, and lacks the index to play it by",
    ),
    ENCRYPTED: Why("录像已加密，需要先提供密钥", "it is encrypted: supply its key first"),
    KEY_WRONG: Why("所提供的密钥不能解开录像", "the key that was supplied does not open it"),
    KEY_AWAY: Why(
        "密钥已无法读取，请重新提供", "its key cannot be read here any more: supply it again"
    ),
    "not-encrypted": Why("录像未加密，不需要密钥", "it is not encrypted and needs no key"),
    NO_PICTURE: Why("没有画面", "it has no picture"),
    "no-streams": Why("没有画面也没有声音", "it has neither picture nor sound"),
    "too-large": Why("画面尺寸过大", "its picture is too large to be looked at here"),
    "undecodable": Why("无法解码", "it cannot be decoded"),
    "memory": Why("所需内存超过限制", "it needs more memory than it may have"),
    CRASHED: Why("处理时程序异常终止", "looking at it ended the program that did", again=True),
    TIME: Why("处理超时", "it took too long", again=True),
    TOO_MUCH: Why("生成的内容超过限制", "what came out of it is larger than it may be"),
    FALSE: Why("生成的内容格式不符", "what came out of it is not what it should be", again=True),
    DIFFERS: Why(
        "存储的原始文件与封存时不一致，请联系管理员",
        "the stored original is not what was sealed: call the operator",
    ),
    MISSING: Why(
        "存储的原始文件缺失，请联系管理员", "the stored original is missing: call the operator"
    ),
    INTERRUPTED: Why("处理多次中断", "the gateway ended several times while it was made"),
}
"""Every code that a row may have."""

UNKNOWN: Final = Why("未能生成", "it could not be made")


def why(code: str | None) -> Why:
    """The words of a code."""
    return REASONS.get(code or "", UNKNOWN)

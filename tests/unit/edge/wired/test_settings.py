"""The [serial] table: what can be wrong without asking a device is refused."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import tomli_w
from pydantic import ValidationError

from edge.wired.settings import SerialSection

EXAMPLE = """
claim_s = 90.0

[[readers]]
path = "/dev/serial/by-path/platform-usb-0:1.1:1.0-port0"
driver = "rdm6300"

[[readers]]
path = "/dev/serial/by-path/platform-usb-0:1.2:1.0-port0"
driver = "line"
bay = "2"

[[power]]
path = "/dev/serial/by-path/platform-usb-0:1.3:1.0-port0"
driver = "kta"
channels = { 1 = "1", 2 = "2" }

[[lights]]
path = "/dev/serial/by-path/platform-usb-0:1.3:1.0-port0"
driver = "kta"
channels = { 7 = "1", 8 = "2" }

[[control]]
path = "/dev/serial/by-path/platform-usb-0:1.4:1.0-port0"
bay = "1"
zone = "Asia/Shanghai"
"""


def changed(where: str, **values: object) -> dict[str, Any]:
    document = tomllib.loads(EXAMPLE)
    document[where][0] |= values
    return document


def test_the_example_is_understood() -> None:
    section = SerialSection.model_validate(tomllib.loads(EXAMPLE))
    assert section.power[0].channels == {1: "1", 2: "2"}
    assert section.power[0].bits_per_second == 19200
    assert section.lights[0].path == section.power[0].path
    assert section.readers[1].bay == "2"


def test_it_is_written_as_it_is_read() -> None:
    section = SerialSection.model_validate(tomllib.loads(EXAMPLE))
    written = tomli_w.dumps(section.model_dump(mode="json", exclude_none=True))
    assert SerialSection.model_validate(tomllib.loads(written)) == section


def test_nothing_is_wired_by_default() -> None:
    assert not list(SerialSection().boards())


@pytest.mark.parametrize(
    ("where", "values", "reason"),
    [
        ("readers", {"colour": "red"}, "Extra inputs"),
        ("readers", {"path": "/dev/ttyUSB0"}, "this number changes"),
        ("readers", {"path": "/dev/ttyACM11"}, "this number changes"),
        ("readers", {"path": "ttyS0"}, "absolute"),
        ("readers", {"driver": "wiegand"}, "Input should be"),
        ("readers", {"path": "/dev/serial/by-path/platform-usb-0:1.2:1.0-port0"}, "two devices"),
        ("readers", {"path": "/dev/serial/by-path/platform-usb-0:1.3:1.0-port0"}, "two devices"),
        ("power", {"channels": {}}, "empty"),
        ("power", {"channels": {"9": "1"}}, "1 to 8"),
        ("power", {"channels": {"0": "1"}}, "1 to 8"),
        ("power", {"channels": {"1": "1", "2": "1"}}, "bay 1 is given twice"),
        ("power", {"channels": {"7": "1"}}, "channel 7 is given twice"),
        ("power", {"driver": "lcus"}, "different boards"),
        ("power", {"speed": 9600}, "different boards"),
        ("control", {"zone": "Asia/Nowhere"}, "unknown time zone"),
        ("control", {"zone": "../etc/passwd"}, "unknown time zone"),
        ("control", {"password": "a;b"}, "without @ ; #"),
        ("control", {"read_clock": "G;"}, "match pattern"),
    ],
)
def test_what_cannot_be_right_is_refused(where: str, values: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        SerialSection.model_validate(changed(where, **values))


@pytest.mark.parametrize(
    ("where", "name", "wrong"),
    [
        ("control", "set_clock", "no"),
        ("control", "set_clock", 1),
        ("control", "speed", "9600"),
        ("readers", "held_s", "0.3"),
        ("power", "unit", True),
    ],
)
def test_a_switch_or_number_written_as_something_else_is_refused(
    where: str, name: str, wrong: object
) -> None:
    with pytest.raises(ValidationError, match=name):
        SerialSection.model_validate(changed(where, **{name: wrong}))

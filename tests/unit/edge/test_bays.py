"""Which bay a port is."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from edge import config
from edge.bays import Bays, BaySection
from edge.errors import ConfigError
from tests.unit.edge.test_config import MINIMAL

PORT = "pci-0000:00:14.0-usb-0:1.2"


def bays(**paths: str) -> Bays:
    return Bays(BaySection(name=name, path=path) for name, path in paths.items())


@pytest.mark.parametrize(
    "rest", ["", ":1.0", ":1.0-scsi-0:0:0:0", ":1.0-scsi-0:0:0:1", ":1.0-scsi-0:0:0:0-part1"]
)
def test_all_that_hangs_on_one_plug_is_in_one_bay(rest: str) -> None:
    assert bays(left=PORT).at(PORT + rest) == "left"


@pytest.mark.parametrize("port", [PORT + "0", PORT + ".1:1.0", PORT[:-1] + "3", "", None])
def test_another_plug_and_what_is_behind_a_hub_in_it_are_in_no_bay(port: str | None) -> None:
    assert bays(left=PORT).at(port) is None


def test_a_star_stands_for_any_text_and_the_first_that_fits_counts() -> None:
    both = bays(left="*-usb-0:1.2", rest="*-usb-0:1.*")
    assert both.at("platform-xhci-usb-0:1.2:1.0") == "left"
    assert both.at("platform-xhci-usb-0:1.3:1.0") == "rest"


@pytest.mark.parametrize("name", ["", " 1", "1 ", ".", "..", ".x", "a/b", "a\nb", "号" * 80])
def test_a_name_that_is_no_directory_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        BaySection(name=name, path=PORT)


@pytest.mark.parametrize("path", ["***", "*:*-*", "a"])
def test_a_path_that_fits_every_port_is_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        BaySection(name="1", path=path)


@pytest.mark.parametrize("rest", [":1.0", ":1.0-scsi-0:0:0:0", ":*", "-port0"])
def test_a_path_past_the_plug_is_refused_since_no_device_in_it_is_guarded(rest: str) -> None:
    with pytest.raises(ValidationError, match="past the plug"):
        BaySection(name="1", path=PORT + rest)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[[bays]]\nname="1"\npath="usb-1"\n[[bays]]\nname="1"\npath="usb-2"\n', "called 1"),
        ('[[bays]]\nname="1"\npath="usb-1"\n[[bays]]\nname="2"\npath="usb-1"\n', "at port usb-1"),
        ("[mounter]\n", r"name the dock's ports in \[\[bays\]\]"),
        ('[mounter]\ntypes = ["ntfs"]\n[[bays]]\nname="1"\npath="usb-1"\n', "mounter.types"),
    ],
)
def test_slips_are_refused_by_name(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(MINIMAL + text)
    with pytest.raises(ConfigError, match=why):
        config.load(path)


def test_paths_of_the_helper_are_relative_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(
        MINIMAL + '[mounter]\nsocket = "m.sock"\nroot = "cards"\n'
        '[[bays]]\nname = "1号仓"\npath = "usb-1"\n'
    )
    loaded = config.load(path)
    assert loaded.mounter is not None
    assert (loaded.mounter.socket, loaded.mounter.root) == (tmp_path / "m.sock", tmp_path / "cards")
    assert loaded.bays[0].name == "1号仓"

"""What the mount helper tells becomes alarms that begin, and one kind that ends by itself."""

from __future__ import annotations

from edge.codes import Unlike
from edge.mounter.client import USB_MTP, USB_REFUSED, alarm_of, news, said
from edge.mounter.wire import Refused, Told


def refused(code: str) -> Refused:
    return Refused(
        bay="3", port="1-1.3", device="04e8:6860", classes=("06/01/01",), reason="MTP", code=code
    )


def test_a_camera_in_mtp_mode_is_no_attack_and_its_alarm_ends_with_it() -> None:
    mtp = refused(Unlike.MTP)
    assert alarm_of(mtp) == USB_MTP
    text, about = said(mtp)
    assert "disk mode" in text
    assert "who put it in" not in text
    assert about == "3 04e8:6860"
    there = Told(refused=(mtp,))
    assert news(Told(), there) == ([mtp], [])
    assert news(there, there) == ([], [])
    assert news(there, Told()) == ([], [mtp])


def test_every_other_alarm_stands_until_somebody_has_seen_to_it() -> None:
    for code in (*(set(Unlike) - {Unlike.MTP}), "of-a-newer-helper"):
        other = refused(code)
        assert alarm_of(other) == USB_REFUSED
        assert "who put it in" in said(other)[0]
        assert news(Told(refused=(other,)), Told()) == ([], [])


def test_a_helper_that_tells_no_code_is_understood() -> None:
    old = Refused(bay="3", port="p", device="d", classes=(), reason="a keyboard")
    assert alarm_of(old) == USB_REFUSED

"""An address names one key in one token, or is refused with the part that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokens.errors import TokenUriError
from tokens.uri import TokenKey, key_place

GOOD = "pkcs11:token=dock7;object=statement?module-path=/lib/p11.so"


def test_an_address_says_token_key_library_and_pin_file() -> None:
    key = TokenKey.parse(
        "pkcs11:token=%E7%AB%99%207;id=%01%ff;type=private"
        "?module-path=/lib/p11.so&pin-source=file:/etc/pin"
    )
    assert (key.token, key.id, key.label) == ("站 7", b"\x01\xff", None)
    assert (key.module, key.pin) == (Path("/lib/p11.so"), Path("/etc/pin"))
    assert "站 7" in key.described


@pytest.mark.parametrize("source", ["file:///run/pin", "file:/run/pin", "/run/pin"])
def test_a_pin_source_is_a_path_or_a_file_uri(source: str) -> None:
    assert TokenKey.parse(f"{GOOD}&pin-source={source}").pin == Path("/run/pin")


def test_a_credential_of_the_unit_may_hold_the_pin() -> None:
    key = TokenKey.parse(GOOD + "&pin-source=${CREDENTIALS_DIRECTORY}/statement.pin")
    assert key.pin is not None
    assert key.pin.parts[0] == "${CREDENTIALS_DIRECTORY}"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("file:/x", "addressed"),
        ("pkcs11:?module-path=/x", "names no key"),
        ("pkcs11:token=a?module-path=/x", "names no key"),
        ("pkcs11:object=a?module-path=/x", "names no key"),
        ("pkcs11:token=a;object=b", "module-path"),
        ("pkcs11:token=a;object=b?module-path=p11.so", "module-path"),
        ("pkcs11:token=a;token=b;object=b?module-path=/x", "token is given twice"),
        ("pkcs11:token=a;object=b;slot-id=1?module-path=/x", "slot-id"),
        ("pkcs11:token=a;object=b;type=public?module-path=/x", "private"),
        ("pkcs11:token=a;object=b?module-path=/x&pin-value=1234", "pin-source=FILE"),
        ("pkcs11:token=a;object=b?module-path=/x&pin-source=%7Ccat%20/etc/pin", "command"),
        ("pkcs11:token=;object=b?module-path=/x", "token"),
        ("pkcs11:token=%zz;object=b?module-path=/x", "hexadecimal"),
        ("pkcs11:token=a%;object=b?module-path=/x", "hexadecimal"),
        ("pkcs11:token=%ff;object=b?module-path=/x", "UTF-8"),
        ("pkcs11:token=a%00;object=b?module-path=/x", "do not show"),
        ("pkcs11:token=站;object=b?module-path=/x", "ASCII"),
        ("pkcs11:token=a;object?module-path=/x", "object"),
        (GOOD + "&pin-source=" + "x" * 256, "255"),
        ("pkcs11:" + "x" * 2048, "2048"),
    ],
)
def test_what_could_name_another_key_is_refused(text: str, named: str) -> None:
    with pytest.raises(TokenUriError, match=named):
        TokenKey.parse(text)


def test_a_refusal_never_repeats_a_pin() -> None:
    with pytest.raises(TokenUriError) as refused:
        TokenKey.parse(GOOD + "&pin-value=987654")
    assert "987654" not in str(refused.value)


def test_a_place_is_a_file_unless_it_begins_as_an_address() -> None:
    assert key_place("keys/statement.pem") == Path("keys/statement.pem")
    assert isinstance(key_place(GOOD), TokenKey)
    assert str(key_place(GOOD)) == GOOD

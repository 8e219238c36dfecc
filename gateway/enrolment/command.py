"""Invitations at the terminal: one line, its parts for people who type, and a QR code."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Final

import segno

from gateway.trail.client import ApiClient
from protocols.enrolment import TOKEN_LIFE_S

_MINUTES: Final = TOKEN_LIFE_S // 60
_GROUP: Final = 2
Write = Callable[[str], object]


def invite(client: ApiClient, dock: str, by: str, write: Write, *, qr: bool) -> None:
    """Invite a dock and print what it needs.

    Args:
        client: of the gateway.
        dock: its name.
        by: who invites it.
        write: takes the text.
        qr: draw the code, too.

    Raises:
        ApiError: the gateway does not answer, or refuses.
    """
    told: dict[str, Any] = client.post("/invitations", {"dock": dock, "by": by})
    text, number = str(told["text"]), told["invitation"]["id"]
    if told["development"]:
        write("The authority is a DEVELOPMENT one: for trying things out, not for evidence.\n\n")
    write(
        f"{dock} may enrol once within {_MINUTES} minutes (invitation {number}). "
        "Say on the dock `sudo evidock-edge enrol`, and give it this line:\n\n"
        f"  {text}\n\n"
        "or its parts, to compare or type:\n\n"
        f"  url          {told['url']}\n"
        f"  token        {told['token']}\n"
        f"  fingerprint  {_colons(str(told['fingerprint']))}\n"
    )
    if qr:
        out = io.StringIO()
        segno.make(text, error="m", micro=False).terminal(out, compact=True)
        write(f"\n{out.getvalue()}")
    write(
        f"\nWho reads this can enrol in its stead. Withdraw it: invitations --withdraw {number}\n"
    )


def show_invitations(client: ApiClient, write: Write) -> None:
    """Print the newest invitations and where each stands."""
    told: dict[str, Any] = client.get("/invitations")
    for each in told["invitations"]:
        write(
            f"{each['id']:>5}  {each['dock']:<23}  {each['state']:<9}  "
            f"{each['made_at']}  by {each['made_by']}\n"
        )
    if not told["invitations"]:
        write("nobody was invited yet\n")


def withdraw(client: ApiClient, number: int, by: str, write: Write) -> None:
    """End an invitation."""
    told: dict[str, Any] = client.post(f"/invitations/{number}/withdraw", {"by": by})
    write(f"invitation {number} of {told['dock']}: {told['state']}\n")


def _colons(digits: str) -> str:
    upper = digits.upper()
    return ":".join(upper[at : at + _GROUP] for at in range(0, len(upper), _GROUP))

"""Why a dock is not granted what it asks for; the words of ``docs/enrolment.md``."""

from __future__ import annotations

from gateway.errors import GatewayError


class EnrolmentRefusedError(GatewayError):
    """A dock asked for what it does not get.

    Attributes:
        code: stable word for programs, such as ``token-wrong``.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code

"""Why a message, record or release is not accepted.

::

    ProtocolError
     ├ IdError            a name is not in the one accepted form
     ├ RecordError        a record's bytes do not say what its kind requires (has .code)
     ├ MessageError       a message's bytes are not in the one accepted form
     ├ SlipError          a text is no slip this program can read
     ├ EnrolmentError     an invitation, token, fingerprint or proof is none
     ├ RotationError      a rotation of a dock's key is not proved
     └ AcceptanceError    a receipt or release is not proved (has .code)
"""

from __future__ import annotations


class ProtocolError(Exception):
    """Base of everything this package raises on purpose."""


class IdError(ProtocolError):
    """A dock, entry or session name is malformed."""


class RecordError(ProtocolError):
    """A record cannot be understood; its statement may still be genuine.

    Attributes:
        code: short stable word for programs, for example ``record-json``.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class MessageError(ProtocolError):
    """An MQTT payload or topic is malformed; it is dropped and pulled again."""


class SlipError(ProtocolError):
    """A text is no slip, was cut, or is of a newer version."""


class EnrolmentError(ProtocolError):
    """An invitation, token, fingerprint or proof is malformed, or does not hold."""


class RotationError(ProtocolError):
    """What is stated of a dock's new key is not proved, or does not continue its keys."""


class AcceptanceError(ProtocolError):
    """The gateway's word is not proved, so nothing may be erased on it.

    Attributes:
        code: ``stale`` when a fresh head would mend it; any other code is an alarm.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code

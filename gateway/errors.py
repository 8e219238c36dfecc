"""Why the gateway could not do something, split by what can be done about it.

::

    GatewayError
     ├ SetupError             the operator corrects a file or setting, then starts again
     │  ├ ConfigError         the configuration does not hold together
     │  └ KeyFileError        a key file is missing, unusable or readable by others
     ├ KeyAwayError           the token of a signing key is not there; put it back, try again
     ├ AuthorityAwayError     the authority's folder cannot be used; restore it, try again
     ├ NotFoundError          nothing of that name is here
     ├ ConflictError          it is here already, and differs
     │  ├ DockKeyDiffersError the dock is enrolled with another key
     │  └ EntryConflictError  a ledger position is taken by another statement (a fork)
     ├ InvalidError           the caller's values cannot be right; the same again fails again
     ├ DatabaseUnavailableError  the database does not answer; try again later
     ├ CheckpointLateError    an entry is not under a signed checkpoint yet; try again later
     ├ StoreError             the object store could not do it; try again, then call the operator
     │  ├ ObjectMissingError  there is no object of that name
     │  ├ StoreAwayError      it does not answer: nothing is known of what it holds
     │  └ StoreFullError      no space left
     ├ PortTakenError         another program listens there; it may go away, or choose another
     ├ BrokerFailedError      the embedded broker cannot serve
     └ LogError               the log must not go on; the operator decides
        ├ LogBusyError        another gateway has this log open
        ├ LogBehindStoreError the database knows less than the store, and it cannot be mended
        ├ StoreBehindLogError the store lacks what the database has
        ├ LogDamagedError     what is stored contradicts itself
        ├ LogIdentityError    the log was opened under another name or other keys
        └ LogRewoundError     somebody holds a checkpoint that this log does not continue

A library's exception stops at the module that called it and is re-raised as one of these.
"""

from __future__ import annotations


class GatewayError(Exception):
    """Base of everything this package raises on purpose."""


class SetupError(GatewayError):
    """The operator corrects a file or setting."""


class ClockWrongError(SetupError):
    """The host's clock shows a time that cannot be."""


class ConfigError(SetupError):
    """The configuration does not hold together."""


class KeyFileError(SetupError):
    """A key file is missing, unusable or readable by others."""


class KeyAwayError(GatewayError):
    """A signing key's token is not there or does not answer; nothing was signed."""


class AuthorityAwayError(GatewayError):
    """The authority's keys or certificates cannot be used now; nothing was issued."""


class NotFoundError(GatewayError):
    """Nothing of that name is here."""


class ConflictError(GatewayError):
    """It is here already, and differs."""


class DockKeyDiffersError(ConflictError):
    """The dock is enrolled with another key; a key is never swapped silently."""


class EntryConflictError(ConflictError):
    """A position of a ledger is taken by another statement.

    Attributes:
        index: log position of the statement that holds the position.
    """

    def __init__(self, reason: str, index: int) -> None:
        super().__init__(reason)
        self.index = index


class InvalidError(GatewayError):
    """The caller's values cannot be right."""


class DatabaseUnavailableError(GatewayError):
    """The database does not answer or refuses to write."""


class CheckpointLateError(GatewayError):
    """An entry is committed and not yet under a signed checkpoint."""


class StoreError(GatewayError):
    """The object store could not do it."""


class ObjectMissingError(StoreError):
    """There is no object of that name."""


class StoreAwayError(StoreError):
    """The store does not answer, or lets nobody in: nothing is known of what it holds."""


class StoreFullError(StoreError):
    """No space left on the store's file system."""


class PortTakenError(GatewayError):
    """Another program listens where the API is to; trying again later may help."""


class BrokerFailedError(GatewayError):
    """The embedded broker cannot serve."""


class LogError(GatewayError):
    """The log must not go on.

    Attributes:
        state: stable word for programs and runbooks.
    """

    state = "log-error"


class LogBusyError(LogError):
    """Another gateway has this log open: two sequencers would fork it."""

    state = "log-busy"


class LogBehindStoreError(LogError):
    """The database knows less than the store, and the missing entries cannot be recovered."""

    state = "log-behind-store"


class StoreBehindLogError(LogError):
    """The store lacks entries or a checkpoint that the database has."""

    state = "store-behind-log"


class LogDamagedError(LogError):
    """What is stored contradicts itself."""

    state = "log-damaged"


class LogIdentityError(LogError):
    """The log was opened under another name or under other keys."""

    state = "log-identity"


class LogRewoundError(LogError):
    """Somebody holds a checkpoint that this log does not continue."""

    state = "log-rewound"

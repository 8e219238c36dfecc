"""Enrols, step by step; each may be cut and is then done again by the same command.

Order: whom we believe (checked, nothing written) → both keys → whom we enrol with → authorities →
statement certificate → TLS certificate → trust file. What a cut leaves is therefore always one of:
keys without certificates, for which the same invitation still holds; all but the trust file,
for which the certificates alone are enough; or everything.
"""

from __future__ import annotations

import base64
import fcntl
import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from edge import durable, keys, tls
from edge.config import key_file
from edge.crashpoints import reach
from edge.enrolment import certificates
from edge.enrolment.certificates import Authorities
from edge.enrolment.papers import Enrolled, Papers, certificate_in, keep
from edge.enrolment.wire import Listener
from edge.errors import ConfigError, EnrolmentRefused, KeyFileError
from edge.giving import give
from hashing.keys import PublicKey, Signer
from protocols import enrolment
from protocols.anchors import Anchors, AnchorsError
from protocols.enrolment import Invitation

Step = Callable[[str], None]
_CERTIFICATE: Final = frozenset(
    {"certificate-unknown", "certificate-revoked", "certificate-expired"}
)


def enrol(papers: Papers, invitation: Invitation, time: tls.Time, tell: Step) -> bool:
    """Enrol this dock with the gateway of an invitation; blocks.

    Args:
        papers: where everything goes.
        invitation: as the operator gave it.
        time: as far as it is known.
        tell: hears the name of each step that is done.

    Returns:
        False when this dock was enrolled there already; nothing was done.

    Raises:
        ConfigError: what is there belongs to another gateway, or the settings do not fit.
        KeyFileError, TokenAway: a key cannot be made or used.
        EnrolmentRefused: the gateway, or this dock of it, will not; its code says why.
        EnrolmentLater: nobody answers now; the same again may work.
    """
    _fits(papers, invitation)
    with _alone(papers):
        if papers.anchors() is not None:
            if papers.known() is None:
                raise ConfigError(
                    f"{papers.trust} is there: this dock was enrolled by hand, which stands. To "
                    "enrol it anew, the operator gives it a new name"
                )
            if _has_all(papers):
                return False
        return _Enrolling(papers, invitation, time, tell).all_of_it()


def ask_whether_it_counts(papers: Papers, invitation: Invitation, time: tls.Time) -> None:
    """Ask the gateway whether an enrolled dock's TLS certificate still opens its door; blocks.

    Nothing is kept of the answer: only the running dock replaces what it was given.

    Raises:
        EnrolmentRefused: it does not, or somebody else answers; its code says why.
        EnrolmentLater: nobody answers now.
    """
    listener = Listener(invitation.host, invitation.port)
    authorities = certificates.pinned_in(listener.cacerts(), invitation.root)
    me = tls.Own(papers.cert, papers.tls_key)
    listener.trust(tls.pinned(authorities.pem(), time, me))


def _fits(papers: Papers, invitation: Invitation) -> None:
    """Make sure that nothing of another gateway or dock is touched.

    Raises:
        ConfigError: it would be.
    """
    if invitation.dock != papers.dock:
        raise ConfigError(f"the invitation is for {invitation.dock}; this dock is {papers.dock}")
    known = papers.known()
    if known is not None and known.root != invitation.root.hex():
        raise ConfigError(
            f"this dock began to enrol with the gateway at {known.host}, of another root "
            f"certificate. If that was a mistake, remove {papers.enrolled}"
        )


def _has_all(papers: Papers) -> bool:
    """Whether an enrolled dock still has what it connects with; a TLS key may have been lost."""
    found = certificate_in(papers.cert)
    try:
        own = keys.load(papers.tls_key).public
    except KeyFileError:
        return False
    return found is not None and certificates.is_for(found, own) and papers.ca.exists()


@contextmanager
def _alone(papers: Papers) -> Iterator[None]:
    """Keep a second enrolment out."""
    for folder in (papers.folder.parent, papers.folder):
        if not folder.is_dir():
            durable.make_dir(folder)
            give(folder)
    descriptor = os.open(papers.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ConfigError("another enrolment of this dock is running") from error
    finally:
        os.close(descriptor)


class _Enrolling:
    """One run."""

    def __init__(self, papers: Papers, invitation: Invitation, time: tls.Time, tell: Step) -> None:
        self._papers = papers
        self._invitation = invitation
        self._time = time
        self._tell = tell
        self._listener = Listener(invitation.host, invitation.port)

    def all_of_it(self) -> bool:
        papers = self._papers
        # 1. Pin: before this, nothing secret is said and nothing is written.
        authorities = certificates.pinned_in(self._listener.cacerts(), self._invitation.root)
        context = tls.pinned(authorities.pem(), self._time)
        by = certificates.pinned_in(
            self._listener.statement_cacerts(context), self._invitation.root
        )
        self._tell("pinned")
        # 2. Keys, which the token is bound to from the first request on.
        statement, own = self._keys()
        reach("enrol.keys")
        # 3. Whom we enrol with, so that a second invitation cannot mix two gateways.
        self._keep_whom()
        keep(papers.ca, authorities.pem().encode())
        reach("enrol.authorities")
        # 4. Certificates, from the same gateway for the same keys as often as it takes.
        if not self._has_both(statement.public, own.public, by, authorities):
            self._certificates(context, (statement, by), (own, authorities))
        self._tell("certified")
        # 5. Trust; using the TLS certificate ends the invitation.
        try:
            raw = self._trust(authorities)
        except EnrolmentRefused as error:
            if error.problem not in _CERTIFICATE:
                raise
            # Of an enrolment that was cut long ago; its invitation is another by now.
            self._certificates(context, (statement, by), (own, authorities))
            raw = self._trust(authorities)
        try:
            Anchors.from_json(raw)
        except AnchorsError as error:
            raise EnrolmentRefused("answer", f"the gateway's trust file: {error}") from error
        reach("enrol.trust")
        if papers.anchors() is None:
            keep(papers.trust, raw)
        reach("enrol.done")
        self._tell("trusted")
        return True

    def _trust(self, authorities: Authorities) -> bytes:
        me = tls.Own(self._papers.cert, self._papers.tls_key)
        return self._listener.trust(tls.pinned(authorities.pem(), self._time, me))

    def _keys(self) -> tuple[Signer, Signer]:
        papers = self._papers
        for file in (key_file(papers.statement_key), papers.tls_key):
            if file is not None:
                keys.sweep(file)
        # One that is enrolled needs the very key it was enrolled with.
        enrolled = papers.anchors() is not None
        statement = (keys.load if enrolled else keys.load_or_make)(papers.statement_key)
        durable.make_dir(papers.tls_key.parent)
        own = keys.load_or_make(papers.tls_key)
        for file in (key_file(papers.statement_key), papers.tls_key):
            if file is not None:
                give(file)
        if statement.public == own.public:
            raise ConfigError("dock.key and uplink.tls.key are one key; each purpose needs its own")
        return statement, own

    def _keep_whom(self) -> None:
        to = self._invitation
        whom = Enrolled(dock=to.dock, host=to.host, port=to.port, root=to.root.hex())
        keep(self._papers.enrolled, f"{whom.model_dump_json(indent=2)}\n".encode())

    def _has_both(
        self, statement: PublicKey, own: PublicKey, by: Authorities, authorities: Authorities
    ) -> bool:
        papers = self._papers
        return all(
            found is not None and not certificates.wrong_with(found, whose, key, papers.dock)
            for found, whose, key in (
                (certificate_in(papers.statement_cert), by, statement),
                (certificate_in(papers.cert), authorities, own),
            )
        )

    def _certificates(
        self,
        context: ssl.SSLContext,
        statement: tuple[Signer, Authorities],
        own: tuple[Signer, Authorities],
    ) -> None:
        papers = self._papers
        signed = self._ask(enrolment.STATEMENT_SIMPLEENROLL, statement, own[0].public, context)
        reach("enrol.statement-answered")
        keep(papers.statement_cert, signed.encode() + statement[1].pem().encode())
        reach("enrol.statement-kept")
        signed = self._ask(enrolment.SIMPLEENROLL, own, statement[0].public, context)
        reach("enrol.tls-answered")
        keep(papers.cert, (signed + certificates.pem(own[1].issuing)).encode())
        reach("enrol.tls-kept")

    def _ask(
        self, path: str, mine: tuple[Signer, Authorities], other: PublicKey, context: ssl.SSLContext
    ) -> str:
        signer, by = mine
        token = f"{self._invitation.dock}:{self._invitation.token}"
        headers = {
            "Authorization": f"Basic {base64.b64encode(token.encode()).decode()}",
            enrolment.OTHER_KEY: other.kid.hex(),
        }
        csr = certificates.request(signer, self._papers.dock)
        raw = self._listener.certificate(path, csr, context, headers)
        return certificates.pem(certificates.issued_in(raw, by, signer.public, self._papers.dock))

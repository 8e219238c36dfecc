"""Renews the dock's TLS certificate within the running dock, long before it expires.

Due at two thirds of its life, by the newest time known to have passed. Asked for with the present
certificate; where that is expired, refused or fails, with a proof by the statement key, which needs
no certificate. The new one takes the old one's name whole, and the uplink connects with it at once.
Nothing here keeps footage from being taken: an expired certificate costs the way to the gateway,
and people are told a month before.
"""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from cryptography import x509

from edge import keys, tls
from edge.clock import DockClock
from edge.config import Config
from edge.crashpoints import reach
from edge.enrolment import certificates
from edge.enrolment.papers import Enrolled, Papers, certificate_in, keep
from edge.enrolment.wire import Listener
from edge.errors import ConfigError, EdgeError, EnrolmentLater, LedgerDamaged, LedgerError
from edge.ledger import Ledger
from edge.uplink import Uplink
from hashing.errors import SigningError
from hashing.keys import Signer
from protocols.enrolment import ROTATIONS, SIMPLEREENROLL, RenewalProof
from protocols.errors import EnrolmentError
from protocols.following import MOST_SHOWN, shown_text
from protocols.ids import dock_id

log = structlog.get_logger()

CODE: Final = "certificate-expires"
_LOOK_S: Final = 3600.0
_FIRST_PAUSE_S: Final = 60.0
# With a clock that nobody keeps right, an expired certificate shows as a broker that is silent.
_STRANDED_S: Final = 600.0
_WARN: Final = timedelta(days=30)
_AHEAD: Final = "the gateway's clock is or was wrong"


class Renewal:
    """Renews one dock's certificate.

    Args:
        papers: where certificate, key and authorities are; None for a dock without TLS.
        signer: the statement key.
        uplink: takes the new certificate up.
    """

    def __init__(
        self,
        papers: Papers | None,
        signer: Signer,
        ledger: Ledger,
        clock: DockClock,
        uplink: Uplink,
    ) -> None:
        self._papers = papers
        self._signer = signer
        self._ledger = ledger
        self._clock = clock
        self._uplink = uplink
        self._pause_s = _FIRST_PAUSE_S
        self._failed = ""
        self._until: datetime | None = None

    def told(self) -> dict[str, str | None] | None:
        """Until when the certificate lasts, and why it was not renewed; None without TLS."""
        if self._papers is None:
            return None
        until = None if self._until is None else f"{self._until:%Y-%m-%dT%H:%M:%SZ}"
        return {"until": until, "problem": self._failed or None}

    def follow(self, signer: Signer) -> None:
        """The statement key was rotated: proofs are the new one's from here on."""
        self._signer = signer

    async def run(self) -> None:
        """Look until cancelled; a dock without TLS has nothing to renew."""
        while self._papers is not None:
            try:
                renewed = await asyncio.to_thread(self.look, self._papers)
            except LedgerDamaged:
                raise
            except LedgerError as error:
                log.warning("ledger.refused", error=str(error))
                renewed = False
            if renewed:
                self._uplink.take_up()
            # A thousand docks that were enrolled on one day must not all ask in one second.
            await asyncio.sleep(self._wait_s() * random.uniform(0.8, 1.0))  # noqa: S311  # no secret

    def look(self, papers: Papers) -> bool:
        """Renew if it is due, and tell people if that fails for long; blocks.

        Returns:
            Whether there is a new certificate.

        Raises:
            LedgerError: the alarm is not on record; the next look does it.
        """
        found = certificate_in(papers.cert)
        if found is None:
            self._alarm(f"there is no certificate at {papers.cert}")
            return False
        renewed = False
        if self._is_due(found):
            try:
                renewed = self._renew(papers, found)
            except (EdgeError, OSError) as error:
                self._fail(str(error), error.wait_s if isinstance(error, EnrolmentLater) else None)
            else:
                self._pause_s, self._failed = _FIRST_PAUSE_S, ""
        self._tell(certificate_in(papers.cert) or found)
        return renewed

    def must_last(self) -> None:
        """Refuse one more rotation than a proof could show to the gateway; blocks.

        Once expired, the certificate is renewed by a proof with all rotations that the gateway has
        not heard of. A dock with more of them than that would be shut out for good.

        Raises:
            EnrolmentLater: it has to hear of some first.
        """
        if self._papers is None or self._papers.known() is None:
            return
        if len(self._ledger.unheard_rotations()) >= MOST_SHOWN:
            raise EnrolmentLater(
                f"the gateway has not heard of the last {MOST_SHOWN} rotations of this key: "
                "connect the dock, wait until its entries are confirmed, then rotate"
            )

    # --- when -----------------------------------------------------------------------

    def _now(self, known: x509.Certificate) -> datetime:
        """The newest time that has passed: our own certificate was issued before now, too."""
        now = datetime.fromtimestamp(self._clock.passed_ns() // 10**9, UTC)
        return max(now, known.not_valid_before_utc)

    def _begins_later(self, found: x509.Certificate) -> bool:
        """Whether a clock that is right stands before its beginning: the gateway's was ahead."""
        now = datetime.fromtimestamp(self._clock.passed_ns() // 10**9, UTC)
        return self._clock.is_synchronised() and now < found.not_valid_before_utc

    def _is_due(self, found: x509.Certificate) -> bool:
        if self._begins_later(found):
            return True
        if self._now(found) >= certificates.renew_at(found):
            return True
        return self._uplink.away_s > _STRANDED_S and not self._clock.is_synchronised()

    def _wait_s(self) -> float:
        return self._pause_s if self._failed else min(_LOOK_S, _STRANDED_S)

    def _fail(self, reason: str, wait_s: int | None) -> None:
        log.warning("certificate.not-renewed", reason=reason)
        if self._failed:
            self._pause_s = min(2 * self._pause_s, _LOOK_S)
        self._pause_s = max(self._pause_s, min(wait_s or 0, _LOOK_S))
        self._failed = reason

    # --- telling --------------------------------------------------------------------

    def _tell(self, found: x509.Certificate) -> None:
        self._until = found.not_valid_after_utc
        life = found.not_valid_after_utc - found.not_valid_before_utc
        left = found.not_valid_after_utc - self._now(found)
        if self._begins_later(found):
            self._alarm(f"the certificate begins {found.not_valid_before_utc:%Y-%m-%d}: {_AHEAD}")
            return
        if left > min(_WARN, life / 6):
            self._ledger.clear_alarm(CODE, why="there is a new certificate")
            return
        end = f"{found.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        why = self._failed or "it was given by hand and is not renewed by itself"
        said = "expires" if left > timedelta() else "expired"
        self._alarm(f"the certificate towards the broker {said} at {end}: {why}")

    def _alarm(self, text: str) -> None:
        if self._ledger.raise_alarm(CODE, text):
            log.error("certificate.expires", reason=text)

    # --- renewing -------------------------------------------------------------------

    def _renew(self, papers: Papers, found: x509.Certificate) -> bool:
        known = papers.known()
        if known is None:
            # By hand it came, by hand it goes on; the alarm says when.
            return False
        listener, root = Listener(known.host, known.port), bytes.fromhex(known.root)
        by = certificates.pinned_in(listener.cacerts(), root)
        own = keys.load(papers.tls_key)
        csr = certificates.request(own, papers.dock)
        expired = self._now(found) > found.not_valid_after_utc
        raw = self._answer(papers, known, by, csr, expired=expired)
        new = certificates.issued_in(raw, by, own.public, papers.dock)
        if self._begins_later(new):
            raise EnrolmentLater(f"a certificate from {new.not_valid_before_utc} on: {_AHEAD}")
        reach("renew.answered")
        self._keep_authority(papers, by)
        if new == found:
            return False
        # With the authority that issued it: the broker may know its root, and not yet a new one.
        keep(papers.cert, (certificates.pem(new) + certificates.pem(by.issuing)).encode())
        reach("renew.kept")
        log.info("certificate.renewed", until=new.not_valid_after_utc.isoformat())
        return True

    def _answer(
        self,
        papers: Papers,
        known: Enrolled,
        by: certificates.Authorities,
        csr: bytes,
        *,
        expired: bool,
    ) -> bytes:
        listener = Listener(known.host, known.port)
        if not expired:
            try:
                me = tls.Own(papers.cert, papers.tls_key)
                context = tls.pinned(by.pem(), self._clock, me)
                return listener.certificate(SIMPLEREENROLL, csr, context, {})
            except (EdgeError, OSError) as error:
                log.info("certificate.by-proof", reason=str(error))
        context = tls.pinned(by.pem(), self._clock)
        proof = RenewalProof(
            bytes.fromhex(known.root), dock_id(papers.dock), listener.nonce(context), csr
        )
        try:
            headers = {"Authorization": proof.authorization(self._signer)}
            # Without these it would be a stranger's key to a gateway that heard of none of them.
            shown = shown_text(self._ledger.unheard_rotations())
        except (SigningError, EnrolmentError) as error:
            raise EnrolmentLater(str(error)) from error
        if shown:
            headers[ROTATIONS] = shown
        return listener.certificate(SIMPLEREENROLL, csr, context, headers)

    @staticmethod
    def _keep_authority(papers: Papers, by: certificates.Authorities) -> None:
        """A new authority stands beside the one before: brokers change at their own time."""
        text = certificates.pem(by.issuing)
        there = papers.ca.read_text(encoding="ascii")
        if text not in there:
            keep(papers.ca, (there + text).encode())


def papers_of(config: Config) -> Papers | None:
    """Those of a dock; None where it speaks to its broker without TLS."""
    try:
        return Papers.of(config)
    except ConfigError:
        return None

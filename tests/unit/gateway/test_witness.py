"""A witness: what it cosigns, what it refuses, and that it never forgets."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import ConfigError, DatabaseUnavailableError, KeyFileError
from gateway.witness.service import Witness
from gateway.witness.serving import witness_app
from gateway.witness.settings import WitnessSettings, keygen, load_key, load_settings, witness_key
from gateway.witness.state import Cosigned, Remembering, State
from hashing.keys import Ed25519Signer
from hashing.note import NoteKey, SignatureType, cosign, cosignatures
from hashing.verdict import Outcome
from protocols.policy import check_policy, parse_policy
from protocols.witnessing import MAX_BODY, SIZE_TYPE, AddCheckpoint
from tests.simulators.treelog import TreeLog

NAME = "witness.example/w1"


class Agency:
    """A witness with its state in a folder, and a clock that can be set."""

    def __init__(self, folder: Path, *logs: TreeLog, name: str = NAME) -> None:
        folder.mkdir(exist_ok=True)
        self.name, self.logs, self.now = name, logs, 1_780_000_000
        self.signer = Ed25519Signer.generate()
        self.key = NoteKey(name, self.signer.public, SignatureType.COSIGNATURE)
        self.path = folder / "witness.db"
        self.state = State.make(self.path, self.key)
        self.witness = self._witness()

    def _witness(self) -> Witness:
        keys = [log.key for log in self.logs]
        return Witness(self.state, self.signer, self.name, logs=keys, clock=lambda: self.now)

    def restart(self) -> None:
        self.state.close()
        self.state = State(self.path, self.key)
        self.witness = self._witness()

    def asked(self, body: bytes) -> tuple[int, bytes]:
        answer = self.witness.add_checkpoint(body)
        assert (answer.type == SIZE_TYPE) == (answer.status == HTTPStatus.CONFLICT)
        return answer.status.value, answer.body

    def cosigned(self, log: TreeLog, old: int, size: int) -> bytes:
        """The note with the cosignature that must be given."""
        status, lines = self.asked(log.asked(old, size))
        assert status == 200, lines
        note = log.note(size) + lines
        assert cosignatures(note, [self.key]) == [(self.name, self.now)]
        return note


@pytest.fixture
def log() -> TreeLog:
    made = TreeLog()
    made.grow(20)
    return made


@pytest.fixture
def agency(tmp_path: Path, log: TreeLog) -> Iterator[Agency]:
    made = Agency(tmp_path / "agency", log)
    yield made
    made.state.close()


def test_a_log_that_only_grows_is_cosigned_at_every_size(agency: Agency, log: TreeLog) -> None:
    last = 0
    for size in (1, 2, 3, 7, 7, 16, 20):
        agency.cosigned(log, last, size)
        agency.restart()
        agency.now += 60
        last = size


def test_whoever_does_not_know_the_last_size_is_told(agency: Agency, log: TreeLog) -> None:
    agency.cosigned(log, 0, 7)
    assert agency.asked(log.asked(0, 12)) == (409, b"7\n")
    agency.cosigned(log, 7, 12)


def test_an_administrator_who_edits_a_row_and_recomputes_the_tree_is_refused(
    agency: Agency, log: TreeLog
) -> None:
    agency.cosigned(log, 0, 10)
    log.leaves[3] = bytes(32)
    status, reason = agency.asked(log.asked(10, 20))
    assert (status, reason.decode().split()[0]) == (422, "the")
    assert agency.asked(AddCheckpoint(0, (), log.note(20)).encode()) == (409, b"10\n")
    assert agency.asked(log.asked(10, 10)) == (409, b"10\n")


def test_an_old_checkpoint_is_not_cosigned_again(agency: Agency, log: TreeLog) -> None:
    agency.cosigned(log, 0, 5)
    old = log.asked(0, 5)
    agency.cosigned(log, 5, 20)
    for body in (old, log.asked(5, 20), log.asked(5, 7), log.asked(4, 5)):
        assert agency.asked(body) == (409, b"20\n")
    assert agency.asked(AddCheckpoint(20, (), log.note(5)).encode())[0] == 400


def test_a_fork_of_one_size_is_refused_and_both_signed_checkpoints_are_kept(
    agency: Agency, log: TreeLog
) -> None:
    agency.cosigned(log, 0, 10)
    other = log.fork(8, 12)
    assert agency.asked(other.asked(10, 10)) == (409, b"10\n")
    assert agency.asked(other.asked(8, 10)) == (409, b"10\n")
    agency.restart()
    with sqlite3.connect(agency.path) as connection:
        rows = connection.execute("SELECT cosigned, shown FROM contradiction").fetchall()
    connection.close()
    assert rows == [(log.note(10), other.note(10))]


def test_a_split_view_between_two_witnesses_satisfies_no_quorum_of_both(
    tmp_path: Path, log: TreeLog
) -> None:
    one, two = (Agency(tmp_path / name, log, name=name) for name in ("one", "two"))
    other = log.fork(8, 12)
    shown = {one.name: one.cosigned(log, 0, 20), two.name: two.cosigned(other, 0, 20)}
    lines = "".join(f"witness {agency.name} {agency.key.vkey()}\n" for agency in (one, two))
    both = parse_policy(f"{lines}group both all one two\nquorum both\n".encode())
    for note in shown.values():
        assert check_policy(note, both).outcome is Outcome.UNWITNESSED
    # Neither can be won over to the other's history afterwards.
    assert one.asked(other.asked(20, 20))[0] == 409
    assert two.asked(log.asked(20, 20))[0] == 409
    for agency in (one, two):
        agency.state.close()


def test_who_is_unknown_who_has_not_signed_and_what_goes_backwards(
    agency: Agency, log: TreeLog
) -> None:
    assert agency.asked(TreeLog(log.leaves, log.signer, "else.example").asked(0, 5))[0] == 404
    assert agency.asked(TreeLog(log.leaves).asked(0, 5))[0] == 403
    assert agency.asked(AddCheckpoint(6, (), log.note(5)).encode())[0] == 400
    proof = (bytes(32),)
    assert agency.asked(AddCheckpoint(0, proof, log.note(5)).encode())[0] == 422
    with agency.state.changing() as remembering:
        assert remembering.last(log.origin) == Cosigned()


def test_lines_by_others_are_ignored_and_a_full_note_is_no_obstacle(
    agency: Agency, log: TreeLog
) -> None:
    note = log.note(5)
    for number in range(15):
        note = cosign(note, Ed25519Signer.generate(), f"w{number}", 1)
    status, lines = agency.asked(AddCheckpoint(0, (), note).encode())
    assert status == 200
    assert cosignatures(log.note(5) + lines, [agency.key])
    forged = log.note(6).splitlines(keepends=True)[-1]
    first = AddCheckpoint(5, (), log.note(5) + forged).encode()
    # A line under the log's own name that does not verify spoils nothing.
    assert agency.asked(first)[0] == 200


def test_of_many_at_once_each_is_answered_as_if_it_came_alone(agency: Agency, log: TreeLog) -> None:
    bodies = [log.asked(0, size) for size in range(1, 21)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(agency.asked, bodies))
    (size,) = [n for n, (status, _) in enumerate(answers, 1) if status == 200]
    assert {body for status, body in answers if status == 409} == {b"%d\n" % size}


def test_two_programs_on_one_state_come_one_after_the_other(agency: Agency, log: TreeLog) -> None:
    second = State(agency.path, agency.key)
    twin = Witness(second, agency.signer, NAME, logs=[log.key], clock=lambda: agency.now)
    agency.cosigned(log, 0, 9)
    assert twin.add_checkpoint(log.asked(0, 12)).body == b"9\n"
    assert twin.add_checkpoint(log.asked(9, 12)).status == HTTPStatus.OK
    assert agency.asked(log.asked(9, 11)) == (409, b"12\n")
    second.close()


def test_nothing_is_cosigned_that_could_not_be_remembered(
    agency: Agency, log: TreeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Remembering, "remember", full)
        with pytest.raises(DatabaseUnavailableError):
            agency.asked(log.asked(0, 5))
    agency.cosigned(log, 0, 4)
    assert agency.state._connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_clock_that_was_set_back_makes_no_earlier_cosignature(
    agency: Agency, log: TreeLog
) -> None:
    agency.cosigned(log, 0, 4)
    agency.now -= 5
    status, lines = agency.asked(log.asked(4, 5))
    assert status == 200
    assert cosignatures(log.note(5) + lines, [agency.key]) == [(NAME, agency.now + 5)]
    agency.now -= 3600
    assert agency.asked(log.asked(5, 6))[0] == 503
    agency.now += 3600 + 5
    agency.cosigned(log, 5, 6)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_spoilt_body_is_never_cosigned_nor_remembered(
    agency: Agency, log: TreeLog, data: st.DataObject
) -> None:
    with agency.state.changing() as remembering:
        before = remembering.last(log.origin)
    if not before.size:
        agency.cosigned(log, 0, 9)
        with agency.state.changing() as remembering:
            before = remembering.last(log.origin)
    good = log.asked(9, 20)
    end = good.index(b"\n\n", good.index(b"\n\n") + 2)  # what is signed, and what comes before
    at = data.draw(st.integers(0, end - 1))
    put = data.draw(st.binary(max_size=3))
    gone = data.draw(st.integers(0, 3))
    body = good[:at] + put + good[at + gone :]
    if body == good:
        return
    status, _ = agency.asked(body)
    assert status in {400, 403, 404, 409, 422}
    with agency.state.changing() as remembering:
        assert remembering.last(log.origin) == before


async def test_over_http_it_answers_as_the_protocol_says(agency: Agency, log: TreeLog) -> None:
    transport = httpx.ASGITransport(witness_app(agency.witness, "/w1"))
    async with httpx.AsyncClient(transport=transport, base_url="http://witness.example") as client:
        good = await client.post("/w1/add-checkpoint", content=log.asked(0, 7))
        assert (good.status_code, good.text[0]) == (200, "\N{EM DASH}")
        late = await client.post("/w1/add-checkpoint", content=log.asked(0, 8))
        assert (late.status_code, late.content) == (409, b"7\n")
        assert late.headers["content-type"] == SIZE_TYPE
        huge = await client.post("/w1/add-checkpoint", content=b"old 0\n" + b"x" * MAX_BODY)
        assert huge.status_code == 413
        assert (await client.get("/w1/add-checkpoint")).status_code == 405
        assert (await client.post("/add-checkpoint", content=b"")).status_code == 404


# --- key, state, settings ------------------------------------------------------------


def written(folder: Path, log: TreeLog) -> WitnessSettings:
    path = folder / "witness.toml"
    path.write_text(f'[witness]\nname = "{NAME}"\n[[logs]]\nvkey = "{log.key.vkey()}"\n')
    return load_settings(path)


def test_key_and_state_are_made_together_once_and_belong_together(
    tmp_path: Path, log: TreeLog
) -> None:
    own = written(tmp_path, log).witness
    with pytest.raises(ConfigError, match="has forgotten"):
        State(own.state, NoteKey(NAME, log.signer.public, SignatureType.COSIGNATURE))
    key = keygen(own)
    assert own.key.stat().st_mode & 0o777 == 0o600
    assert own.state.stat().st_mode & 0o777 == 0o600
    State(own.state, witness_key(own, load_key(own))).close()
    with pytest.raises(KeyFileError, match="already"):
        keygen(own)
    other = NoteKey(NAME, Ed25519Signer.generate().public, SignatureType.COSIGNATURE)
    with pytest.raises(ConfigError, match="another witness"):
        State(own.state, other)
    own.state.unlink()
    with pytest.raises(ConfigError, match="has forgotten"):
        State(own.state, key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        '[witness]\nname = "a b"\n',
        '[witness]\nname = "a+b"\n',
        '[witness]\nname = "w"\nport = true\n',
        '[witness]\nname = "w"\nprefix = "w1/"\n',
        '[witness]\nname = "w"\nnmae = "w"\n',
        '[witness]\nname = "w"\n[[logs]]\nvkey = "x"\n',
        '[witness]\nname = "w"\n[[logs]]\nvkey = "COSIGNER"\n',
    ],
)
def test_settings_that_cannot_be_right_are_refused(tmp_path: Path, text: str) -> None:
    cosigner = NoteKey("w", Ed25519Signer.generate().public, SignatureType.COSIGNATURE)
    path = tmp_path / "witness.toml"
    path.write_text(text.replace("COSIGNER", cosigner.vkey()))
    with pytest.raises(ConfigError):
        load_settings(path)

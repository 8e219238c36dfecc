"""A dock's key is rotated: by its ledger alone, and never so that two keys could sign."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge import config as configuration
from edge import keys, rotation
from edge.config import Config
from edge.crashpoints import VARIABLE
from edge.errors import KeyFileError, LedgerDamaged, LedgerError
from edge.ledger import Ledger
from edge.ledger_check import check_file
from edge.rotation import Asked, KeyRotation
from edge.signals import Signals
from hashing.errors import SigningError
from hashing.keys import Ed25519Signer, Es256Signer, Signer
from hashing.ledger import next_dock_link, statement_hash
from hashing.statement import decode_statement, sign_statement, verify_statement
from protocols.ids import EntryId, dock_urn
from protocols.kinds import DockBooted, KeyRotated
from protocols.records import decode_record, encode_record
from protocols.rotation import rotated
from tests.simulators.tokens import SoftToken, plugged_in
from tests.unit.edge.dockside import DOCK, ToldClock, open_ledger

BOOTED = DockBooted(version="1", ledger_check="holds")
WHO = {"by": "Wang", "reason": "yearly"}
ASKED = Asked(cmd="rotate-key", by="Wang", reason="yearly")


class Home:
    """A dock's folder with its settings, its key and its ledger of two entries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = folder / "keys" / "dock.pem"
        self.key.parent.mkdir()
        self.first = keys.generate(self.key).public
        (folder / "edge.toml").write_text(
            '[dock]\nid = "dock7"\nstate_dir = "state"\nkey = "keys/dock.pem"\ntrust = "t.json"\n'
            "[cameras]\nfolders = []\n[uplink]\nport = 1883\n"
        )
        self.config: Config = configuration.load(folder / "edge.toml")
        with self.ledger() as ledger:
            ledger.append(BOOTED)
            ledger.append(BOOTED)

    def ledger(self) -> _Open:
        return _Open(self)

    def rotate(self, asked: Asked = ASKED) -> dict[str, Any]:
        with self.ledger() as ledger:
            return KeyRotation(self.config.dock.key, ledger, Signals()).rotate(asked)

    def files(self) -> set[str]:
        return {path.name for path in self.key.parent.iterdir()}


class _Open:
    def __init__(self, home: Home) -> None:
        signer = rotation.signer_for(home.config)
        self._ledger = Ledger(
            home.config.database, dock=home.config.dock.dock, signer=signer, clock=ToldClock()
        )

    def __enter__(self) -> Ledger:
        return self._ledger

    def __exit__(self, *_: object) -> None:
        self._ledger.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(tmp_path / "ledger.db")
    ledger.append(BOOTED)
    yield ledger
    ledger.close()


def kids(ledger: Ledger) -> list[bytes | None]:
    return [decode_statement(each.statement).kid for each in ledger.entries(0, 0, 99)]


# --- the ledger ---------------------------------------------------------------------------


def test_the_old_key_signs_the_rotation_and_the_new_one_what_follows(ledger: Ledger) -> None:
    old, new = ledger.public, Es256Signer.generate()
    entry = ledger.rotate_key(new, **WHO)
    ledger.append(BOOTED)
    assert kids(ledger) == [old.kid, old.kid, new.public.kid]
    stated = ledger.entries(0, entry.seq, entry.seq)[0]
    body = decode_record(stated.record).body
    assert isinstance(body, KeyRotated)
    assert (body.by, body.reason) == ("Wang", "yearly")
    verify_statement(decode_statement(stated.statement), old)
    assert ledger.public == new.public
    assert ledger.check().keys.newest == new.public


def test_a_ledger_is_proved_from_any_of_its_keys(ledger: Ledger, tmp_path: Path) -> None:
    publics = [ledger.public]
    for _ in range(2):
        ledger.rotate_key(signer := Es256Signer.generate(), **WHO)
        ledger.append(BOOTED)
        publics.append(signer.public)
    for key in publics:
        assert check_file(tmp_path / "ledger.db", dock=DOCK, key=key).entries == 5
    with pytest.raises(LedgerDamaged, match="signed under key"):
        check_file(tmp_path / "ledger.db", dock=DOCK, key=Es256Signer.generate().public)


def test_rotations_are_verified_however_far_back_they_are(ledger: Ledger) -> None:
    ledger.rotate_key(Es256Signer.generate(), **WHO)
    for _ in range(5):
        ledger.append(BOOTED)
    assert ledger.check(newest_signatures=2).signatures == 3


def test_a_step_that_is_taken_back_leaves_the_old_key(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = ledger.public

    def cut(point: str) -> None:
        if point == "rotate.before-commit":
            raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as disk:
        disk.setattr("edge.ledger_writer.reach", cut)
        with pytest.raises(LedgerError):
            ledger.rotate_key(Es256Signer.generate(), **WHO)
    ledger.append(BOOTED)
    assert ledger.public == old
    assert kids(ledger) == [old.kid, old.kid]
    assert ledger.check().entries == 2


@pytest.mark.parametrize("which", ["same", "old", "ed25519"])
def test_a_key_that_cannot_follow_is_refused(ledger: Ledger, which: str) -> None:
    first = Es256Signer.generate()
    ledger.rotate_key(first, **WHO)
    second = Es256Signer.generate()
    ledger.rotate_key(second, **WHO)
    kinds: dict[str, Signer] = {"same": second, "old": first, "ed25519": Ed25519Signer.generate()}
    new = kinds[which]
    with pytest.raises(LedgerError, match=r"before|P-256"):
        ledger.rotate_key(new, **WHO)
    assert ledger.public == second.public


def _forge(ledger: Ledger, path: Path, signer: Es256Signer, body: Any = BOOTED) -> None:  # noqa: ANN401  # any body
    """Write an entry behind the ledger's back, as who has the disk can."""
    head = ledger.head()
    link = next_dock_link(head)
    record = encode_record(
        body, at=ToldClock().read(), checkpoint=None, salt=bytes(15) + bytes([link.seq])
    )
    statement = sign_statement(
        signer, record=record, issuer=dock_urn(DOCK), subject=dock_urn(DOCK), chain=link
    )
    with sqlite3.connect(path) as database:
        database.execute(
            "INSERT INTO entries (epoch, seq, kind, subject, hash, record, statement)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(link.epoch, link.seq, body.kind, dock_urn(DOCK)),
                *(statement_hash(statement), record, statement),
            ),
        )
    database.close()


def test_an_entry_by_the_old_key_after_its_rotation_is_damage(tmp_path: Path) -> None:
    path, old = tmp_path / "ledger.db", Es256Signer.generate()
    ledger = open_ledger(path, old)
    ledger.rotate_key(new := Es256Signer.generate(), **WHO)
    _forge(ledger, path, old)
    with pytest.raises(LedgerDamaged, match=r"dock7\.0\.1"):
        ledger.check()
    with pytest.raises(LedgerDamaged):
        check_file(path, dock=DOCK, key=new.public)
    ledger.close()


def test_a_rotation_that_nobody_proves_is_damage(tmp_path: Path) -> None:
    path, old = tmp_path / "ledger.db", Es256Signer.generate()
    ledger = open_ledger(path, old)
    body = rotated(EntryId(DOCK, 0, 5), old.public, Es256Signer.generate())
    _forge(ledger, path, old, body)
    with pytest.raises(LedgerDamaged, match="nobody proves"):
        ledger.check()
    ledger.close()


def test_a_rotation_put_in_by_who_has_not_the_old_key_is_damage(tmp_path: Path) -> None:
    path, old, thief = tmp_path / "ledger.db", Es256Signer.generate(), Es256Signer.generate()
    ledger = open_ledger(path, old)
    ledger.append(BOOTED)
    body = rotated(EntryId(DOCK, 0, 1), old.public, new := Es256Signer.generate())
    _forge(ledger, path, thief, body)
    for key in (old.public, new.public):
        with pytest.raises(LedgerDamaged, match=r"dock7\.0\.1"):
            check_file(path, dock=DOCK, key=key)
    ledger.close()


# --- files --------------------------------------------------------------------------------


def test_the_new_key_takes_the_old_ones_name(home: Home) -> None:
    told = home.rotate()
    assert home.files() == {"dock.pem"}
    assert home.key.stat().st_mode & 0o777 == 0o600
    assert keys.load(home.key).public.kid.hex() == told["kid"]
    assert (told["entry"], told["key"]) == ("dock7.0.2", str(home.key))
    with home.ledger() as ledger:
        ledger.append(BOOTED)
        assert ledger.check().keys.first == home.first


def test_a_key_that_was_made_and_never_stated_is_used_the_next_time(home: Home) -> None:
    waiting = keys.generate(rotation.next_to(home.key)).public
    assert rotation.signer_for(home.config).public == home.first
    assert home.rotate()["kid"] == waiting.kid.hex()


def test_a_key_that_is_stated_and_cannot_be_put_in_its_place_is_no_failed_rotation(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    beside = rotation.next_to(home.key)
    with home.ledger() as ledger:
        rotating = KeyRotation(home.config.dock.key, ledger, Signals())
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", full)
            first = rotating.rotate(ASKED)
        assert first["key"] == str(beside)
        assert keys.load(beside).public == ledger.public
        # The next one neither takes that key for a new one nor loses it.
        second = rotating.rotate(ASKED)
        assert second["key"] == str(home.key)
    assert home.files() == {"dock.pem"}
    assert rotation.signer_for(home.config).public.kid.hex() == second["kid"] != first["kid"]


_CUT = """
import sys
from pathlib import Path
from edge.config import load
from tests.unit.edge.test_rotating import ASKED, Home

home = Home.__new__(Home)
home.config = load(Path(sys.argv[1]) / "edge.toml")
home.rotate(ASKED)
"""


@pytest.mark.parametrize(
    ("point", "stated"),
    [
        ("rotate.key-made", False),
        ("rotate.before-commit", False),
        ("rotate.stated", True),
        ("rotate.placed", True),
    ],
)
def test_a_power_cut_leaves_the_one_key_that_the_ledger_calls_for(
    home: Home, point: str, *, stated: bool
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CUT, str(home.folder)],
        env={**os.environ, VARIABLE: point},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    with home.ledger() as ledger:
        assert (ledger.public != home.first) is stated
        entry = ledger.append(BOOTED)
        assert entry.seq == 2 + stated
        assert ledger.check().keys.newest == ledger.public
    assert keys.load(home.key).public == rotation.signer_for(home.config).public
    # And once more, from whatever was left.
    home.rotate()
    assert home.files() == {"dock.pem"}
    with home.ledger() as ledger:
        ledger.append(BOOTED)
        assert ledger.check().entries == 5 + stated


def test_two_keys_without_a_ledger_are_for_a_person_to_tell_apart(home: Home) -> None:
    keys.generate(rotation.next_to(home.key))
    for left in home.config.database.parent.glob("ledger.db*"):
        left.unlink()
    with pytest.raises(KeyFileError, match="two keys"):
        rotation.signer_for(home.config)


def test_an_old_ledger_beside_a_newer_key_does_not_start(home: Home, tmp_path: Path) -> None:
    image = home.config.database.read_bytes()
    home.rotate()
    (tmp_path / "other.db").write_bytes(image)
    for left in home.config.database.parent.glob("ledger.db*"):
        left.unlink()
    home.config.database.write_bytes(image)
    with pytest.raises(LedgerError, match="was begun with kid"), home.ledger():
        pass


def test_a_named_key_is_remembered_by_the_ledger(home: Home, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere.pem"
    new = keys.generate(other).public
    told = home.rotate(ASKED.model_copy(update={"key": str(other)}))
    assert (told["kid"], told["key"]) == (new.kid.hex(), str(other))
    assert home.files() == {"dock.pem"}
    with home.ledger() as ledger:
        assert ledger.public == new
    other.unlink()
    with pytest.raises(KeyFileError, match=r"elsewhere\.pem"), home.ledger():
        pass


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("relative.pem", "from / on"),
        ("/nowhere/key.pem", "cannot read"),
        ("pkcs11:x", "not understood"),
    ],
)
def test_a_named_key_that_cannot_be_used_is_refused_before_anything_is_stated(
    home: Home, key: str, why: str
) -> None:
    with home.ledger() as ledger:
        asked = KeyRotation(home.config.dock.key, ledger, Signals())
        question = {"cmd": "rotate-key", **WHO, "key": key}
        answer = asyncio.run(asked.answer(question))
        assert why in answer["error"]
        assert ledger.head() is not None
        assert len(ledger.entries(0, 0, 9)) == 2


def test_where_the_dock_may_not_write_a_key_has_to_be_named(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("edge.durable.write_atomic", refuse)
    with pytest.raises(KeyFileError, match="name it with --key"):
        home.rotate()
    with home.ledger() as ledger:
        assert ledger.public == home.first


@pytest.fixture
def token(tmp_path: Path) -> Iterator[SoftToken]:
    with plugged_in(tmp_path) as plugged:
        yield plugged


def test_a_key_in_a_file_gives_way_to_one_in_a_token_and_that_to_another(
    home: Home, token: SoftToken
) -> None:
    public = [home.first]
    for name in ("object=one", "object=two"):
        public.append(keys.generate(token.key(name)).public)
        told = home.rotate(ASKED.model_copy(update={"key": str(token.key(name))}))
        assert told["kid"] == public[-1].kid.hex()
    with home.ledger() as ledger:
        ledger.append(BOOTED)
        assert ledger.check().keys.newest == ledger.public == public[-1]
    for key in public:
        assert check_file(home.config.database, dock=DOCK, key=key).signatures == 5


def test_a_token_that_was_pulled_states_nothing(home: Home, token: SoftToken) -> None:
    key = keys.generate(token.key("object=one"))
    with home.ledger() as ledger:
        with pytest.raises(LedgerError, match="does not sign"):
            ledger.rotate_key(_Pulled(key), **WHO)
        assert len(ledger.entries(0, 0, 9)) == 2
        ledger.append(BOOTED)
        assert ledger.public == home.first


class _Pulled:
    """A signer whose token is gone by the time it is to sign."""

    def __init__(self, signer: Signer) -> None:
        self.algorithm, self.public = signer.algorithm, signer.public

    def sign(self, message: bytes) -> bytes:
        raise SigningError(f"the token is not there for {len(message)} bytes")


def test_a_question_that_lacks_who_and_why_is_not_taken(home: Home) -> None:
    with home.ledger() as ledger:
        asked = KeyRotation(home.config.dock.key, ledger, Signals())
        answer = asyncio.run(asked.answer({"cmd": "rotate-key", "by": "Wang"}))
        assert "error" in answer
        assert ledger.public == home.first

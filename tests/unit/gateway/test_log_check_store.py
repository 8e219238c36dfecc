"""The store looked through offline: whatever is missing or altered is named, with a verdict."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.clock import GatewayClock
from gateway.log.journal import Batch, encode_batch, entry_of, journal_key
from gateway.storage.local import LocalStore
from hashing.keys import Es256Signer
from hashing.ledger import next_dock_link
from protocols.kinds import DockBooted
from tests.simulators.dock import SimulatedDock
from tests.simulators.seeded import admit, enrol, gateway_on, shift_end

OK, ALTERED, INCOMPLETE, UNSIGNED, NOT_LOGGED = 0, 10, 11, 12, 15
CLIP = "clips/dock7/0/2"


class Kept:
    """A gateway's data, shut: 300 entries of a dock, one clip, one enrolment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dock = SimulatedDock()

    async def fill(self) -> None:
        async with gateway_on(self.folder) as services:
            await enrol(services, self.dock)
            await shift_end(services, self.dock, {"A.MP4": b"footage"})
            for _ in range(300):
                self.dock.boot()
            for start in range(4, len(self.dock.entries), 50):
                await admit(services, self.dock, self.dock.entries[start : start + 50])

    def object(self, key: str) -> Path:
        return self.folder / "store/objects" / key

    def batches(self) -> list[Path]:
        return sorted(self.object("log/journal").iterdir())

    def overwrite(self, key: str, data: bytes) -> None:
        self.object(key).chmod(0o600)
        self.object(key).write_bytes(data)

    def sql(self, statement: str) -> None:
        with sqlite3.connect(self.folder / "gateway.db") as connection:
            connection.execute(statement)

    def no_database(self) -> None:
        for left in self.folder.glob("gateway.db*"):
            left.unlink()

    def check(self, *options: str) -> int:
        return main(["log", "check-store", "--data-dir", str(self.folder), *options])


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    made = Kept(tmp_path_factory.mktemp("filled") / "data")
    asyncio.run(made.fill())
    return made


@pytest.fixture
def kept(original: Kept, tmp_path: Path) -> Kept:
    """A copy to damage."""
    shutil.copytree(original.folder, tmp_path / "data")
    copy = Kept(tmp_path / "data")
    copy.dock = original.dock
    return copy


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- intact ---------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--content",)])
def test_a_store_in_order_is_intact_and_nothing_is_changed(
    kept: Kept, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(kept.folder)
    assert kept.check(*options) == OK
    assert contents(kept.folder) == before
    said = capsys.readouterr().out
    assert "in order: 307 entries as in the database" in said
    assert "in order: 307 signatures" in said
    assert ("in order: 1 clips, every byte" in said) == bool(options)
    assert ("in order: 1 clips, by size" in said) == (not options)
    assert ("match the digests in its record: not checked here" in said) == (not options)
    assert "verdict: intact" in said
    assert ("add --content" in said) == (not options)


def test_the_store_alone_is_checked_without_a_database(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.no_database()
    assert kept.check() == OK
    assert "there is no database" in capsys.readouterr().out
    assert not (kept.folder / "gateway.db").exists()


def test_the_verdict_comes_as_json_too(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    kept.object(CLIP).unlink()
    assert kept.check("--json") == INCOMPLETE
    assert json.loads(capsys.readouterr().out)["outcome"] == "incomplete"


async def test_a_store_is_looked_at_or_used_never_both(tmp_path: Path) -> None:
    store_folder = LocalStore(tmp_path / "data/store")
    async with gateway_on(tmp_path / "data"):
        assert store_folder.staging.watch("log") is None
    held = store_folder.staging.watch("log")
    assert held is not None
    assert store_folder.staging.lock("log") is None
    held.close()


def test_a_store_that_is_in_use_ends_with_the_named_state(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    held = LocalStore(kept.folder / "store").staging.lock("log")
    assert held is not None
    assert kept.check() == 1
    assert "log-busy: a gateway has this log open" in capsys.readouterr().err
    held.close()


def test_a_folder_that_is_no_store_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Kept(tmp_path).check() == 2
    assert "no object store is here" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# --- damaged --------------------------------------------------------------------------


def lose(key: str) -> Callable[[Kept], None]:
    return lambda kept: kept.object(key).unlink()


def rubbish(key: str) -> Callable[[Kept], None]:
    return lambda kept: kept.overwrite(key, b"rubbish")


def lose_batch(number: int) -> Callable[[Kept], None]:
    return lambda kept: kept.batches()[number].unlink()


def spoil_batch(number: int) -> Callable[[Kept], None]:
    return lambda kept: kept.overwrite(f"log/journal/{kept.batches()[number].name}", b"not a batch")


def run_sql(statement: str) -> Callable[[Kept], None]:
    return lambda kept: kept.sql(statement)


@pytest.mark.parametrize(
    ("damage", "code", "said"),
    [
        (lose(CLIP), INCOMPLETE, f"{CLIP}: is not in the store"),
        (rubbish("log/tile/0/000"), ALTERED, "log/tile/0/000: has other bytes"),
        (lose("log/tile/entries/000"), INCOMPLETE, "log/tile/entries/000: is not in the store"),
        (rubbish("log/tile/0/001.p/51"), ALTERED, "log/tile/0/001.p/51: has other bytes"),
        (lose("log/tile/1/000.p/1"), INCOMPLETE, "log/tile/1/000.p/1: is not in the store"),
        (lose_batch(2), INCOMPLETE, "entries 2 to 5 are in no batch"),
        (lose_batch(-1), INCOMPLETE, "entries 257 to 306 are in no batch"),
        (lose_batch(0), INCOMPLETE, "entries 0 to 0 are in no batch"),
        (spoil_batch(3), ALTERED, "journal/00000000000000000006: "),
        (lose("log/checkpoint"), INCOMPLETE, "the store has no checkpoint"),
        (rubbish("log/checkpoint"), UNSIGNED, "log/checkpoint: "),
        (
            run_sql('UPDATE log_entry SET record = x\'00\' WHERE "index" = 9'),
            ALTERED,
            "entry 9: the database has another record",
        ),
        (
            run_sql('UPDATE log_entry SET leaf = zeroblob(32) WHERE "index" = 9'),
            ALTERED,
            "entry 9: the database has another hash",
        ),
        (
            run_sql('UPDATE log_node SET hash = zeroblob(32) WHERE level = 2 AND "index" = 3'),
            ALTERED,
            "the database has another tree",
        ),
        (
            run_sql('DELETE FROM log_node WHERE level = 1 AND "index" = 4'),
            INCOMPLETE,
            "lacks node 4 of level 1",
        ),
        (
            run_sql("UPDATE log_checkpoint SET root = zeroblob(32) WHERE size = 7"),
            ALTERED,
            "of size 7 has another root",
        ),
    ],
)  # fmt: skip
def test_damage_is_found_and_named(
    kept: Kept,
    damage: Callable[[Kept], None],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(kept)
    assert kept.check() == code
    assert said in capsys.readouterr().out


def test_a_proof_that_the_log_went_back_is_shown_until_an_operator_clears_it(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    clear = ["log", "clear-rewound", "--data-dir", str(kept.folder)]
    assert main(clear) == 1
    assert "has been shown no checkpoint" in capsys.readouterr().err
    kept.object("log/rewound").write_bytes(kept.object("log/checkpoint").read_bytes())
    assert kept.check() == NOT_LOGGED
    assert "log/rewound: this log has signed it" in capsys.readouterr().out
    assert main(clear) == 0
    assert "kept as log/rewound-cleared/00000000000000000307-" in capsys.readouterr().out
    assert kept.check() == OK


def test_a_hole_that_no_database_can_fill_ends_the_check_and_says_so(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.no_database()
    kept.batches()[3].unlink()
    assert kept.check() == INCOMPLETE
    said = capsys.readouterr().out
    assert "entries 6 to 6 are in no batch" in said
    assert "nothing from entry 6 on could be checked" in said


def test_a_checkpoint_beyond_the_journal_is_missed(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.no_database()
    kept.batches()[-1].unlink()
    assert kept.check() == INCOMPLETE
    assert "is of size 307; there are 257 entries" in capsys.readouterr().out


def test_other_keys_than_the_logs_are_said_to_be(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(kept.folder / "keys")
    assert kept.check() == 2
    assert "No such file" in capsys.readouterr().err
    assert not (kept.folder / "keys").exists()


def test_a_clip_of_the_same_size_is_read_only_when_asked(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.overwrite(CLIP, b"FOOTAGE")
    assert kept.check() == OK
    assert kept.check("--content") == ALTERED
    assert f"{CLIP}: has SHA-256 " in capsys.readouterr().out
    kept.overwrite(CLIP, b"foot")
    assert kept.check() == ALTERED
    assert f"{CLIP}: has 4 bytes, 7 were stored" in capsys.readouterr().out


async def test_forged_and_unchained_entries_in_the_journal_are_found(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    forger = Es256Signer.generate()
    body = DockBooted(version="1", ledger_check="intact")
    forged = kept.dock.forge(body, next_dock_link(kept.dock.head), signer=forger)
    stranger = SimulatedDock("dock9")
    stranger.boot()
    stranger.boot()
    said = [forged, stranger.entries[1]]
    entries = tuple(entry_of(e.statement, e.record, "dock.booted", ()) for e in said)
    objects = LocalStore(kept.folder / "store")
    batch = Batch(307, GatewayClock().now(), entries)
    await objects.put_bytes(journal_key(307), encode_batch(batch))
    assert await asyncio.to_thread(kept.check) == INCOMPLETE
    told = capsys.readouterr().out
    assert "step  4  unsigned: entry 307: " in told
    assert "step  4  unknown-key: entry 308: urn:evidock:dock:dock9 was not enrolled" in told
    assert "step  5  incomplete: entry 308: " in told

"""The log as C2SP tlog-tiles: enough for a stranger's program, and not a byte more."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from gateway.errors import NotFoundError
from gateway.log.journal import NewEntry
from gateway.log.published import TileAddress
from gateway.log.tiles import decode_bundle, decode_tile
from hashing.ledger import DockLink
from hashing.merkle import leaf_hash, root
from hashing.note import open_checkpoint
from hashing.statement import sign_statement
from tests.simulators.dock import SimulatedDock
from tests.simulators.seeded import api_of, gateway_on

SECRET = b"recorded for nobody but the court"
SIZE = 256 + 256 + 9


def entries(count: int) -> list[NewEntry]:
    """Statements of a dock; their places do not matter here, only that they are many."""
    dock = SimulatedDock("dock7")
    made = []
    for seq in range(count):
        link = DockLink(0, seq, bytes(32))
        issuer = "urn:evidock:dock:dock7"
        statement = sign_statement(
            dock.signer, record=SECRET, issuer=issuer, subject=issuer, chain=link
        )
        made.append(
            NewEntry(statement, SECRET, "test", issuer, issuer, dock="dock7", epoch=0, seq=seq)
        )
    return made


async def got(api: httpx.AsyncClient, address: str) -> bytes:
    answer = await api.get(f"/tlog/tile/{address}")
    assert answer.status_code == 200, (address, answer.text)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert SECRET not in answer.content
    return answer.content


async def test_a_stranger_rebuilds_the_signed_root_and_finds_nothing_else(tmp_path: Path) -> None:
    async with gateway_on(tmp_path) as services, api_of(services) as api:
        made = entries(SIZE - services.log.checkpoint().size)
        await services.log.append(made[:300])
        await services.log.append(made[300:])
        answer = await api.get("/tlog/checkpoint")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["cache-control"] == "public, max-age=2"
        checkpoint = open_checkpoint(answer.content, services.log.anchors().checkpoint_key)
        assert checkpoint.size == SIZE
        leaves, statements = [], []
        for part in ("000", "001", "002.p/9"):
            leaves += decode_tile(await got(api, f"0/{part}"))
            statements += decode_bundle(await got(api, f"entries/{part}"))
        assert root(leaves) == checkpoint.root
        assert [leaf_hash(statement) for statement in statements] == leaves
        above = decode_tile(await got(api, "1/000.p/2"))
        assert above == [root(leaves[:256]), root(leaves[256:512])]
        # Partial tiles that an older checkpoint needs are still there.
        for width in (1, 45, 255):
            assert decode_tile(await got(api, f"0/001.p/{width}")) == leaves[256 : 256 + width]
            bundle = decode_bundle(await got(api, f"entries/001.p/{width}"))
            assert bundle == statements[256 : 256 + width]
        assert decode_tile(await got(api, "1/000.p/1")) == above[:1]
        for address, kept in (("0/000", "immutable"), ("0/002.p/9", "max-age=300")):
            assert kept in (await api.get(f"/tlog/tile/{address}")).headers["cache-control"]
        for address in (
            *("", "0", "0/002", "0/002.p/10", "0/003.p/1", "1/000", "1/000.p/3", "2/000.p/1"),
            *("8/000", "entries/002", "entries/002.p/10", "entries/x001/000", "0/000%2f"),
            *("..%2fjournal/00000000000000000000", "entries/../../journal/000"),
        ):
            answer = await api.get(f"/tlog/tile/{address}")
            assert answer.status_code == 404, address
            assert SECRET not in answer.content
        # Committed and not yet signed: not given out.
        signed = services.log.checkpoint()
        await services.log.append(entries(SIZE)[-1:])
        services.log._current = signed
        assert (await api.get("/tlog/tile/0/002.p/10")).status_code == 404
        assert (await api.get("/tlog/tile/entries/002.p/10")).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        *("", "0", "0/", "0/2", "0/0000", "0/x000/000", "00/000", "64/000", "-1/000", "0/000\n"),
        *(
            "0/002.p/0",
            "0/002.p/09",
            "0/000.p/256",
            "0/000.p/",
            "\u0660/000",
            "0/\u0660\u0660\u0660",
            "0/000.p/1000",
        ),
        *("../0/000", "entries/x1/000", "Entries/000", "entries//000", "0/000.p/1/"),
        "entries/" + "x001/" * 7 + "000",
    ],
)
def test_a_tile_has_one_address(address: str) -> None:
    with pytest.raises(NotFoundError):
        TileAddress.parse(address)


def test_an_address_counts_in_thousands() -> None:
    assert TileAddress.parse("63/x001/x234/067.p/255") == TileAddress(63, 1234067, 255)
    assert TileAddress.parse("entries/999") == TileAddress("entries", 999)

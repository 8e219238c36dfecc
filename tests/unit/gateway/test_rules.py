"""Rule packs: only what an authority signed counts, only a newer one follows, each is kept."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from gateway.__main__ import main
from gateway.access.policy import Role
from gateway.retention.pack import MAX_PACK, PackError, read_pack
from gateway.retention.signing import RulesUnsignedError, sign_pack, signed_by
from gateway.services import Services
from hashing.keys import Ed25519Signer, Es256Signer, Signer
from protocols.ids import ClipId
from protocols.kinds import ClipTagged
from tests.simulators.disk import path_of
from tests.simulators.dock import SimulatedDock
from tests.simulators.people import person
from tests.simulators.seeded import admit, api_of, enrol, gateway_on, link_all, shift_end

EXAMPLE = Path(__file__).parents[3] / "gateway/retention/example/rules.toml"
AUTHORITY = Ed25519Signer.generate()
ITEM = '[[item]]\nid="a"\ncategory="c"\nmatter="m"\nmethod="key"\nkeep=12\n'
HEAD = 'format=1\njurisdiction="j"\ntitle="t"\nversion=1\nissued=2026-01-01\nfloor_months=6\n'


def example(version: int = 1, **swapped: str) -> bytes:
    text = EXAMPLE.read_text().replace("version = 1", f"version = {version}", 1)
    for old, new in swapped.items():
        assert old in text
        text = text.replace(old, new)
    return text.encode()


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path / "gateway") as opened:
        trusting(opened, tmp_path, AUTHORITY)
        yield opened


def trusting(services: Services, folder: Path, *signers: Signer) -> None:
    paths = []
    for number, signer in enumerate(signers):
        paths.append(folder / f"authority{number}.pem")
        paths[-1].write_text(signer.public.pem())
    services.retention._keys = paths


async def adopt(client: httpx.AsyncClient, raw: bytes, line: str) -> httpx.Response:
    pack = base64.b64encode(raw).decode()
    asked = {"pack": pack, "signature": line, "why": "市局通知", "by": "Li"}
    return await client.post("/api/v1/rules", json=asked)


async def test_a_signed_pack_is_adopted_on_record_and_its_file_is_kept(services: Services) -> None:
    raw = example()
    line = sign_pack(raw, AUTHORITY)
    async with api_of(services) as host:
        made = await adopt(host, raw, line)
        assert made.status_code == HTTPStatus.CREATED, made.text
        told = made.json()
        entry = await services.log.entry(told["adopted_index"])
        assert (entry.kind, entry.subject) == ("rules.adopted", "urn:evidock:rules")
        assert (await adopt(host, raw, line)).status_code == HTTPStatus.OK
        assert services.log.checkpoint().size == told["adopted_index"] + 1
        kept = (await host.get("/api/v1/rules/1")).json()
        assert base64.b64decode(kept["pack"]) == raw
        assert kept["says"]["item"][0]["id"] == "inspection"
        assert signed_by(raw, kept["signature"], [AUTHORITY.public]) == AUTHORITY.public
        assert (await host.get("/api/v1/rules/2")).json()["code"] == "rules-unknown"
        for version in (3, 4):
            newer = example(version)
            said = await adopt(host, newer, sign_pack(newer, AUTHORITY))
            assert said.status_code == HTTPStatus.CREATED
        assert [row["version"] for row in (await host.get("/api/v1/rules")).json()] == [4, 3, 1]


async def test_letters_that_are_no_base64_are_refused_in_the_pack_and_in_the_signature(
    services: Services,
) -> None:
    raw = example()
    word, kid, _ = sign_pack(raw, AUTHORITY).split(" ")
    async with api_of(services) as host:
        asked = {"pack": "ì", "signature": "", "why": "a", "by": "Li"}
        refused = await host.post("/api/v1/rules", json=asked)
        assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        unsigned = await adopt(host, raw, f"{word} {kid} é")
        assert unsigned.json()["code"] == "rules-unsigned", unsigned.text


async def test_an_older_version_or_another_jurisdiction_never_follows(services: Services) -> None:
    async with api_of(services) as host:
        first = example(5)
        await adopt(host, first, sign_pack(first, AUTHORITY))
        shorter = example(5, **{"keep = 12 ": "keep = 6 "})
        for raw, code in (
            (example(4), "rules-older"),
            (shorter, "rules-older"),
            (example(6, 示例市="别市"), "rules-other"),
        ):
            said = await adopt(host, raw, sign_pack(raw, AUTHORITY))
            assert (said.status_code, said.json()["code"]) == (409, code)


async def test_only_who_stands_above_all_adopts_and_only_what_the_authority_signed(
    services: Services, tmp_path: Path
) -> None:
    raw = example()
    line = sign_pack(raw, AUTHORITY)
    async with await person(services, Role.SUPERVISOR, unit="市局/城东") as below:
        pack = base64.b64encode(raw).decode()
        asked = {"pack": pack, "signature": line, "why": "a"}
        answer = await below.post("/api/v1/rules", json=asked)
        assert (answer.status_code, answer.json()["code"]) == (403, "beyond-your-unit")
    services.retention._keys = []
    async with api_of(services) as host:
        unset = await adopt(host, raw, line)
        assert (unset.status_code, unset.json()["code"]) == (409, "rules-authority")
        assert "[retention] keys" in unset.json()["detail"]
        trusting(services, tmp_path, Es256Signer.generate())
        assert (await adopt(host, raw, line)).json()["code"] == "rules-unsigned"
        assert (await host.get("/api/v1/rules")).json() == []
        other = Es256Signer.generate()
        trusting(services, tmp_path, AUTHORITY, other)
        said = await adopt(host, raw, sign_pack(raw, other))
        assert said.json()["kid"] == other.public.kid.hex()


@pytest.mark.parametrize("signer", [AUTHORITY, Es256Signer.generate()])
def test_a_signature_is_of_one_file_by_one_key(signer: Signer) -> None:
    raw = example()
    line = sign_pack(raw, signer)
    assert signed_by(raw, line, [Ed25519Signer.generate().public, signer.public]) == signer.public
    word, kid, signature = line.split(" ")
    for spoilt in (raw + b"\n", raw[:-1], raw.replace(b"12", b"13", 1)):
        with pytest.raises(RulesUnsignedError):
            signed_by(spoilt, line, [signer.public])
    for wrong in (
        *(
            "",
            "\n",
            word,
            f"{word} {kid}\n",
            f" {line}",
            line + line,
            f"evidock-rules-v2 {kid} {signature}",
        ),
        f"{word} {kid} {signature[:-4]}\n",
        f"{word} {kid} *{signature}",
        f"{word} {'0' * 64} {signature}",
        f"{word} {kid} {base64.b64encode(signer.sign(raw)).decode()}\n",
    ):
        with pytest.raises(RulesUnsignedError):
            signed_by(raw, wrong, [signer.public])


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "format"),
        (HEAD.replace("floor_months=6", "floor_months=5"), "floor_months"),
        (HEAD.replace("version=1", "version=true"), "version"),
        (HEAD.replace("version=1", "version=0"), "version"),
        (HEAD + "flor=1\n", "flor"),
        (HEAD + 'zone="Mars/Olympus"\n', "zone"),
        (HEAD + 'zone="../../etc/passwd"\n', "zone"),
        (HEAD + ITEM, "when"),
        (HEAD + ITEM + "[item.when]\n", "for everything"),
        (HEAD + ITEM + "[item.when]\nmarked=false\n", "marked"),
        (HEAD + ITEM + '[item.when]\ntagg=["a"]\n', "tagg"),
        (HEAD + ITEM.replace("12", "0") + "[item.when]\nmarked=true\n", "keep"),
        (HEAD + ITEM.replace("12", '"forever"') + "[item.when]\nmarked=true\n", "keep"),
        (HEAD + 2 * (ITEM + "[item.when]\nmarked=true\n"), "twice"),
        (HEAD + 2 * "[[case]]\nkeep=12\n", "twice"),
        (HEAD + '[[case]]\nkeep="same-as-case"\n', "case"),
        ("format = \u2028", "TOML"),
        ("#" * (MAX_PACK + 1), "at most"),
    ],
)
def test_a_pack_that_does_not_say_one_thing_is_refused(text: str, where: str) -> None:
    with pytest.raises(PackError, match=where):
        read_pack(text.encode())


def test_what_is_no_text_is_no_pack() -> None:
    with pytest.raises(PackError):
        read_pack(b"\xff\xfe")


# --- clips -------------------------------------------------------------------------


async def tagged(services: Services) -> tuple[SimulatedDock, ClipId]:
    dock = SimulatedDock()
    await enrol(services, dock)
    (clip,) = await shift_end(services, dock, {"A.MP4": b"footage"})
    await tag(services, dock, clip, "scene")
    return dock, clip


async def tag(services: Services, dock: SimulatedDock, clip: ClipId, category: str) -> None:
    dock.append(ClipTagged(clip=str(clip), category=category))
    await admit(services, dock, dock.entries[-1:])


async def rules(services: Services, raw: bytes) -> None:
    await services.retention.adopt(raw, sign_pack(raw, AUTHORITY), by="Li", why="a")


async def retention(services: Services, clip: ClipId) -> tuple[str | None, list[str]]:
    async with api_of(services) as host:
        answer = await host.get(f"/api/v1/clips/{clip}/retention")
    assert answer.status_code == HTTPStatus.OK, answer.text
    return answer.json()["expires"], [each["code"] for each in answer.json()["reasons"]]


async def test_a_clip_is_told_how_long_it_is_kept_and_why(services: Services) -> None:
    dock, clip = await tagged(services)
    assert await retention(services, clip) == (None, ["no-rules"])
    await rules(services, example())
    expires, codes = await retention(services, clip)
    assert codes == ["floor", "rule:inspection"]
    assert expires is not None
    year = timedelta(days=365)
    assert year < datetime.fromisoformat(expires) - services.clock.now() < year + timedelta(days=3)
    # A later and shorter category ends nothing early; one for ever keeps it for ever.
    await tag(services, dock, clip, "obstruction")
    await tag(services, dock, clip, "scene")
    assert await retention(services, clip) == (
        None,
        ["floor", "rule:inspection", "rule:obstruction"],
    )
    await link_all(services, "2026-1", [clip])
    assert (await retention(services, clip))[1][-1] == "case:2026-1"


async def test_rules_whose_file_is_gone_or_changed_keep_everything(
    services: Services,
) -> None:
    _, clip = await tagged(services)
    await rules(services, example())
    (row,) = await services.retention.adopted()
    path = path_of(services.store, row.key)
    for spoil in (path.unlink, lambda: path.write_bytes(example(1, **{"keep = 12 ": "keep = 6 "}))):
        spoil()
        services.retention._read = None
        assert await retention(services, clip) == (None, ["no-rules"])


async def test_rules_are_known_again_to_a_database_made_anew(tmp_path: Path) -> None:
    async with gateway_on(tmp_path) as services:
        trusting(services, tmp_path, AUTHORITY)
        _, clip = await tagged(services)
        await rules(services, example())
        before = await retention(services, clip)
    for left in [*tmp_path.glob("gateway.db*")]:  # noqa: ASYNC240  # nothing else runs here
        left.unlink()
    async with gateway_on(tmp_path) as services:
        assert await retention(services, clip) == before


async def test_a_camera_s_or_a_dock_s_wrong_clock_ends_nothing_early(services: Services) -> None:
    dock = SimulatedDock()
    await enrol(services, dock)
    (clip,) = await shift_end(services, dock, {"A.MP4": b"footage"})
    await tag(services, dock, clip, "scene")
    await rules(services, example())
    row = await services.evidence.clip(clip)
    assert row is not None
    # What the camera and this dock said lies in the past; what counts is when it was stored.
    assert row.sealed_at < services.clock.now().isoformat()
    expires, _ = await retention(services, clip)
    assert expires is not None
    assert datetime.fromisoformat(expires) > services.clock.now() + timedelta(days=364)


# --- commands ----------------------------------------------------------------------


def test_packs_are_signed_and_checked_away_from_any_gateway(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack, key, public = (tmp_path / name for name in ("rules.toml", "key.pem", "key.pub.pem"))
    pack.write_bytes(example())
    key.write_bytes(AUTHORITY.pem())
    public.write_text(AUTHORITY.public.pem())
    assert main(["rules", "sign", str(pack), "--key", str(key)]) == 0
    assert main(["rules", "check", str(pack), "--key", str(public)]) == 0
    said = capsys.readouterr().out
    assert "at least 6 months" in said
    assert f"signed with key {AUTHORITY.public.kid.hex()}" in said
    pack.write_bytes(example(2))
    assert main(["rules", "check", str(pack), "--key", str(public)]) == 1
    assert main(["rules", "check", str(pack)]) == 0
    pack.write_bytes(b"format = 2\n")
    assert main(["rules", "sign", str(pack), "--key", str(key)]) == 1
    assert main(["rules", "check", str(tmp_path / "none.toml")]) == 2

"""Programs that are not ours read our packs: coreutils, openssl, bagit; VERIFY.md as written."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import scitt_cose  # type: ignore[import-untyped]  # it ships no types

from protocols.pack import layout
from tests.simulators.packs import rebagged
from tests.simulators.tools import needed
from verifier.__main__ import main

_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def as_written(pack: Path) -> subprocess.CompletedProcess[str]:
    """Every command of VERIFY.md, in its order, in the pack's folder."""
    needed("openssl", "openssl")
    script = "\n".join(_BLOCK.findall((pack / layout.GUIDE).read_text(encoding="utf-8")))
    command = [needed("bash", "bash"), "-c", script]
    return subprocess.run(command, cwd=pack, capture_output=True, check=False, text=True)


def test_the_commands_of_verify_md_work_as_written(pack: Path) -> None:
    said = as_written(pack)
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.endswith("signatures, checkpoint, inclusion\n")


def test_the_one_command_of_verify_md_says_passed_or_which_block_and_file_failed(
    pack: Path,
) -> None:
    """The command as it stands there, also in an interactive shell, which stays open."""
    needed("openssl", "openssl")
    (command,) = re.findall(r"^    (bash <.*)$", (pack / layout.GUIDE).read_text(), re.MULTILINE)
    shell = [needed("bash", "bash"), "-c", command]
    good = subprocess.run(shell, cwd=pack, capture_output=True, check=False, text=True)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.endswith("inclusion\npassed\n")
    path = pack / "data/proofs/00000005.tlog-proof"
    path.write_text(path.read_text().replace("index 5", "index 4"))
    rebagged(pack)
    bad = subprocess.run(shell, cwd=pack, capture_output=True, check=False, text=True)
    assert bad.returncode != 0
    assert "passed" not in bad.stdout
    assert bad.stderr == f"FAILED / 不通过: block 6 place in the log: {path.relative_to(pack)}\n"
    pasted = "\n".join(_BLOCK.findall((pack / layout.GUIDE).read_text())) + "\necho still here\n"
    shell = [needed("bash", "bash"), "--norc", "-i"]
    said = subprocess.run(
        shell, cwd=pack, capture_output=True, check=False, text=True, input=pasted
    )
    assert "FAILED / 不通过: block 6 place in the log" in said.stderr
    assert said.stdout.endswith("still here\n")


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("data/originals/dock7.0.3/_.MP4", "2 originals: data/originals/dock7.0.3/_.MP4"),
        ("data/statements/00000005.cose", "4 signature of a statement: data/statements/00000005"),
        ("data/records/00000005.json", "its statement is over: data/records/00000005.json"),
        ("data/checkpoint.note", "5 signature of the checkpoint: data/checkpoint.note"),
        ("data/proofs/00000005.tlog-proof", "6 place in the log: data/proofs/00000005"),
        ("data/receipts/00000005.cose", "6 signature of a receipt: data/receipts/00000005.cose"),
    ],
)
def test_they_fail_for_what_somebody_changed_who_wrote_new_manifests(
    pack: Path, file: str, told: str
) -> None:
    path = pack / file
    raw = bytearray(path.read_bytes())
    # In the middle of a signature, a hash or the footage: every place has to matter.
    raw[-20] ^= 1
    path.write_bytes(raw)
    rebagged(pack)
    said = as_written(pack)
    assert said.returncode != 0
    assert told in said.stderr


def test_an_independent_scitt_library_verifies_every_statement_and_receipt(pack: Path) -> None:
    keys = {path.stem: path.read_text() for path in (pack / layout.KEYS).iterdir()}
    note = (pack / layout.CHECKPOINT).read_text().split("\n")
    for path in sorted((pack / layout.STATEMENTS).iterdir()):
        index, raw = int(path.stem), path.read_bytes()
        signed = [
            scitt_cose.parse_signed_statement(raw, public_key_pem=key)["signature_verified"]
            for key in (keys["dock7"], keys["gateway-statement"], keys["gateway-receipt"])
        ]
        assert signed in ([True, False, False], [False, True, False])
        told = scitt_cose.verify_receipt(
            (pack / layout.receipt(index)).read_bytes(),
            leaf_entry_hex=raw.hex(),
            log_public_key_pem=keys["gateway-receipt"],
        )
        assert told.ok, told.errors
        assert (told.leaf_index, str(told.tree_size)) == (index, note[1])
        assert bytes.fromhex(told.root) == base64.b64decode(note[2])
        other = scitt_cose.verify_receipt(
            (pack / layout.receipt(index)).read_bytes(),
            leaf_entry_hex=(raw[:-1] + bytes([raw[-1] ^ 1])).hex(),
            log_public_key_pem=keys["gateway-receipt"],
        )
        assert not other.ok


def test_the_python_implementation_of_bagit_finds_the_bag_valid(pack: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "bagit", "--validate", "--quiet", str(pack)]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    (pack / "data/trail.json").write_bytes(b"{}")
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1


def test_the_command_tells_the_verdict_and_ends_with_its_exit_code(
    pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trust = pack.parent / "trust.json"
    shutil.copy(pack / layout.TRUST, trust)
    assert main([str(pack), "--trust", str(trust), "--story", "--progress"]) == 0
    told = capsys.readouterr()
    assert "verdict: intact" in told.out
    assert "clip.exported: dock7.0.3 in export 1" in told.out
    assert "WARNING" not in told.out
    assert "MiB read (100 %)" in told.err
    assert main([str(pack), "--json"]) == 0
    assert '"trust": "pack"' in capsys.readouterr().out
    assert main([str(pack)]) == 0
    assert capsys.readouterr().out.count("WARNING: only the keys in the pack itself") == 2
    (pack / "data/originals/dock7.0.3/_.MP4").write_bytes(b"other")
    assert main([str(pack), "--trust", str(trust)]) == 10
    assert main([str(pack.parent / "none")]) == 1
    assert "no such folder or ZIP file" in capsys.readouterr().err

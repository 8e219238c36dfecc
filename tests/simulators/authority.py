"""A time stamping authority on this machine: ``openssl ts`` with a root and a certificate."""

from __future__ import annotations

import subprocess
from pathlib import Path

import httpx

from tests.simulators.tools import needed

_CONFIG = """
[tsa]
default_tsa = own
[own]
serial = {folder}/serial
crypto_device = builtin
signer_digest = {digest}
default_policy = 1.2.3.4.1
digests = sha1, sha256, sha512
accuracy = {accuracy}
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
_EXTENSIONS = "[tsa]\nextendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"
_ROOT = "[root]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
_ASKED = ("-sha256", "-cert")


class Authority:
    """Answers time stamp queries, or with something else.

    Attributes:
        accuracy, digest: how far off it says that it may be, and what it signs over.
    """

    def __init__(self, folder: Path) -> None:
        self._openssl = needed("openssl", "openssl")
        self._folder = folder
        self.root = folder / "root.pem"
        self.instead: httpx.Response | None = None
        self.asked = 0
        folder.mkdir()
        self.accuracy, self.digest = "secs:1", "sha256"
        (folder / "ext.cnf").write_text(_ROOT + _EXTENSIONS)
        (folder / "serial").write_text("01\n")
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self._run(
            *("req", "-x509", *key, "-keyout", "root.key", "-out", "root.pem", "-days", "30"),
            *("-subj", "/CN=Test root", "-config", "ext.cnf", "-extensions", "root"),
            *("-section", "root"),
        )
        self._run(
            *("req", "-new", *key, "-keyout", "tsa.key", "-out", "tsa.csr"),
            *("-subj", "/CN=Test authority", "-config", "ext.cnf", "-section", "root"),
        )
        self._run(
            *("x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key"),
            *("-out", "tsa.pem", "-days", "30", "-extfile", "ext.cnf", "-extensions", "tsa"),
        )

    def stamp(self, query: bytes) -> bytes:
        """The answer to a query."""
        config = _CONFIG.format(folder=self._folder, accuracy=self.accuracy, digest=self.digest)
        (self._folder / "ts.cnf").write_text(config)
        (self._folder / "query.tsq").write_bytes(query)
        self._run(
            *("ts", "-reply", "-config", "ts.cnf", "-section", "own", "-queryfile", "query.tsq"),
            *("-signer", "tsa.pem", "-inkey", "tsa.key", "-out", "out.tsr"),
        )
        return (self._folder / "out.tsr").read_bytes()

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer as the network would bring it."""
        self.asked += 1
        assert request.headers["content-type"] == "application/timestamp-query"
        return self.instead or httpx.Response(200, content=self.stamp(request.content))

    def query(self, text: bytes, *words: str) -> bytes:
        """A query over a text, as ``openssl`` asks it."""
        (self._folder / "text").write_bytes(text)
        self._run("ts", "-query", "-data", "text", "-out", "asked.tsq", *(words or _ASKED))
        return (self._folder / "asked.tsq").read_bytes()

    def verify(self, response: Path, data: Path) -> str:
        """What openssl itself says of a stamp over a file."""
        return self._run(
            "ts", "-verify", "-in", str(response), "-data", str(data), "-CAfile", "root.pem"
        )

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [self._openssl, *arguments],
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

"""What the API does with requests that are not as they should be: a problem, never a failure."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.errors import (
    DatabaseUnavailableError,
    KeyAwayError,
    LogDamagedError,
    StoreAwayError,
    StoreFullError,
)
from gateway.guard import MAX_BODY
from gateway.services import Services
from tests.simulators.seeded import api_of, gateway_on

PROBLEM = "application/problem+json"


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


@pytest.fixture
async def api(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with api_of(services) as client:
        yield client


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a well-formed problem document."""
    assert answer.headers["content-type"] == PROBLEM, answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"urn:evidock:problem:{problem['code']}"
    assert problem["title"]
    assert problem["detail"]
    return answer.status_code, problem["code"]


# --- addresses and methods -----------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/none",
        "/api",
        "/api/v1",
        "/api/v1/nothing",
        "/api/v1/clips/",
        "/api/v1/clips/dock7.0.1/nothing",
        "/docs",
        "/openapi.json",
        "/%00",
        "/api/v1/%2e%2e/%2e%2e/etc/passwd",
        "/healthz/",
    ],
)
async def test_an_address_that_is_none_is_a_problem(api: httpx.AsyncClient, path: str) -> None:
    assert refused(await api.get(path))[0] in {404, 422}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "BREW", "DELETE"])
async def test_a_method_that_is_not_answered_is_a_problem(
    api: httpx.AsyncClient, method: str
) -> None:
    answer = await api.request(method, "/api/v1/clips")
    assert refused(answer) == (405, "method")
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=" + "9" * 30,
        "limit=" + "9" * 5000,
        "limit=x",
        "limit=1e2",
        "cursor=-1",
        "cursor=9223372036854775808",
        "cursor=%00",
        "state=wrong",
        "dock=UPPER",
        "dock=%00",
        "sha256=zz",
        "sha256=" + "A" * 64,
        "session=dock7.00.1",
        "case_no=a%00b",
        "case_no=",
        "dokc=dock7",
        "%00=%00",
        "limit=%F0%28%8C%28",
    ],
)
async def test_a_query_that_makes_no_sense_is_refused_and_no_filter_silently_ignored(
    api: httpx.AsyncClient, query: str
) -> None:
    assert refused(await api.get(f"/api/v1/clips?{query}")) == (422, "request-invalid")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/clips/%00",
        "/api/v1/clips/dock7.0.%00",
        "/api/v1/clips/dock7.0.99999999999999999999",
        "/api/v1/clips/dock7.99999999999.0",
        "/api/v1/clips/%ff%fe",
        "/api/v1/docks/%00",
        "/api/v1/docks/" + "a" * 5000,
        "/api/v1/log/entries/9223372036854775808",
        "/api/v1/log/entries/-1",
        "/api/v1/log/entries/%00",
        "/api/v1/log/entries?start=9223372036854775808",
        "/api/v1/log/entries?limit=99999",
        "/api/v1/log/proofs/inclusion?index=9223372036854775808&size=1",
        "/api/v1/log/proofs/consistency?from=9223372036854775808&to=1",
        "/api/v1/cases/" + "a" * 5000,
    ],
)
async def test_an_absurd_name_or_number_in_an_address_is_refused(
    api: httpx.AsyncClient, path: str
) -> None:
    assert refused(await api.get(path)) == (422, "request-invalid")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/cases/%00",
        "/api/v1/cases/%ed%a0%80",
        "/api/v1/cases/%ff",
        "/api/v1/log/entries/9223372036854775807",
        "/api/v1/log/proofs/inclusion?index=9223372036854775807&size=1",
        "/api/v1/log/proofs/inclusion?index=0&size=9223372036854775807",
        "/api/v1/log/proofs/inclusion?index=0&size=0",
        "/api/v1/log/proofs/consistency?from=0&to=9223372036854775807",
        "/api/v1/log/proofs/consistency?from=1&to=0",
    ],
)
async def test_what_could_be_there_but_is_not_is_not_found(
    api: httpx.AsyncClient, path: str
) -> None:
    assert refused(await api.get(path))[0] == 404


# --- bodies --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"\x00",
        b"nul",
        b"[" * 100_000,
        b'{"case_no": ' + b"9" * 5000 + b"}",
        b'{"case_no": "\x00"}',
        b'{"case_no": "a\\u0000"}',
        b'{"case_no": NaN}',
        b'{"case_no": 1e999}',
        b'"case_no"',
        b"[1]",
        json.dumps({"case_no": "x"}).encode("utf-16"),
        json.dumps({"case_no": "x"}).encode("utf-16-le"),
        json.dumps({"case_no": "x"}).encode("utf-32"),
        b"\xef\xbb\xbf" + b'{"case_no": "x"}',
        b'{"case_no": "x", "case_no": "y"}',
        b'{"case_no": "x", "case_n\\u006f": "x"}',
    ],
)
async def test_a_body_that_is_no_such_json_is_refused(api: httpx.AsyncClient, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = await api.post("/api/v1/cases", content=body, headers=headers)
    assert refused(answer)[0] in {400, 422}


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/json; charset=utf-16",
        "application/jsonx",
        "",
    ],
)
async def test_a_body_of_another_type_is_refused_so_that_no_web_form_can_act(
    api: httpx.AsyncClient, kind: str
) -> None:
    body = json.dumps({"case_no": "x"}).encode()
    answer = await api.post("/api/v1/cases", content=body, headers={"content-type": kind})
    assert refused(answer) == (415, "content-type")


async def test_a_body_in_declared_utf_8_is_taken(api: httpx.AsyncClient) -> None:
    headers = {"content-type": 'Application/JSON; charset="UTF-8"'}
    answer = await api.post(
        "/api/v1/cases", content=b'{"case_no": "x", "by": "y"}', headers=headers
    )
    assert answer.status_code == 201


async def test_a_body_that_is_too_large_is_refused_declared_or_not(
    api: httpx.AsyncClient,
) -> None:
    headers = {"content-type": "application/json"}
    big = b'{"case_no": "' + b"x" * MAX_BODY + b'"}'

    async def dribble() -> AsyncIterator[bytes]:
        for start in range(0, len(big), 10_000):
            yield big[start : start + 10_000]

    for content in (big, dribble()):
        answer = await api.post("/api/v1/cases", content=content, headers=headers)
        assert refused(answer) == (413, "body-too-large")
        assert answer.headers["connection"] == "close"
    lie = {**headers, "content-length": "9" * 40}
    answer = await api.post("/api/v1/cases", content=b"{}", headers=lie)
    assert refused(answer) == (413, "body-too-large")


async def test_a_name_that_stands_twice_is_said_to(api: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    body = b'{"case_no": "x", "case_no": "y"}'
    answer = await api.post("/api/v1/cases", content=body, headers=headers)
    assert refused(answer) == (400, "body-unreadable")
    assert "twice" in answer.json()["detail"]
    assert (await api.get("/api/v1/cases")).json()["cases"] == []


async def test_input_is_never_repeated_in_a_refusal(api: httpx.AsyncClient) -> None:
    body = {"case_no": ["<script>secret</script>"]}
    answer = await api.post("/api/v1/cases", json=body)
    assert refused(answer)[0] == 422
    assert "secret" not in answer.text


# --- hosts ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:8080", 200),
        ("127.8.9.10:1", 200),
        ("localhost", 200),
        ("LOCALHOST:9999", 200),
        ("[::1]", 200),
        ("[::1]:8080", 200),
        ("evil.example", 421),
        ("evil.example:8080", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("10.0.0.1", 421),
        ("192.168.1.1:8080", 421),
        ("", 421),
        ("localhost:x", 421),
        ("[::1", 421),
    ],
)
async def test_only_loopback_names_are_answered(
    api: httpx.AsyncClient, host: str, status: int
) -> None:
    answer = await api.get("/healthz", headers={"host": host})
    assert answer.status_code == status
    if status != 200:
        assert refused(answer) == (421, "host")


@pytest.mark.parametrize(
    ("path", "host"),
    [
        ("/api/v1/clips", "127.0.0.1"),
        ("/api/v1/docs", "127.0.0.1"),
        ("/api/v1/log/checkpoint", "127.0.0.1"),
        ("/nothing", "127.0.0.1"),
        ("/healthz", "evil.example"),
    ],
)
async def test_nothing_may_be_drawn_into_another_sites_page(
    api: httpx.AsyncClient, path: str, host: str
) -> None:
    answer = await api.get(path, headers={"host": host})
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_no_other_site_is_ever_allowed_in(api: httpx.AsyncClient) -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    for answer in (
        await api.get("/api/v1/clips", headers=headers),
        await api.options("/api/v1/cases", headers=headers),
    ):
        assert not any(name.startswith("access-control") for name in answer.headers)


# --- failures of ours ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (DatabaseUnavailableError("database: secret.inner:5432"), 503, "database-unavailable"),
        (StoreAwayError("GET https://secret.inner/evidence/x"), 503, "store-away"),
        (KeyAwayError("/secret/libhsm.so"), 503, "key-away"),
        (StoreFullError("no space left at https://secret.inner"), 507, "store-full"),
        (LogDamagedError("root differs"), 503, "log-damaged"),
        (RuntimeError("/secret/path"), 500, "gateway-failed"),
    ],
)
async def test_a_failure_of_ours_is_told_apart_by_what_can_be_done_and_tells_nothing_inner(
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    code: str,
) -> None:
    async def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(services.cases, "find", fail)
    async with api_of(services) as api:
        answer = await api.get("/api/v1/cases")
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert refused(answer) == (status, code)
    assert "secret" not in answer.text


# --- what it says about itself -------------------------------------------------------


async def test_the_openapi_document_is_3_1_and_every_operation_tells_its_problems(
    api: httpx.AsyncClient,
) -> None:
    document = (await api.get("/api/v1/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert {"Problem", "FieldProblem"} <= set(document["components"]["schemas"])
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for operations in document["paths"].values():
        for operation in operations.values():
            assert PROBLEM in operation["responses"]["4XX"]["content"]


async def test_the_page_of_the_api_loads_nothing_from_elsewhere(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/v1/docs")
    assert answer.status_code == 200
    assert "src=" not in answer.text
    assert "://" not in answer.text
    assert "/api/v1/cases/{case_no}/links" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_the_page_of_the_api_says_what_each_operation_takes(api: httpx.AsyncClient) -> None:
    text = (await api.get("/api/v1/docs")).text
    of = {part.partition("</code>")[0]: part for part in text.split("<dt><code>")}
    opening = of["POST /api/v1/cases"]
    assert "<code>case_no</code> (body, required: string)" in opening
    assert "<code>title</code> (body, optional: string | null)" in opening
    assert "<code>by</code> (body, optional: string | null) who opens it" in opening
    assert "manual&quot; | &quot;officer-tag" in of["POST /api/v1/cases/{case_no}/links"]
    unlinking = of["DELETE /api/v1/cases/{case_no}/links/{clip}"]
    assert "<code>why</code> (body, required: string)" in unlinking


async def test_health_names_the_size_of_the_log(services: Services, api: httpx.AsyncClient) -> None:
    size = services.log.checkpoint().size
    told = (await api.get("/healthz")).json()
    assert told == {"status": "ok", "log_size": size, "broker": None}


async def test_health_says_when_the_broker_is_gone(
    services: Services, api: httpx.AsyncClient
) -> None:
    services.vitals.broker = "connected"
    assert (await api.get("/healthz")).json()["status"] == "ok"
    services.vitals.broker = "not connected: refused"
    told = (await api.get("/healthz")).json()
    assert (told["status"], told["broker"]) == ("degraded", "not connected: refused")

"""What the API answers to requests that are odd in themselves, and how it stands up to bad clients."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from node.api.app import ROUTES
from node.api.openapi import OPERATIONS, description
from node.api.problems import Problem, problem_of
from node.mempool import BusyError, MempoolFullError
from tests.support.running_node import RunningNode, make_home, running, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE = Path(__file__).parents[3] / "docs" / "spec" / "api.md"


def spelled(path: str) -> str:
    """Return a path as descriptions spell it, without aiohttp's patterns."""
    return re.sub(r"{(\w+):[^}]*}", r"{\1}", path)


def host_of(node: RunningNode) -> tuple[str, int]:
    _scheme, host, port = node.service.api_address.split(":")
    return host.removeprefix("//"), int(port)


async def speak(node: RunningNode, data: bytes) -> bytes:
    """Send bytes to the API's port and return everything that comes back until it hangs up."""
    reader, writer = await asyncio.open_connection(*host_of(node))
    writer.write(data)
    await writer.drain()
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    return answer


def is_bad_request(answer: bytes) -> bool:
    return answer.split(b" ", 2)[1] == b"400" and b"Traceback" not in answer


async def answers(node: RunningNode) -> bool:
    """Tell whether the API takes a connection and answers."""
    try:
        return (await node.get("/v1/status")).status == 200
    except aiohttp.ClientError:
        return False


# ---- descriptions


async def test_routes_openapi_and_page_say_the_same() -> None:
    routes = {(method, spelled(path)) for method, path, _handler in ROUTES}
    described = {(operation.method, operation.path) for operation in OPERATIONS}
    written = set(re.findall(r"^### (GET|POST) (\S+)$", PAGE.read_text(encoding="utf-8"), re.M))
    assert routes == described == written


async def test_the_description_is_served_and_complete(node: RunningNode) -> None:
    found = await (await node.get("/v1/openapi.json")).json()
    assert found == json.loads(json.dumps(description(found["info"]["version"])))
    assert found["openapi"].startswith("3.1")
    for path, operations in found["paths"].items():
        for operation in operations.values():
            names = {entry["name"] for entry in operation["parameters"] if entry["in"] == "path"}
            assert names == set(re.findall(r"{(\w+)}", path))
            assert operation["responses"]["200"]["content"]


async def test_every_code_of_a_problem_stands_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    codes = (
        "malformed too_large not_found busy not_ready bad_request internal method_not_allowed "
        "request_timeout"
    )
    for code in codes.split():
        assert f"`{code}`" in page


# ---- odd requests


async def test_an_unknown_path_is_not_found(node: RunningNode) -> None:
    response = await node.get("/v2/nothing")
    problem = await response.json(content_type=None)
    assert (response.status, problem["code"]) == (404, "not_found")
    assert "/v1/openapi.json" in problem["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/transactions", "POST"),
        ("DELETE", "/v1/status", "GET, HEAD"),
        ("POST", "/v1/members", "GET, HEAD"),
        ("GET", "/v1/transactions", "POST"),
    ],
)
async def test_a_method_that_is_not_possible_is_answered_with_those_that_are(
    node: RunningNode, method: str, path: str, allowed: str
) -> None:
    async with node.http.request(method, path) as response:
        problem = await response.json(content_type=None)
    assert (response.status, problem["code"]) == (405, "method_not_allowed")
    assert response.headers["Allow"] == allowed
    assert allowed in problem["detail"]


async def test_head_answers_as_get_does_without_the_body(node: RunningNode) -> None:
    for path in ("/v1/status", "/v1/genesis", "/v1/blocks/1", "/v1/members/ministry"):
        full = await node.get(path)
        async with node.http.head(path) as response:
            assert (response.status, await response.read()) == (200, b"")
            assert response.content_type == full.content_type
    async with node.http.head("/v1/blocks/99999") as response:
        assert response.status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/v1/members/%00",
        "/v1/members/%ff%fe",
        "/v1/members/%ed%a0%80",
        "/v1/members/" + "x" * 4_000,
        "/v1/members?after=%ff",
        "/v1/members?after=" + "x" * 400,
        "/v1/members?limit=0",
        "/v1/members?limit=501",
        "/v1/members?limit=1e3",
        "/v1/members/mine-a/offers?after=zz",
        "/v1/members/mine-a/offers?after=" + "AB" * 16,
        "/v1/products?after=%ff",
        "/v1/products/..%2f..%2f",
        "/v1/facilities/%20",
        "/v1/quotas/2024/gold/mine-a",
        "/v1/quotas/20240/rock_mining/mine-a",
        "/v1/quotas/-1/rock_mining/mine-a",
        "/v1/quotas/2024/rock_mining/%c3%a9",
        "/v1/lots/00%2000",
        "/v1/lots/" + "g" * 32,
        "/v1/lots/by-code/mine-a/%0a",
        "/v1/blocks/-1",
        "/v1/blocks/one",
        "/v1/blocks/99999999999999999999",
        "/v1/blocks?from=x",
        "/v1/blocks?limit=513",
        "/v1/headers/0x1",
        "/v1/transactions/" + "00" * 31,
    ],
)
async def test_odd_parameters_are_answered_with_a_problem(node: RunningNode, path: str) -> None:
    async with node.http.get(path) as response:
        problem = await response.json(content_type=None)
    assert response.status in (400, 404), problem
    assert problem["code"] in ("bad_request", "not_found")
    assert len(problem["detail"]) < 400
    assert not node.events_named("request_failed")


# ---- bad clients


async def test_what_is_no_http_is_refused(node: RunningNode) -> None:
    assert is_bad_request(await speak(node, b"EHLO this is no HTTP\r\n\r\n"))


async def test_a_bad_request_is_one_line_in_the_log(node: RunningNode) -> None:
    before = len(node.events_named("request_rejected"))
    answer = await speak(node, b"GET / HTTP/1.1\r\nContent-Length: nine\r\n\r\n")
    assert is_bad_request(answer)
    rejected = node.events_named("request_rejected")[before:]
    assert len(rejected) == 1
    assert "Content-Length" in rejected[0]["reason"]
    assert "\n" not in rejected[0]["reason"]


@pytest.mark.parametrize(
    "head",
    [
        b"GET /v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: nine\r\n\r\n",
        b"POST /v1/transactions HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/transactions HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1_000 + b"\r\n",
    ],
)
async def test_a_head_that_is_no_head_is_refused(node: RunningNode, head: bytes) -> None:
    answer = await speak(node, head)
    assert is_bad_request(answer)
    assert not node.events_named("request_failed")


async def test_a_body_that_never_comes_costs_nothing_but_its_connection(node: RunningNode) -> None:
    reader, writer = await asyncio.open_connection(*host_of(node))
    writer.write(b"POST /v1/transactions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
    await writer.drain()
    assert (await node.get("/v1/status")).status == 200
    writer.close()
    await writer.wait_closed()
    assert await reader.read() == b""
    assert not node.events_named("request_failed")


async def test_a_body_that_comes_too_slowly_is_given_up(
    node: RunningNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.api.transactions.BODY_SECONDS", 0)
    answer = await speak(
        node, b"POST /v1/transactions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"
    )
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"code": "request_timeout"' in answer


async def test_what_stands_behind_a_body_is_no_part_of_it(node: RunningNode) -> None:
    answer = await speak(
        node,
        b"POST /v1/transactions HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
        b"Connection: close\r\n\r\n\xc0\xc0\xc0" + b"\xff" * 1_000,
    )
    assert is_bad_request(answer)
    assert not node.events_named("request_failed")


async def test_a_compressed_body_is_not_unpacked(node: RunningNode) -> None:
    headers = {"Content-Encoding": "gzip"}
    response = await node.post(b"\x1f\x8b" + bytes(100), wait=None, **headers)
    problem = await response.json(content_type=None)
    assert (response.status, problem["code"]) == (400, "malformed")


async def test_a_client_that_does_not_read_its_answer_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.api.app.SEND_SECONDS", 0.2)
    async with running(make_home(tmp_path / "home")) as node:
        assert node.service.context is not None
        node.service.context.genesis = bytes(32 * 1024 * 1024)
        reader, writer = await asyncio.open_connection(*host_of(node), limit=1_024)
        writer.write(b"GET /v1/genesis HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        # Without reading on: what the system has taken so far still comes, then the end.
        await until(lambda: bool(node.events_named("request_rejected")))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(33 * 1024 * 1024)
        writer.close()
        assert not node.events_named("request_failed")
        assert (await node.get("/v1/status")).status == 200


async def test_connections_beyond_the_limit_are_closed_at_once(tmp_path: Path) -> None:
    place = make_home(tmp_path / "home")
    place.configure(api={"connections_max": 2})
    async with running(place) as node:
        held = [await asyncio.open_connection(*host_of(node)) for _ in range(2)]
        for _reader, writer in held:
            writer.write(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
        for reader, _writer in held:
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        reader, writer = await asyncio.open_connection(*host_of(node))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            assert await reader.readexactly(1)
        writer.close()
        for _reader, other in held:
            other.close()
            await other.wait_closed()
        async with asyncio.timeout(20):
            while not await answers(node):
                continue


async def test_an_unforeseen_error_is_one_line_in_the_log_and_an_answer_without_details(
    node: RunningNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_context: object) -> NoReturn:
        raise ZeroDivisionError("a secret place")

    monkeypatch.setattr("node.api.blocks.status_body", broken)
    response = await node.get("/v1/status")
    problem = await response.json(content_type=None)
    assert (response.status, problem["code"]) == (500, "internal")
    assert "secret" not in json.dumps(problem)
    failed = node.events_named("request_failed")
    assert len(failed) == 1
    assert "a secret place" in failed[0]["error"]
    node.events.clear()


# ---- TLS


async def test_with_a_certificate_the_api_speaks_tls(tmp_path: Path) -> None:
    place = make_home(tmp_path / "home")
    context = write_certificate(place.home.path)
    place.configure(api={"tls_certificate": "api.pem", "tls_key": "api.key"})
    async with running(place) as node:
        assert node.service.api_address.startswith("https://")
        async with node.http.get("/v1/status", ssl=context) as response:
            assert response.status == 200
        with pytest.raises(aiohttp.ClientError):
            await node.http.get("/v1/status")
        plain = node.service.api_address.replace("https", "http")
        with pytest.raises(aiohttp.ClientError):
            await node.http.get(f"{plain}/v1/status")
        async with node.http.get("/v1/status", ssl=context) as response:
            assert response.status == 200


def write_certificate(path: Path) -> ssl.SSLContext:
    """Write a certificate for loopback and return what a client needs to trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "node")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (path / "api.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (path / "api.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return ssl.create_default_context(cafile=str(path / "api.pem"))


# ---- problems


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (MempoolFullError("bytes", found=9, limit=9), 429, "busy"),
        (BusyError("too much", retry_ms=2_500), 429, "busy"),
        (Problem(418, "teapot", "short"), 418, "teapot"),
        (ConnectionResetError(), 400, "bad_request"),
    ],
)
async def test_expected_errors_have_their_problem(error: Exception, status: int, code: str) -> None:
    problem = problem_of(error)
    assert problem is not None
    assert (problem.status, problem.code) == (status, code)
    body = json.loads(problem.response().body)  # type: ignore[arg-type]
    assert body["status"] == status


async def test_busy_says_when_to_come_back() -> None:
    problem = problem_of(BusyError("too much", retry_ms=2_500))
    assert problem is not None
    assert problem.response().headers["Retry-After"] == "3"
    assert "try again in 3 s" in problem.detail


async def test_an_error_of_our_own_has_no_problem() -> None:
    assert problem_of(ZeroDivisionError()) is None

"""Nodes that answer anything: always a finding, never a traceback, never without bound."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import aiohttp
import pytest
from aiohttp import web

from client.cli.exit_codes import ExitCode
from client.errors import UsageError
from client.verify import http_source
from client.verify.findings import FindingCode
from client.verify.framing import join_rows
from client.verify.http_source import HttpSource, open_node
from client.verify.report import AuditReport, make_report
from client.verify.run import conduct
from client.verify.source import AnswerUnusable, SourceError, SourceSilent
from client.verify.verdict import AuditVerdict
from ledger.wire.scalars import Height
from tests.client.verify.auditing import expect, expect_tampered, expect_verified, pinned
from tests.client.verify.lying_node import BLOCKS_TYPE, Lie, LyingNode, body, status
from tests.support.history import make_history

QUICK = aiohttp.ClientTimeout(total=5)
PATIENT_RETRY_S = 0.0


async def audit_nodes(nodes: Iterable[LyingNode], **options: float) -> AuditReport:
    """Serve all nodes on loopback and audit them over HTTP."""
    async with asyncio.timeout(60):
        stack = [node.serving() for node in nodes]
        addresses = [await context.__aenter__() for context in stack]
        sources = [source_at(address, **options) for address in addresses]
        try:
            return make_report(await conduct(sources, pinned(make_history())))
        finally:
            for source in sources:
                await source.close()
            for context in stack:
                await context.__aexit__(None, None, None)


def source_at(address: str, *, total_s: float = 5) -> HttpSource:
    return HttpSource(
        address, timeout=aiohttp.ClientTimeout(total=total_s), retry_after_max_s=PATIENT_RETRY_S
    )


async def test_honest_nodes_are_verified_over_http() -> None:
    history = make_history()
    report = await audit_nodes([LyingNode(history, "a"), LyingNode(history, "b")])
    expect_verified(report)
    assert [account.claim.node for account in report.outcome.accounts if account.claim] == [
        "a",
        "b",
    ]


def moved(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("http://127.0.0.1:1/")


async def redirect(request: web.Request) -> web.StreamResponse:
    return moved(request)


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": BLOCKS_TYPE})
    await response.prepare(request)
    try:
        while True:
            await response.write(bytes(1024 * 1024))
    except ConnectionError:
        return response


async def less_than_announced(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": BLOCKS_TYPE, "Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"\x92")
    assert request.transport is not None
    request.transport.close()
    return response


async def more_than_asked(request: web.Request) -> web.StreamResponse:
    limit = int(request.query["limit"])
    return web.Response(body=join_rows([(b"x", b"")] * (limit + 1)), content_type=BLOCKS_TYPE)


UNUSABLE: dict[str, Lie] = {
    "wrong content type": body(b"", "text/html"),
    "not found": body(b"", "text/plain", 404),
    "a page": body(b"<html>", "text/html"),
    "compressed": body(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}),
    "redirect": redirect,
    "endless": endless,
    "not an array": body(b"\xc0"),
    "a map": body(b"\x80"),
    "array of three": body(b"\x93\xc4\x00\xc4\x00\xc4\x00"),
    "a text": body(b"\x92\xa1a\xa1b"),
    "announced gigabytes": body(b"\x92\xc6\xff\xff\xff\xff"),
    "announced array of gigabytes": body(b"\xdd\xff\xff\xff\xff"),
    "cut inside a length": body(b"\x92\xc6\x00"),
    "cut after the block": body(b"\x92\xc4\x01a"),
    "long spelling of a length": body(b"\x92\xc6\x00\x00\x00\x01a\xc4\x00"),
    "more rows than asked": more_than_asked,
}
SILENT: dict[str, Lie] = {
    "internal error": body(b"", "application/problem+json", 500),
    "busy": body(b"", "application/problem+json", 429, headers={"Retry-After": "99999999"}),
    "never ready": body(b"", "application/problem+json", 503, headers={"Retry-After": "-1"}),
    "hangs up": hang_up,
    "less than announced": less_than_announced,
}


@pytest.mark.parametrize("lie", UNUSABLE.values(), ids=UNUSABLE)
async def test_an_unusable_answer_is_a_finding_and_the_others_are_audited(lie: Lie) -> None:
    history = make_history()
    report = await audit_nodes(
        [LyingNode(history, "a"), LyingNode(history, "b", blocks=lie), LyingNode(history, "c")]
    )
    (finding,) = expect(
        report, AuditVerdict.INCOMPLETE, ExitCode.INCOMPLETE, FindingCode.ANSWER_UNUSABLE
    )
    assert finding.node == report.outcome.accounts[1].name
    assert report.outcome.audit is not None
    assert report.outcome.audit.height == history.tip


@pytest.mark.parametrize("lie", SILENT.values(), ids=SILENT)
async def test_a_silent_node_is_a_finding_and_the_others_are_audited(lie: Lie) -> None:
    history = make_history()
    report = await audit_nodes(
        [LyingNode(history, "a"), LyingNode(history, "b", blocks=lie), LyingNode(history, "c")]
    )
    expect(report, AuditVerdict.INCOMPLETE, ExitCode.INCOMPLETE, FindingCode.UNREACHABLE)


async def test_a_node_that_never_answers_is_given_up() -> None:
    released = asyncio.Event()

    async def wait(_request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    history = make_history()
    node = LyingNode(history, blocks=wait)
    async with node.serving() as address:
        source = source_at(address, total_s=0.05)
        with pytest.raises(SourceSilent, match="did not answer in time"):
            await source.blocks(Height(0), 1)
        released.set()
        await source.close()


async def test_a_busy_node_is_asked_again() -> None:
    history = make_history()
    answers = [429, 503]

    async def busy_at_first(request: web.Request) -> web.StreamResponse:
        if answers:
            return web.Response(status=answers.pop(), headers={"Retry-After": "0"})
        return node.blocks(request)

    node = LyingNode(history, blocks=busy_at_first)
    async with node.serving() as address:
        source = source_at(address)
        assert await source.blocks(Height(0), 2) == list(history.rows[:2])
        await source.close()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"height": "10"}',
        b'{"height": true}',
        b'{"height": 1.5}',
        b'{"height": null}',
        b'{"height": -1}',
        b'{"height": 1000000000000000000000000000000}',
        b'{"height": ' + b"9" * 100_000 + b"}",
        b'{"height": 1, "node": 5}',
        b'{"height": 1, "node": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
async def test_a_status_that_is_none_is_unusable(data: bytes) -> None:
    node = LyingNode(make_history(), status=body(data, "application/json"))
    async with node.serving() as address:
        source = source_at(address)
        with pytest.raises(AnswerUnusable):
            await source.tip()
        await source.close()


async def test_a_node_without_usable_status_is_still_compared() -> None:
    history = make_history()
    report = await audit_nodes(
        [
            LyingNode(history, "a"),
            LyingNode(history, "b", status=status(height=-1)),
            LyingNode(history, "c"),
        ]
    )
    expect(report, AuditVerdict.INCOMPLETE, ExitCode.INCOMPLETE, FindingCode.ANSWER_UNUSABLE)
    assert [account.checked_to for account in report.outcome.accounts] == [history.tip] * 3


async def test_a_claim_of_a_quintillion_blocks_is_not_kept() -> None:
    history = make_history()
    liar = LyingNode(history, "b", status=status(height=10**18, node="b"))
    report = await audit_nodes([LyingNode(history, "a"), liar])
    expect(report, AuditVerdict.TRUNCATED, ExitCode.TRUNCATED, FindingCode.CLAIM_NOT_KEPT)
    assert len([path for path in liar.requests if "blocks" in path]) <= 4


async def test_endless_rubbish_above_the_tip_ends() -> None:
    history = make_history()

    async def rubbish(request: web.Request) -> web.StreamResponse:
        first, limit = int(request.query["from"]), int(request.query["limit"])
        rows = [
            history.rows[at] if at <= history.tip else (b"\xc1", b"")
            for at in range(first, first + limit)
        ]
        return web.Response(body=join_rows(rows), content_type=BLOCKS_TYPE)

    liar = LyingNode(history, "b", blocks=rubbish, status=status(height=10**18, node="b"))
    report = await audit_nodes([LyingNode(history, "a"), liar, LyingNode(history, "c")])
    (finding,) = expect_tampered(report, FindingCode.NOT_CANONICAL)
    assert finding.height == history.tip + 1
    assert report.outcome.audit is not None
    assert report.outcome.audit.height == history.tip


async def test_a_node_that_repeats_its_first_rows_is_in_the_wrong_place() -> None:
    history = make_history()

    async def repeat(request: web.Request) -> web.StreamResponse:
        limit = int(request.query["limit"])
        return web.Response(
            body=join_rows(list(history.rows[:2])[:limit]), content_type=BLOCKS_TYPE
        )

    report = await audit_nodes(
        [LyingNode(history, "a"), LyingNode(history, "b", blocks=repeat), LyingNode(history, "c")]
    )
    (finding, *_others) = expect_tampered(
        report, *([FindingCode.WRONG_PLACE] * len(report.findings))
    )
    assert finding.height == 2


async def test_a_genesis_that_is_no_document_is_told() -> None:
    history = make_history()
    report = await audit_nodes(
        [
            LyingNode(history, "a"),
            LyingNode(history, "b", genesis=body(b"{" * 50_000, "application/json")),
            LyingNode(history, "c"),
        ]
    )
    expect_tampered(report, FindingCode.GENESIS_DIFFERS)


async def test_all_nodes_unreachable_is_exit_code_8() -> None:
    sources = [source_at("http://127.0.0.1:1"), source_at("http://127.0.0.1:2")]
    report = make_report(await conduct(sources, pinned(make_history())))
    for source in sources:
        await source.close()
    assert report.exit_code is ExitCode.UNREACHABLE
    assert report.verdict is AuditVerdict.INCOMPLETE


async def test_one_unreachable_node_leaves_the_audit_incomplete() -> None:
    history = make_history()
    async with (
        LyingNode(history, "a").serving() as first,
        LyingNode(history, "b").serving() as second,
    ):
        sources = [source_at(address) for address in (first, second, "http://127.0.0.1:1")]
        report = make_report(await conduct(sources, pinned(history)))
        for source in sources:
            await source.close()
    expect(report, AuditVerdict.INCOMPLETE, ExitCode.INCOMPLETE, FindingCode.UNREACHABLE)


async def test_control_characters_of_a_node_do_not_reach_a_terminal() -> None:
    node = LyingNode(make_history(), status=status(height=1, node="\x1b]0;owned\x07\u202e"))
    async with node.serving() as address:
        source = source_at(address)
        claim = await source.tip()
        await source.close()
    assert claim.node.isprintable()


@pytest.mark.parametrize(
    "address",
    ["http://", "http://:80", "http://a:99999", "http://a:0", "http://u:p@a", "http://a?x=1"],
)
def test_an_address_of_no_node_is_a_usage_error(address: str) -> None:
    with pytest.raises(UsageError, match="not the address of a node"):
        open_node(address)


async def test_a_host_that_cannot_be_is_a_silent_source() -> None:
    for address in ("http://" + "a" * 300, "http://a..b", "http://\udcff"):
        source = HttpSource(address, timeout=QUICK, retry_after_max_s=PATIENT_RETRY_S)
        with pytest.raises(SourceError):
            await source.tip()
        await source.close()


def test_retry_after_is_bounded_whatever_it_says() -> None:
    for text in ("", "x", "-1", "1e9", "9" * 50, "٣", "Wed, 21 Oct 2015 07:28:00 GMT"):
        assert 0 <= http_source._seconds(text) <= 99_999


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.monazite.blocks\r\n"
RAW: dict[str, bytes] = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "zeros": bytes(10_000),
    "chunk of no number": OK + b"Transfer-Encoding: chunked\r\n\r\nZZZ\r\n",
    "chunk of gigabytes": OK + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nx",
    "chunk of negative length": OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
    "negative length": OK + b"Content-Length: -5\r\n\r\n",
    "length of no number": OK + b"Content-Length: many\r\n\r\n",
    "two lengths": OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "length and chunks": OK
    + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\xff",
    "a header of a megabyte": OK + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "a header of no text": OK + b"X: \xff\xfe\x00\r\n\r\n",
    "a status of no number": b"HTTP/1.1 OK fine\r\n\r\n",
    "a status out of range": b"HTTP/1.1 99999 OK\r\n\r\n",
    "informational for ever": b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000,
    "a type of no type": b"HTTP/1.1 200 OK\r\nContent-Type: \xff/;;=\r\nContent-Length: 0\r\n\r\n",
    "cookies": OK + b"Set-Cookie: \xff=;;;\r\nContent-Length: 1\r\n\r\n\xc1",
}


@pytest.mark.parametrize("data", RAW.values(), ids=RAW)
async def test_whatever_a_port_says_is_a_source_error(data: bytes) -> None:
    async def say(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        source = source_at(f"http://127.0.0.1:{port}")
        with pytest.raises(SourceError):
            await source.blocks(Height(0), 1)
        await source.close()

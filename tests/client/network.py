"""A network of nodes for tests of the client: real records, rules, certificates and receipts over HTTP.

``Ledger`` is a world whose blocks are certified by the founders' consensus keys; ``ledger.node()`` starts an
HTTP server on loopback that answers by the contract of the API, several of them over one ledger. A test
makes a node misbehave with ``node.answer_next(...)``: functions that see a request and either answer it
themselves or return None to let the node answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, cast

from aiohttp import web
from aiohttp.test_utils import TestServer

from client.keystore import SigningKey
from client.session import Client
from client.timing import Patience, Timing
from ledger.genesis import Genesis
from ledger.parsed import ParsedTransaction, parse_transaction
from ledger.receipts import ReceiptMaker
from ledger.refusal import RefusalCode, Refused
from ledger.store import proof_key
from ledger.vocabulary import Role
from ledger.wire.block import Header, Point
from ledger.wire.certificate import BlockProof, Certificate, CertificateKind, point_body
from ledger.wire.codec import encode
from ledger.wire.receipt import Receipt
from ledger.wire.scalars import TxId, View
from ledger.wire.signing import SigningDomain
from node.api import blocks, queries
from node.api.context import CONTEXT, NodeContext
from node.api.problems import problem_of
from tests.support.founding import FOUNDERS, MINISTRY, NETWORK, genesis_bytes, open_test_genesis
from tests.support.keys import key_of, sign_of
from tests.support.trading import MINE, trading_world
from tests.support.world import World

Interceptor = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
RECEIPT_TYPE = "application/vnd.monazite.receipt"


def certificate_of(header: Header, *, signers: int = 3) -> Certificate:
    """Return a finalization of ``header`` by the first ``signers`` founders."""
    genesis = _genesis()
    point = Point(
        epoch=header.epoch,
        view=header.view,
        parent_view=View(max(0, header.view - 1)),
        height=header.height,
        block_id=header.block_id,
    )
    body = point_body(header.chain_id, genesis.validators, point)
    return Certificate(
        kind=CertificateKind.FINALIZATION,
        epoch=header.epoch,
        view=header.view,
        point=point,
        signers=(1 << signers) - 1,
        signatures=tuple(
            sign_of(member, Role.CONSENSUS)(SigningDomain.FINALIZE, body)
            for member in FOUNDERS[:signers]
        ),
    )


@lru_cache(maxsize=1)
def _genesis() -> Genesis:
    return open_test_genesis()


class _Tip:
    """What the handlers of questions want to know of a chain."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def tip(self) -> Header:
        return self._world.state.header


class Ledger:
    """A world, its certificates, and what waits because a test holds it back."""

    def __init__(self, world: World | None = None) -> None:
        self.world = trading_world() if world is None else world
        self.receipts = ReceiptMaker(self.world.store)
        self.is_held = False
        """Admitted transactions wait until ``release``."""
        self.pending: dict[TxId, ParsedTransaction] = {}
        self.refused: dict[TxId, Refused] = {}
        self.submissions: list[bytes] = []
        """Everything that reached a node, in order."""
        self._nodes: list[Node] = []

    def admit(self, data: bytes) -> ParsedTransaction:
        """Take a transaction as a node does, and make a block of it unless it is held back."""
        parsed = parse_transaction(data)
        parsed.verify_signatures()
        if self.world.state.place_of(parsed.tx_id) is not None or parsed.tx_id in self.pending:
            return parsed
        trial = self.world.build(parsed)
        if trial.left_out:
            raise trial.left_out[0][1]
        if self.is_held:
            self.pending[parsed.tx_id] = parsed
        else:
            self.commit(parsed)
        return parsed

    def commit(self, *transactions: ParsedTransaction) -> None:
        """Make a certified block."""
        built = self.world.commit(*transactions)
        header = built.block.header
        certificate = certificate_of(header)
        point = certificate.point
        assert point is not None
        proof = BlockProof(point=point, finalization=certificate, justification=())
        self.world.store.write({proof_key(header.height): encode(proof)})

    def release(self) -> None:
        """Let everything that waits become final."""
        self.is_held = False
        waiting, self.pending = tuple(self.pending.values()), {}
        self.commit(*waiting)

    def receipt(self, tx_id: TxId) -> Receipt:
        """Return the receipt of a transaction that is final."""
        return self.receipts.receipt(tx_id)

    async def node(self) -> Node:
        """Start a node on loopback."""
        node = Node(self)
        await node.server.start_server()
        self._nodes.append(node)
        return node

    async def close(self) -> None:
        """Stop all nodes."""
        for node in self._nodes:
            await node.server.close()

    @property
    def genesis(self) -> bytes:
        """The genesis document."""
        return genesis_bytes()


class Node:
    """One HTTP server over a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.requests: list[str] = []
        """Method and path of every request, in order."""
        self.height_shown: int | None = None
        """The tip that the node pretends to have; None for the real one."""
        self.peers_connected = len(FOUNDERS)
        """How many founders the node says that it is connected to."""
        self._interceptors: list[Interceptor] = []
        self._always: Interceptor | None = None
        application = web.Application(middlewares=[self._middleware])
        application[CONTEXT] = self._context()
        application.router.add_post("/v1/transactions", self._submit)
        application.router.add_get("/v1/transactions/{tx_id}", self._show)
        application.router.add_get("/v1/transactions/{tx_id}/receipt", self._receipt)
        application.router.add_get("/v1/status", self._status)
        for path, handler in (
            ("/v1/genesis", blocks.genesis),
            ("/v1/blocks/{height}", blocks.show_block),
            ("/v1/members", queries.list_members),
            ("/v1/members/{member}", queries.show_member),
            ("/v1/members/{member}/offers", queries.list_offers),
            ("/v1/products/{code}", queries.show_product),
            ("/v1/quotas/{year}/{bucket}/{member}", queries.show_quota),
            ("/v1/lots/by-code/{creator}/{code:.+}", queries.show_lot_by_code),
            ("/v1/lots/{lot_id}", queries.show_lot),
            ("/v1/lots/{lot_id}/trace", queries.trace),
        ):
            application.router.add_get(path, handler)
        self.server = TestServer(application)

    @property
    def address(self) -> str:
        """The node's address."""
        return str(self.server.make_url("")).rstrip("/")

    def answer_next(self, *interceptors: Interceptor) -> None:
        """Let these answer the next requests, one each; afterwards the node is itself again."""
        self._interceptors.extend(interceptors)

    def answer_always(self, interceptor: Interceptor | None) -> None:
        """Let this see every request first; None for an honest node."""
        self._always = interceptor

    def posts(self) -> int:
        """Return how many transactions were posted here."""
        return self.requests.count("POST /v1/transactions")

    def _context(self) -> NodeContext:
        world = self.ledger.world
        driver = SimpleNamespace(replica=SimpleNamespace(chain=_Tip(world)))
        return NodeContext(
            driver=cast("Any", driver),
            store=world.store,
            receipts=self.ledger.receipts,
            genesis=genesis_bytes(),
            chain_id=world.chain_id,
            network=NETWORK,
            node="node-test",
            member=MINISTRY,
            software="test",
            waiting_requests_max=100,
        )

    @web.middleware
    async def _middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        if self._always is not None:
            answer = await self._always(request)
            if answer is not None:
                return answer
        if self._interceptors:
            answer = await self._interceptors.pop(0)(request)
            if answer is not None:
                return answer
        try:
            return await handler(request)
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                raise
            return problem.response()

    async def _submit(self, request: web.Request) -> web.Response:
        data = await request.read()
        self.ledger.submissions.append(data)
        parsed = self.ledger.admit(data)
        if parsed.tx_id in self.ledger.pending:
            return web.json_response(
                {"tx_id": parsed.tx_id.hex(), "state": "pending", "reason": "", "code": ""},
                status=202,
            )
        return receipt_response(self.ledger.receipt(parsed.tx_id))

    async def _show(self, request: web.Request) -> web.Response:
        tx_id = TxId(bytes.fromhex(request.match_info["tx_id"]))
        if tx_id in self.ledger.pending:
            body: dict[str, object] = {
                "tx_id": tx_id.hex(),
                "state": "pending",
                "reason": "it waits.",
                "code": "",
            }
        elif self.ledger.world.state.place_of(tx_id) is not None:
            height, index = self.ledger.world.state.place_of(tx_id) or (0, 0)
            body = {"tx_id": tx_id.hex(), "state": "final", "height": height, "index": index}
        elif tx_id in self.ledger.refused:
            refusal = self.ledger.refused[tx_id]
            body = {
                "tx_id": tx_id.hex(),
                "state": "refused",
                "reason": refusal.sentence,
                "code": refusal.code.value,
            }
        else:
            return problem(404, "not_found", f"transaction {tx_id.hex()} is unknown")
        return web.json_response(body)

    async def _receipt(self, request: web.Request) -> web.Response:
        return receipt_response(
            self.ledger.receipt(TxId(bytes.fromhex(request.match_info["tx_id"])))
        )

    async def _status(self, _request: web.Request) -> web.Response:
        header = self.ledger.world.state.header
        return web.json_response(
            {
                "network": NETWORK,
                "chain_id": header.chain_id.hex(),
                "node": "node-test",
                "member": MINISTRY,
                "software": "test",
                "height": header.height if self.height_shown is None else self.height_shown,
                "time_ms": header.time_ms,
                "block_id": header.block_id.hex(),
                "state_root": header.state_root.hex(),
                "log_root": header.log_root.hex(),
                "validators": [{"name": name, "member": name} for name in FOUNDERS],
                "view": header.view,
                "leader": FOUNDERS[0],
                "mempool": {"transactions": len(self.ledger.pending), "bytes": 0},
                "peers": [
                    {"name": name, "connected": number < self.peers_connected}
                    for number, name in enumerate(FOUNDERS)
                ],
                "evidence": [],
                "halted": "",
            }
        )


def receipt_response(receipt: Receipt) -> web.Response:
    return web.Response(body=encode(receipt), content_type=RECEIPT_TYPE)


def problem(status: int, code: str, detail: str, **members: object) -> web.Response:
    headers = {"Retry-After": str(members.pop("retry_after"))} if "retry_after" in members else {}
    return web.json_response(
        {"type": "about:blank", "title": code, "status": status, "code": code, "detail": detail}
        | members,
        status=status,
        content_type="application/problem+json",
        headers=headers,
    )


def refusing(code: RefusalCode, sentence: str, **members: object) -> Interceptor:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return problem(422, code.value, sentence, **members)

    return answer


def busy(retry_after: int = 1) -> Interceptor:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return problem(429, "busy", "the pool is full", retry_after=retry_after)

    return answer


def not_ready() -> Interceptor:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return problem(503, "not_ready", "this node is catching up")

    return answer


async def hang_up(request: web.Request) -> web.StreamResponse:
    """Close the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def let_pass(_request: web.Request) -> None:
    """Let the node answer."""


class FakeTime:
    """Time that passes only when somebody waits; nobody really does."""

    def __init__(self, wall_ms: int) -> None:
        self.seconds = 1_000.0
        self.start_ms = wall_ms
        self.pauses: list[float] = []

    def timing(self) -> Timing:
        return Timing(self.wall_ms, self.steady, self.pause)

    def wall_ms(self) -> int:
        return self.start_ms + int((self.seconds - 1_000.0) * 1_000)

    def steady(self) -> float:
        return self.seconds

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds


def keys_of(member: str, *roles: Role) -> dict[Role, SigningKey]:
    return {
        role: SigningKey(key_of(member, role), sign_of(member, role))
        for role in roles or (Role.ADMIN, Role.OPERATOR, Role.FILING)
    }


def client_of(
    ledger: Ledger,
    *nodes: Node | str,
    member: str = MINE,
    **settings: Any,  # noqa: ANN401 - those of a client
) -> Client:
    """Return a client that writes as ``member``, on fake time."""
    time = settings.pop("time", None) or FakeTime(ledger.world.time_ms)
    addresses = [node if isinstance(node, str) else node.address for node in nodes]
    return Client(
        addresses,
        genesis=settings.pop("genesis", ledger.genesis),
        member=member,
        keys=settings.pop("keys", None) or keys_of(member),
        timing=time.timing(),
        patience=settings.pop("patience", Patience(total_ms=20_000)),
        **settings,
    )

# ruff: noqa: ARG002 - whoever breaks the rules listens to little
"""Validators that break the rules.

*Twins* are two complete, correct instances with one key, as after a failover gone wrong; the network decides
who talks to which. They do not look for votes of their own key, or they would stop.

A *liar* has a key and no rules: it votes for everything at once, differently to different peers, proposes
two blocks in a view, and answers requests with rubbish.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from consensus.effects import Effect, Send, SetTimer, Timer
from consensus.electorate import Electorate
from consensus.inputs import Instant
from consensus.messages import (
    BlockReply,
    BlockRequest,
    Certificates,
    CertificatesRequest,
    Message,
    Proposal,
    RangeEntry,
    RangeReply,
    RangeRequest,
    Status,
    Vote,
)
from consensus.own import OwnStatements
from consensus.tally import Tally
from ledger.wire.block import Block, Header, Point
from ledger.wire.certificate import DOMAIN_OF_KIND, Certificate, CertificateKind
from ledger.wire.scalars import BlockId, SignatureBytes, TimeMs, View
from ledger.wire.signing import Sign, SigningDomain
from tests.simulation.disk import Disk
from tests.simulation.engine_node import EngineNode, NodeOptions
from tests.simulation.node import LocalWork
from tests.simulation.toy_ledger import CHAIN_ID, EPOCH, Place, genesis, make_block


class CarelessStatements(OwnStatements):
    """Takes foreign votes by the own key for granted."""

    def is_foreign_vote(self, vote: Vote) -> bool:
        return False

    def is_foreign_proposal(self, proposal: Proposal) -> bool:
        return False

    def is_foreign_certificate(self, certificate: Certificate, own: int) -> bool:
        return False


def make_twin(options: NodeOptions, disk: Disk) -> EngineNode:
    node = EngineNode(options, disk)
    state = node.engine._state
    own = state.own
    state.own = CarelessStatements(own.floor, own._votes, own._proposals)
    return node


class Liar:
    def __init__(self, options: NodeOptions, rng: random.Random) -> None:
        if options.own is None or options.sign is None:
            raise AssertionError("a liar needs a key")
        self._rng = rng
        self._own = options.own
        self._sign: Sign = options.sign
        self._electorate = Electorate(CHAIN_ID, EPOCH, options.validators, options.own)
        self._tally = Tally(self._electorate)
        header = genesis(options.validators).header
        self._headers: dict[BlockId, Header] = {header.block_id: header}
        self._points: list[Point] = []
        self._certificates: list[Certificate] = []
        self._blocks: list[Block] = []
        self._view = View(1)

    # ---------- events

    def start(self, now: Instant) -> tuple[Effect, ...]:
        return (SetTimer(Timer.ADVANCE, now.steady_ms + 300),)

    def fire(self, timer: Timer, now: Instant) -> tuple[Effect, ...]:
        effects: list[Effect] = [SetTimer(Timer.ADVANCE, now.steady_ms + 300)]
        effects += self._lie(self._view)
        if self._electorate.leader(self._view) == self._own:
            effects += self._propose_twice(self._view, now)
        return tuple(effects)

    def submit(self, transaction: bytes, now: Instant) -> tuple[Effect, ...]:
        return ()

    def perform(self, work: LocalWork, now: Instant) -> tuple[Effect, ...]:
        return ()

    def receive(self, peer: str, message: Message, now: Instant) -> tuple[Effect, ...]:
        match message:
            case Proposal():
                self._learn(message)
                if self._rng.random() < 0.8:
                    return (*self._lie(message.point.view), *self._maybe_propose(now))
            case Vote():
                self._count(message)
                if self._rng.random() < 0.1:
                    return (*self._lie(message.view), *self._maybe_propose(now))
            case Certificates(certificates=certificates):
                self._keep(certificates)
                return self._maybe_propose(now)
            case BlockRequest() | RangeRequest() | CertificatesRequest():
                return self._answer(peer, message)
            case Status():
                self._view = max(self._view, message.view)
            case _:
                pass
        return ()

    # ---------- learning

    def _learn(self, proposal: Proposal) -> None:
        self._headers[proposal.point.block_id] = proposal.block.header
        self._blocks = [*self._blocks[-20:], proposal.block]
        self._points = [*self._points[-20:], proposal.point]
        self._view = max(self._view, proposal.point.view)
        self._keep(proposal.justification)

    def _count(self, vote: Vote) -> None:
        self._view = max(self._view, min(vote.view, View(self._view + 5)))
        if not self._electorate.is_vote_valid(vote):
            return
        self._tally.add(vote, verified=True)
        certificate, _forged = self._tally.certify(vote.view, vote.kind)
        if certificate is not None:
            self._keep((certificate,))

    def _keep(self, certificates: Iterable[Certificate]) -> None:
        self._certificates = [*self._certificates[-200:], *certificates]
        self._view = max((self._view, *(View(c.view + 1) for c in certificates)))

    # ---------- lying

    def _peers(self) -> list[str]:
        others = [name for i, name in enumerate(self._electorate.names) if i != self._own]
        return [name for name in others if self._rng.random() < 0.6]

    def _lie(self, view: View) -> tuple[Effect, ...]:
        points = [point for point in self._points if point.view == view]
        effects: list[Effect] = []
        for _ in range(self._rng.randint(1, 3)):
            kind = self._rng.choice(list(CertificateKind))
            point = None
            if kind is not CertificateKind.NULLIFICATION:
                if not points:
                    continue
                point = self._rng.choice(points)
                if self._rng.random() < 0.2:
                    point = self._distort(point)
            vote = self._vote(kind, view, point)
            effects += [Send(name, vote) for name in self._peers()]
        if self._certificates and self._rng.random() < 0.2:
            certificate = self._rng.choice(self._certificates)
            lie = self._forge(certificate) if self._rng.random() < 0.5 else certificate
            effects += [Send(name, Certificates((lie,))) for name in self._peers()]
        return tuple(effects)

    def _vote(self, kind: CertificateKind, view: View, point: Point | None) -> Vote:
        body = self._electorate.statement_body(view, point)
        signature = self._sign(DOMAIN_OF_KIND[kind], body)
        if self._rng.random() < 0.1:
            signature = SignatureBytes(bytes(64))
        return Vote(
            kind=kind, epoch=EPOCH, view=view, point=point, voter=self._own, signature=signature
        )

    def _distort(self, point: Point) -> Point:
        return Point(
            epoch=point.epoch,
            view=point.view,
            parent_view=View(max(0, point.parent_view - self._rng.randint(0, 1))),
            height=point.height,
            block_id=BlockId(self._rng.randbytes(32)),
        )

    def _forge(self, certificate: Certificate) -> Certificate:
        return Certificate(
            kind=self._rng.choice(list(CertificateKind)),
            epoch=certificate.epoch,
            view=certificate.view,
            point=certificate.point,
            signers=certificate.signers,
            signatures=certificate.signatures,
        )

    def _maybe_propose(self, now: Instant) -> tuple[Effect, ...]:
        if self._electorate.leader(self._view) != self._own or self._rng.random() < 0.3:
            return ()
        return self._propose_twice(self._view, now)

    def _propose_twice(self, view: View, now: Instant) -> tuple[Effect, ...]:
        """Send one proposal to some and another to the rest, on any decided or invented parent."""
        decided = [c for c in self._certificates if c.point and c.point.block_id in self._headers]
        parent_view, parent = View(0), next(iter(self._headers.values()))
        if decided and self._rng.random() < 0.95:
            near = decided[-6:] if self._rng.random() < 0.7 else decided
            point = self._rng.choice(near).point
            if point is not None:
                parent_view, parent = point.view, self._headers[point.block_id]
        effects: list[Effect] = []
        justification = tuple(
            c
            for c in self._certificates
            if parent_view <= c.view < view and self._rng.random() < 0.95
        )[-33:]
        for number in range(self._rng.randint(1, 2)):
            time_ms = max(now.wall_ms + self._rng.randint(-6_000, 100), parent.time_ms + 1)
            text = b"bad" if self._rng.random() < 0.2 else b"lie"
            payload = (text + b" %d %d" % (view, number),)
            block = make_block(parent, Place(view, TimeMs(time_ms), self._own), payload)
            proposal = self._proposal(block, parent_view, justification)
            effects += [Send(name, proposal) for name in self._peers()]
            self._learn(proposal)
        return tuple(effects)

    def _proposal(
        self, block: Block, parent_view: View, justification: tuple[Certificate, ...]
    ) -> Proposal:
        header = block.header
        point = Point(
            epoch=EPOCH,
            view=header.view,
            parent_view=parent_view,
            height=header.height,
            block_id=header.block_id,
        )
        body = self._electorate.statement_body(point.view, point)
        return Proposal(
            point=point,
            block=block,
            signature=self._sign(SigningDomain.PROPOSE, body),
            justification=justification,
        )

    def _answer(self, peer: str, message: Message) -> tuple[Effect, ...]:
        if not self._blocks:
            return ()
        block = self._rng.choice(self._blocks)
        other = Block(header=block.header, transactions=(b"something else",))
        reply: Message = BlockReply(other if self._rng.random() < 0.5 else block)
        if isinstance(message, RangeRequest):
            proofs = [c for c in self._certificates if c.kind is CertificateKind.FINALIZATION]
            proof = self._rng.choice(proofs) if proofs else None
            reply = RangeReply(
                from_height=message.from_height,
                entries=(RangeEntry(block, proof),),
                links=(),
                anchor=None,
            )
        return (Send(peer, reply),)


def make_liar(options: NodeOptions, seed: int) -> Callable[[Disk], Liar]:
    return lambda _disk: Liar(options, random.Random(seed))  # noqa: S311 - a simulation

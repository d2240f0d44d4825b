"""One engine on a bench: its peers are played by the test, which has all the keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from consensus.config import ConsensusConfig
from consensus.effects import (
    Broadcast,
    Build,
    Effect,
    Execute,
    Halt,
    JournalRecord,
    Persist,
    Send,
    SetTimer,
    Timer,
)
from consensus.electorate import Electorate
from consensus.engine import Engine
from consensus.inputs import FinalizedTip, Instant, genesis_point
from consensus.messages import Certificates, Message, Proposal, Status, Vote, status_body
from consensus.state import State
from ledger.wire.block import Block, Header, Point
from ledger.wire.certificate import DOMAIN_OF_KIND, Certificate, CertificateKind
from ledger.wire.scalars import Height, TimeMs, ValidatorIndex, View
from ledger.wire.signing import SigningDomain
from tests.simulation.toy_ledger import (
    CHAIN_ID,
    EPOCH,
    GENESIS_TIME_MS,
    Place,
    genesis,
    make_block,
    payload_matches,
    validator_keys,
    validator_set,
)

NOTARIZE = CertificateKind.NOTARIZATION
NULLIFY = CertificateKind.NULLIFICATION
FINALIZE = CertificateKind.FINALIZATION

E = TypeVar("E")
M = TypeVar("M")


class Chain:
    """Makes what other validators would say."""

    def __init__(self, count: int = 4) -> None:
        self.validators = validator_set(count)
        self.keys = validator_keys(count)
        self.electorate = Electorate(CHAIN_ID, EPOCH, self.validators, None)
        self.genesis = genesis(self.validators).header
        self.origin = genesis_point(self.genesis)
        self.signers = list(range(self.validators.quorum))
        """Who signs certificates unless something else is said."""

    def leader(self, view: int) -> ValidatorIndex:
        return self.electorate.leader(View(view))

    def name(self, index: int) -> str:
        return self.electorate.names[index]

    def block(
        self,
        view: int,
        parent: Header | None = None,
        transactions: tuple[bytes, ...] = (b"tx",),
        time_ms: int | None = None,
    ) -> Block:
        below = parent or self.genesis
        time = TimeMs(below.time_ms + 1_000 if time_ms is None else time_ms)
        return make_block(below, Place(View(view), time, self.leader(view)), transactions)

    def point(self, block: Block, parent_view: int = 0, view: int | None = None) -> Point:
        header = block.header
        return Point(
            epoch=EPOCH,
            view=header.view if view is None else View(view),
            parent_view=View(parent_view),
            height=header.height,
            block_id=header.block_id,
        )

    def vote(self, kind: CertificateKind, view: int, point: Point | None, voter: int) -> Vote:
        body = self.electorate.statement_body(View(view), point)
        return Vote(
            kind=kind,
            epoch=EPOCH,
            view=View(view),
            point=point,
            voter=ValidatorIndex(voter),
            signature=self.keys[voter](DOMAIN_OF_KIND[kind], body),
        )

    def certificate(
        self,
        kind: CertificateKind,
        view: int,
        point: Point | None = None,
        voters: Iterable[int] | None = None,
    ) -> Certificate:
        signers = sorted(self.signers if voters is None else voters)
        votes = [self.vote(kind, view, point, voter) for voter in signers]
        return Certificate(
            kind=kind,
            epoch=EPOCH,
            view=View(view),
            point=point,
            signers=sum(1 << voter for voter in signers),
            signatures=tuple(vote.signature for vote in votes),
        )

    def proposal(
        self,
        block: Block,
        parent_view: int = 0,
        justification: tuple[Certificate, ...] = (),
    ) -> Proposal:
        point = self.point(block, parent_view)
        body = self.electorate.statement_body(point.view, point)
        key = self.keys[self.leader(point.view)]
        return Proposal(
            point=point,
            block=block,
            signature=key(SigningDomain.PROPOSE, body),
            justification=justification,
        )

    def status(
        self, voter: int, view: int, final: Point | None = None, *, signed: bool = True
    ) -> Status:
        tip = final or self.origin
        fields = {
            "epoch": EPOCH,
            "view": View(view),
            "final_view": tip.view,
            "final_height": tip.height,
            "final_block_id": tip.block_id,
            "started_ms": TimeMs(0),
        }
        unsigned = Status(**fields, voter=None, signature=None)  # type: ignore[arg-type]
        if not signed:
            return unsigned
        body = status_body(CHAIN_ID, self.validators, unsigned)
        return Status(
            **fields,  # type: ignore[arg-type]
            voter=ValidatorIndex(voter),
            signature=self.keys[voter](SigningDomain.STATUS, body),
        )


class Rig:
    """An engine, a clock, and everything that the engine has asked for."""

    def __init__(
        self,
        own: int | None = 0,
        *,
        count: int = 4,
        config: ConsensusConfig | None = None,
        journal: Iterable[JournalRecord] = (),
        final: FinalizedTip | None = None,
        start: bool = True,
    ) -> None:
        self.chain = Chain(count)
        self.own = own
        if own is not None:
            self.chain.signers = self.others[: self.chain.validators.quorum]
        self.steady_ms = 1_000
        self.wall_ms = GENESIS_TIME_MS + 1_000
        self.effects: list[Effect] = []
        """Everything so far."""
        self.last: tuple[Effect, ...] = ()
        """The answer to the latest event."""
        self.engine = Engine(
            chain_id=CHAIN_ID,
            epoch=EPOCH,
            validators=self.chain.validators,
            own=None if own is None else ValidatorIndex(own),
            sign=None if own is None else self.chain.keys[own],
            config=config or ConsensusConfig(),
            final=final or FinalizedTip(self.chain.origin, self.chain.genesis, None),
            journal=journal,
            payload_matches=payload_matches,
        )
        if start:
            self.note(self.engine.start(self.now))

    @classmethod
    def following(cls, view: int = 1, **options: object) -> Rig:
        """Return a rig whose validator does not lead ``view`` or the two views after it."""
        leads = [int(Chain().leader(view + turn)) for turn in range(3)]
        own = next(index for index in range(4) if index not in leads)
        return cls(own, **options)  # type: ignore[arg-type]

    @classmethod
    def leading(cls, view: int = 1, **options: object) -> Rig:
        """Return a rig whose validator leads ``view``."""
        return cls(int(Chain().leader(view)), **options)  # type: ignore[arg-type]

    # ---------- events

    @property
    def now(self) -> Instant:
        return Instant(self.steady_ms, TimeMs(self.wall_ms))

    @property
    def state(self) -> State:
        return self.engine._state

    @property
    def others(self) -> list[int]:
        return [i for i in range(len(self.chain.keys)) if i != self.own]

    def note(self, effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
        self.last = effects
        self.effects += effects
        return effects

    def wait(self, milliseconds: int) -> None:
        self.steady_ms += milliseconds
        self.wall_ms += milliseconds

    def hear(self, voter: int | str, message: Message) -> tuple[Effect, ...]:
        peer = voter if isinstance(voter, str) else self.chain.name(voter)
        return self.note(self.engine.on_message(peer, message, self.now))

    def hear_votes(
        self, kind: CertificateKind, view: int, point: Point | None, voters: Iterable[int]
    ) -> None:
        for voter in voters:
            self.hear(voter, self.chain.vote(kind, view, point, voter))

    def hear_certificate(self, certificate: Certificate, voter: int | None = None) -> None:
        self.hear(self.others[0] if voter is None else voter, Certificates((certificate,)))

    def fire(self, timer: Timer) -> tuple[Effect, ...]:
        """Wait until the timer is due and let it fire."""
        at_ms = dict(self.state.timers.all())[timer.value]
        self.wait(max(0, at_ms - self.steady_ms))
        return self.note(self.engine.on_timer(timer, self.now))

    def work(self, *, pending: bool = True) -> tuple[Effect, ...]:
        return self.note(self.engine.on_work(pending, self.now))

    def executed(self, *, valid: bool = True) -> tuple[Effect, ...]:
        """Answer the latest ``Execute``."""
        block_id = self.all(Execute)[-1].block_id
        return self.note(self.engine.on_executed(block_id, valid, "because", self.now))

    def built(self, transactions: tuple[bytes, ...] = (b"tx",)) -> Block:
        """Answer the latest ``Build`` with a block on a parent that is known."""
        request = self.all(Build)[-1]
        parent = self.state.blocks.header_of(request.parent_id)
        assert parent is not None
        assert self.own is not None
        place = Place(request.view, request.time_ms, ValidatorIndex(self.own))
        block = make_block(parent, place, transactions)
        self.note(self.engine.on_built(request, block, self.now))
        return block

    def committed(self, height: int) -> tuple[Effect, ...]:
        return self.note(self.engine.on_committed(Height(height), self.now))

    def finalize(self, block: Block, parent_view: int = 0) -> Point:
        """Let a block be proposed, executed, certified, committed."""
        point = self.chain.point(block, parent_view)
        self.hear(self.chain.leader(point.view), self.chain.proposal(block, parent_view))
        self.hear_certificate(self.chain.certificate(FINALIZE, point.view, point, self.others))
        if self.all(Execute) and self.all(Execute)[-1].block_id == point.block_id:
            self.executed()
        self.committed(point.height)
        return point

    # ---------- what came out

    def all(self, kind: type[E]) -> list[E]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def said(self, kind: type[M]) -> list[M]:
        """Return all messages of a type that were sent or broadcast."""
        messages = [e.message for e in self.effects if isinstance(e, Send | Broadcast)]
        return [message for message in messages if isinstance(message, kind)]

    def sent_to(self, voter: int, kind: type[M]) -> list[M]:
        name = self.chain.name(voter)
        messages = [e.message for e in self.effects if isinstance(e, Send) and e.peer == name]
        return [message for message in messages if isinstance(message, kind)]

    def votes(self, kind: CertificateKind) -> list[Vote]:
        return [vote for vote in self.said(Vote) if vote.kind is kind]

    def records(self) -> tuple[JournalRecord, ...]:
        return tuple(record for persist in self.all(Persist) for record in persist.records)

    def armed(self) -> dict[str, int]:
        """Return the armed timers with the milliseconds that are left."""
        return {name: at - self.steady_ms for name, at in self.state.timers.all()}

    def halts(self) -> list[Halt]:
        return self.all(Halt)

    def forget(self) -> None:
        """Begin a new list of effects."""
        self.effects.clear()

    def restarted(self, **options: object) -> Rig:
        """Return a new rig over this one's journal and store."""
        return Rig(self.own, journal=self.records(), **options)  # type: ignore[arg-type]


__all__ = ["FINALIZE", "NOTARIZE", "NULLIFY", "Chain", "Rig", "SetTimer"]

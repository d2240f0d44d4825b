"""A ledger in memory, without nodes: blocks are made, applied and kept as a node does it, by one process."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.commit import commit_writes, open_committed
from ledger.parsed import ParsedTransaction, parse_transaction
from ledger.store import MemoryStore
from ledger.transition import BlockExecution, BuiltBlock, Slot, build_block
from ledger.vocabulary import Role
from ledger.wire.block import Point
from ledger.wire.certificate import BlockProof, Certificate, CertificateKind, point_body
from ledger.wire.codec import encode
from ledger.wire.scalars import Height, TimeMs, ValidatorIndex, View
from ledger.wire.signing import SigningDomain
from scripts.benchmark.founding import Lane, Participants, Prepared, opening, outputs

_BUDGET_UNITS = 10**9


class BlockIncompleteError(Exception):
    """A transaction that should apply does not."""


class MemoryLedger:
    """The ledger of the benchmark's participants in a dict."""

    def __init__(self, participants: Participants) -> None:
        self.participants = participants
        self.store = MemoryStore()
        self.store.write(participants.genesis.writes())
        self.state = open_committed(self.store)

    def open(self) -> list[Lane]:
        """Commit everything that comes before a measurement, and return the lanes."""
        for wave in opening(self.participants):
            self.commit(wave)
        mining, lanes = outputs(self.participants)
        self.commit(mining)
        return lanes

    def execution(self) -> BlockExecution:
        """Begin a block on the tip."""
        header = self.state.header
        return BlockExecution(self.state, Height(header.height + 1), self._next_time())

    def build(self, transactions: Sequence[ParsedTransaction]) -> BuiltBlock:
        """Make a block of transactions that all apply.

        Raises:
            BlockIncompleteError: One does not apply.
        """
        built = build_block(
            self.state,
            self.slot(),
            time_ms=self._next_time(),
            candidates=transactions,
            budget_units=_BUDGET_UNITS,
        )
        for _transaction, refusal in built.left_out:
            raise BlockIncompleteError(refusal.sentence)
        return built

    def commit(self, prepared: Sequence[Prepared]) -> BuiltBlock:
        """Make a block, certify it as three validators would, and keep it."""
        built = self.build([parse_transaction(one.body) for one in prepared])
        header = built.block.header
        point = Point(
            epoch=header.epoch,
            view=header.view,
            parent_view=View(header.view - 1),
            height=header.height,
            block_id=header.block_id,
        )
        proof = BlockProof(point=point, finalization=self._certificate(point), justification=())
        self.store.write(commit_writes(built.overlay, encode(built.block), encode(proof)))
        self.state.advance(built.overlay)
        return built

    def slot(self) -> Slot:
        """Return the place of the next block's leader."""
        below = self.state.header
        return Slot(
            epoch=below.epoch,
            validators_digest=below.next_validators_digest,
            view=View(below.view + 1),
            proposer=ValidatorIndex(0),
        )

    def _next_time(self) -> TimeMs:
        return TimeMs(max(self.participants.founded_ms, self.state.header.time_ms) + 1)

    def _certificate(self, point: Point) -> Certificate:
        genesis = self.participants.genesis
        body = point_body(genesis.chain_id, genesis.validators, point)
        signing = genesis.validators.validators[: genesis.validators.quorum]
        return Certificate(
            kind=CertificateKind.FINALIZATION,
            epoch=point.epoch,
            view=point.view,
            point=point,
            signers=(1 << len(signing)) - 1,
            signatures=tuple(
                self.participants.key(entry.member, Role.CONSENSUS)[1](SigningDomain.FINALIZE, body)
                for entry in signing
            ),
        )

"""Proposals and ballots of the four founders, and a world whose every block the books read."""

from __future__ import annotations

import msgspec

from ledger.commit import open_committed
from ledger.invariants import Ledgerbook
from ledger.parsed import ParsedTransaction
from ledger.records.ballot import Ballot
from ledger.records.proposal_content import (
    ChangeValidators,
    Content,
    ReplaceAdminKey,
    SetParameter,
)
from ledger.records.propose import Propose
from ledger.records.record import Record
from ledger.state.rows import ParametersRow, ProposalRow, RecordReference, ValidatorRow
from ledger.state.tables import PROPOSALS
from ledger.transition import current_parameters
from ledger.vocabulary import BallotChoice, Role
from ledger.wire.codec import encode
from ledger.wire.scalars import Height, MemberId
from tests.support.founding import FOUNDERS, MINISTRY, NETWORK, validator
from tests.support.keys import new_key
from tests.support.world import Signer, World


class Governed:
    """A world in which the books agree after every block."""

    def __init__(self, world: World | None = None) -> None:
        self.world = World() if world is None else world
        self.book = Ledgerbook(self.world.store)

    def apply(
        self, author: str, *records: Record, signers: tuple[Signer, ...] | None = None
    ) -> ParsedTransaction:
        """Commit a block with one transaction that must apply."""
        transaction = self.world.transaction(author, *records, signers=signers)
        self.commit(transaction)
        return transaction

    def commit(self, *transactions: ParsedTransaction) -> None:
        """Commit a block of transactions that must all apply."""
        built = self.world.commit(*transactions)
        for _left_out, refusal in built.left_out:
            raise refusal
        header = built.block.header
        self.book.observe(header.height, header.time_ms, built.included)
        assert self.book.check(self.world.store) == []

    def propose(self, author: str, content: Content) -> RecordReference:
        """Put a content to the vote."""
        return reference_of(self.apply(author, proposing(content)))

    def vote(self, proposal: RecordReference, *members: str, agrees: bool = True) -> None:
        """Let members vote, each in a block of its own."""
        for member in members:
            self.apply(
                member,
                Ballot(proposal=proposal, choice=BallotChoice.YES if agrees else BallotChoice.NO),
            )

    def decide(self, content: Content) -> RecordReference:
        """Let the ministry and both groups agree to a content."""
        proposal = self.propose(MINISTRY, content)
        self.vote(proposal, *FOUNDERS[2:])
        assert self.proposal(proposal).decided_height == self.world.height
        return proposal

    def proposal(self, proposal: RecordReference) -> ProposalRow:
        """Return a proposal's row."""
        return self.world.expect(PROPOSALS, proposal.tx_id, proposal.index)

    def parameters(self) -> ParametersRow:
        """Return the parameters of the next block."""
        return current_parameters(open_committed(self.world.store))


def reference_of(transaction: ParsedTransaction) -> RecordReference:
    return RecordReference(tx_id=transaction.tx_id, index=0)


def proposing(content: Content) -> Propose:
    return Propose(content=content, reason="as agreed in the council")


def setting(name: str, value: object, from_height: int = 0) -> SetParameter:
    return SetParameter(name=name, value=encode(value), from_height=Height(from_height))


def validators(*members: MemberId) -> tuple[ValidatorRow, ...]:
    return tuple(validator(member) for member in sorted(members))


def changing(*rows: ValidatorRow, from_height: int = 0) -> ChangeValidators:
    return ChangeValidators(validators=rows, from_height=Height(from_height))


def admit_operator(world: World, member: str) -> MemberId:
    """Admit an enterprise with keys for votes and a node."""
    return world.admit(member, roles=(Role.ADMIN, Role.OPERATOR, Role.CONSENSUS, Role.NODE))


def replacing(owner: str, number: int = 1, **changes: object) -> ReplaceAdminKey:
    new = msgspec.structs.replace(new_key(NETWORK, owner, Role.ADMIN, number), **changes)
    return ReplaceAdminKey(owner=MemberId(owner), new=new)

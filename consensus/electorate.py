"""One epoch's voters: who they are, who leads, and whether a signature of theirs holds.

Everything that the engine verifies, it verifies here, always against this one set; an epoch's set is
fixed by the block that began it. Nothing here changes after it was made.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from consensus.leader import leader_of
from consensus.messages import Proposal, Status, Vote, status_body
from ledger.wire.block import Point
from ledger.wire.certificate import (
    DOMAIN_OF_KIND,
    Certificate,
    CertificateKind,
    nullify_body,
    point_body,
    verify_certificate,
)
from ledger.wire.errors import InvalidCertificateError
from ledger.wire.scalars import ChainId, Epoch, ValidatorIndex, View
from ledger.wire.signing import SigningDomain, is_signature_valid
from ledger.wire.validators import ValidatorSet


@dataclass(frozen=True, slots=True)
class Electorate:
    """The validators of one epoch of one chain, seen by one of them or by an observer (None)."""

    chain_id: ChainId
    epoch: Epoch
    validators: ValidatorSet
    own: ValidatorIndex | None
    names: tuple[str, ...] = field(init=False)
    """Names by index; they are the peers' names too."""
    schedule: tuple[ValidatorIndex, ...] = field(init=False)
    """Leaders of the views 0 to n - 1; then it begins anew."""

    def __post_init__(self) -> None:
        count = len(self.validators)
        object.__setattr__(self, "names", tuple(v.name for v in self.validators.validators))
        turns = (leader_of(self.validators, self.epoch, View(view)) for view in range(count))
        object.__setattr__(self, "schedule", tuple(turns))

    @property
    def quorum(self) -> int:
        """``n - f`` (A1)."""
        return self.validators.quorum

    @property
    def fault_limit(self) -> int:
        """``f``."""
        return self.validators.fault_limit

    def leader(self, view: View) -> ValidatorIndex:
        """Return who may propose in ``view``."""
        return self.schedule[view % len(self.schedule)]

    def index_of(self, peer: str) -> ValidatorIndex | None:
        """Return the index of the validator called ``peer``, or None for anybody else."""
        return ValidatorIndex(self.names.index(peer)) if peer in self.names else None

    def statement_body(self, view: View, point: Point | None) -> bytes:
        """Return what a vote for ``point``, or for nullifying ``view`` (None), signs."""
        if point is None:
            return nullify_body(self.chain_id, self.validators, self.epoch, view)
        return point_body(self.chain_id, self.validators, point)

    def is_vote_valid(self, vote: Vote) -> bool:
        """Tell whether the vote is well formed, of this epoch, and signed by its voter."""
        return self.is_vote_shaped(vote) and self.is_vote_signed(vote)

    def is_vote_shaped(self, vote: Vote) -> bool:
        """Tell whether kind, epoch, view, point and voter of a vote fit together."""
        if vote.epoch != self.epoch or vote.voter >= len(self.validators):
            return False
        if vote.kind is CertificateKind.NULLIFICATION:
            return vote.point is None
        point = vote.point
        return point is not None and (point.epoch, point.view) == (vote.epoch, vote.view)

    def is_vote_signed(self, vote: Vote) -> bool:
        """Tell whether the vote's signature is its voter's."""
        return is_signature_valid(
            self.validators.key_of(vote.voter),
            DOMAIN_OF_KIND[vote.kind],
            self.statement_body(vote.view, vote.point),
            vote.signature,
        )

    def is_proposal_signed(self, proposal: Proposal) -> bool:
        """Tell whether the leader of the proposal's view signed its point."""
        return is_signature_valid(
            self.validators.key_of(self.leader(proposal.point.view)),
            SigningDomain.PROPOSE,
            self.statement_body(proposal.point.view, proposal.point),
            proposal.signature,
        )

    def is_status_signed(self, status: Status) -> bool:
        """Tell whether a status with a voter was signed by it."""
        if status.voter is None or status.signature is None or status.voter >= len(self.names):
            return False
        return is_signature_valid(
            self.validators.key_of(status.voter),
            SigningDomain.STATUS,
            status_body(self.chain_id, self.validators, status),
            status.signature,
        )

    def certificate_fault(self, certificate: Certificate) -> str | None:
        """Return what is wrong with a certificate, or None if it proves what it says."""
        try:
            verify_certificate(
                certificate,
                chain_id=self.chain_id,
                epoch=self.epoch,
                validators=self.validators,
            )
        except InvalidCertificateError as error:
            return str(error)
        return None

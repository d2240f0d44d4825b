"""Votes of the views that are not final yet, counted into certificates, compared for contradictions.

One vote is kept per kind, view and voter. Votes arrive over authenticated connections from their own
voters, so a signature is verified only when it is needed: when a quorum is there, when a vote starts
something (A9), or when two votes of one voter contradict each other. A signature that then turns out
bad evicts its vote and is the voter's connection's fault.

Two contradicting votes with good signatures are evidence (``consensus.evidence``). Of two votes of
one kind the first is kept and the second is never counted; votes of different kinds count as ever.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from consensus.electorate import Electorate
from consensus.evidence import Evidence, EvidenceKind, make_evidence, signed
from consensus.messages import Vote
from ledger.wire.block import Point
from ledger.wire.certificate import Certificate, CertificateKind, certificate_signers
from ledger.wire.scalars import ValidatorIndex, View

_NOTARIZE = CertificateKind.NOTARIZATION
_NULLIFY = CertificateKind.NULLIFICATION
_FINALIZE = CertificateKind.FINALIZATION

Slot = tuple[View, CertificateKind]
Votes = dict[ValidatorIndex, "HeldVote"]


@dataclass(slots=True)
class HeldVote:
    """A vote, and whether its signature has been verified."""

    vote: Vote
    verified: bool


@dataclass(slots=True)
class Added:
    """What came of adding a vote."""

    kept: bool = False
    evidence: list[Evidence] = field(default_factory=list)
    forged: list[ValidatorIndex] = field(default_factory=list)
    """Voters whose connection delivered a bad signature."""


class Tally:
    """All votes held; bounded by the callers' window of views."""

    def __init__(self, electorate: Electorate) -> None:
        self._electorate = electorate
        self._slots: dict[Slot, Votes] = {}

    def add(self, vote: Vote, *, verified: bool = False) -> Added:
        """Keep a well-formed vote unless its voter has one in its place.

        Args:
            vote: The vote, delivered by its voter.
            verified: Its signature is known to be good.
        """
        result = Added()
        held = self._held(vote.view, vote.kind, vote.voter)
        candidate = HeldVote(vote, verified)
        if held is not None and held.vote == vote:
            held.verified = held.verified or verified
            return result
        if held is not None and self._confirm(held, result):
            self._compare(held, candidate, result)
            return result
        for other in self._contradicted(vote):
            if not self._confirm(candidate, result):
                return result
            if self._confirm(other, result):
                self._compare(other, candidate, result)
        self._slots.setdefault((vote.view, vote.kind), {})[vote.voter] = candidate
        result.kept = True
        return result

    def absorb(self, certificate: Certificate) -> list[Evidence]:
        """Count a verified certificate's signatures as votes; return what they contradict."""
        evidence: list[Evidence] = []
        signers = certificate_signers(certificate)
        for index, signature in zip(signers, certificate.signatures, strict=True):
            vote = Vote(
                kind=certificate.kind,
                epoch=certificate.epoch,
                view=certificate.view,
                point=certificate.point,
                voter=ValidatorIndex(index),
                signature=signature,
            )
            evidence += self.add(vote, verified=True).evidence
        return evidence

    def certify(
        self, view: View, kind: CertificateKind
    ) -> tuple[Certificate | None, list[ValidatorIndex]]:
        """Return a certificate if a quorum voted for one statement, and the voters of bad signatures.

        Verifies no more signatures than the quorum needs.
        """
        votes = self._slots.get((view, kind), {})
        forged: list[ValidatorIndex] = []
        if len(votes) < self._electorate.quorum:
            return None, forged
        for point in self._statements(votes):
            group = [index for index in sorted(votes) if votes[index].vote.point == point]
            good = self._verified(votes, group, self._electorate.quorum, forged)
            if len(good) >= self._electorate.quorum:
                return self._certificate(votes, good), forged
        return None, forged

    def nullifiers(
        self, view: View, enough: int
    ) -> tuple[list[ValidatorIndex], list[ValidatorIndex]]:
        """Return up to ``enough`` voters whose nullify vote is verified, and those of bad ones."""
        votes = self._slots.get((view, _NULLIFY), {})
        forged: list[ValidatorIndex] = []
        return self._verified(votes, sorted(votes), enough, forged), forged

    def vote_of(self, view: View, kind: CertificateKind, voter: ValidatorIndex) -> Vote | None:
        """Return the vote held from ``voter``, verified or not."""
        held = self._held(view, kind, voter)
        return held.vote if held else None

    def verify(self, view: View, kind: CertificateKind, voter: ValidatorIndex) -> bool:
        """Tell whether a vote of ``voter`` is held and good; a bad one is evicted."""
        held = self._held(view, kind, voter)
        return held is not None and self._confirm(held, Added())

    def seen(self, view: View) -> bool:
        """Tell whether any vote of ``view`` is held."""
        return any(self._slots.get((view, kind)) for kind in CertificateKind)

    def has_nullify(self, view: View) -> bool:
        """Tell whether any nullify vote of ``view`` is held."""
        return bool(self._slots.get((view, _NULLIFY)))

    def is_disputed(self, view: View) -> bool:
        """Tell whether some voted for a block of ``view`` and some for nullifying it, or for two."""
        notarize = self._slots.get((view, _NOTARIZE), {})
        nullify = self._slots.get((view, _NULLIFY), {})
        return bool(notarize and nullify) or len(self._statements(notarize)) > 1

    def prune(self, through: View) -> None:
        """Forget the votes of ``through`` and all views below it."""
        for slot in [slot for slot in self._slots if slot[0] <= through]:
            del self._slots[slot]

    def _held(self, view: View, kind: CertificateKind, voter: ValidatorIndex) -> HeldVote | None:
        return self._slots.get((view, kind), {}).get(voter)

    @staticmethod
    def _statements(votes: Votes) -> list[Point | None]:
        points: list[Point | None] = []
        for index in sorted(votes):
            if votes[index].vote.point not in points:
                points.append(votes[index].vote.point)
        return points

    def _contradicted(self, vote: Vote) -> list[HeldVote]:
        """Return the voter's votes of other kinds in this view that a correct node excludes."""
        others: list[HeldVote] = []
        if vote.kind is _FINALIZE:
            nullify = self._held(vote.view, _NULLIFY, vote.voter)
            notarize = self._held(vote.view, _NOTARIZE, vote.voter)
            if nullify is not None:
                others.append(nullify)
            if notarize is not None and notarize.vote.point != vote.point:
                others.append(notarize)
            return others
        finalize = self._held(vote.view, _FINALIZE, vote.voter)
        if finalize is not None and finalize.vote.point != vote.point:
            others.append(finalize)
        return others

    def _confirm(self, held: HeldVote, result: Added) -> bool:
        """Verify a vote if that was not done; evict and report it if it is bad."""
        if held.verified:
            return True
        held.verified = self._electorate.is_vote_signed(held.vote)
        if not held.verified:
            result.forged.append(held.vote.voter)
            votes = self._slots.get((held.vote.view, held.vote.kind), {})
            if votes.get(held.vote.voter) is held:
                del votes[held.vote.voter]
        return held.verified

    def _compare(self, held: HeldVote, candidate: HeldVote, result: Added) -> None:
        """Add evidence if the two differ in what they say and the second is good too."""
        if held.vote.kind is candidate.vote.kind and held.vote.point == candidate.vote.point:
            return
        if not self._confirm(candidate, result):
            return
        result.evidence.append(_evidence(held.vote, candidate.vote))

    def _verified(
        self,
        votes: Votes,
        group: list[ValidatorIndex],
        enough: int,
        forged: list[ValidatorIndex],
    ) -> list[ValidatorIndex]:
        """Return voters of verified votes in ``group``, verifying only until there are ``enough``."""
        good = [index for index in group if votes[index].verified]
        pending = [index for index in group if not votes[index].verified]
        if len(group) < enough:
            pending = []
        for index in pending:
            if len(good) >= enough:
                break
            result = Added()
            if self._confirm(votes[index], result):
                good.append(index)
            forged += result.forged
        return sorted(good)

    @staticmethod
    def _certificate(votes: Votes, good: list[ValidatorIndex]) -> Certificate:
        vote = votes[good[0]].vote
        return Certificate(
            kind=vote.kind,
            epoch=vote.epoch,
            view=vote.view,
            point=vote.point,
            signers=sum(1 << index for index in good),
            signatures=tuple(votes[index].vote.signature for index in good),
        )


def _evidence(one: Vote, other: Vote) -> Evidence:
    kinds = {one.kind, other.kind}
    first, second = (other, one) if one.kind is _FINALIZE else (one, other)
    if len(kinds) == 1:
        kind = EvidenceKind.TWO_NOTARIZE if one.kind is _NOTARIZE else EvidenceKind.TWO_FINALIZE
    elif _NULLIFY in kinds:
        kind = EvidenceKind.NULLIFY_AND_FINALIZE
    else:
        kind = EvidenceKind.NOTARIZE_AND_FINALIZE
    return make_evidence(
        kind,
        (one.epoch, one.view, one.voter),
        signed(first.point, first.signature),
        signed(second.point, second.signature),
    )

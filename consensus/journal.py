"""The journal: what a validator must remember so that a crash cannot make it contradict itself.

The owner appends records and syncs them as ``Persist`` says; this module knows what they mean. A record
is a type number and a body, which is the canonical encoding of one wire struct:

    1  OWN_PROPOSE     Proposal      the complete proposal, block included, as it was sent
    2  OWN_VOTE        Vote          a vote by the own key, whatever its kind
    3  CERTIFICATE     Certificate   a verified certificate
    4  BLOCK           Block         a block that was voted for, or is notarized
    5  EVIDENCE        Evidence      proof of another validator's fault
    6  SIGNING_STOPPED SigningStop   the own key must never sign again in this epoch (A11)
    7  FLOOR           Floor         own records up to this view were dropped when the journal was cut

Replay chooses by key and not by position: the last record of the file is not always of the newest view.
The floor is what keeps the own key from signing again in views that the cut journal has forgotten when
the store that settled them is gone and has begun anew.
Records of older epochs are left out by their epoch. Two different own votes, or proposals, for one view,
or a pair that a correct node never signs, mean that the file is not this key's one history: that is
fatal, as is a record that cannot be read (a torn tail is cut off by the owner before).

Others' votes are never relied upon after a restart; they are asked for again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated

from msgspec import Meta

from consensus.effects import JournalRecord
from consensus.electorate import Electorate
from consensus.evidence import Evidence
from consensus.messages import Proposal, Vote
from ledger.wire.block import Block
from ledger.wire.certificate import Certificate, CertificateKind
from ledger.wire.codec import WireStruct, decode, encode
from ledger.wire.errors import WireError
from ledger.wire.scalars import BlockId, Epoch, EpochField, View, ViewField


class RecordType(IntEnum):
    """Type numbers of the records."""

    OWN_PROPOSE = 1
    OWN_VOTE = 2
    CERTIFICATE = 3
    BLOCK = 4
    EVIDENCE = 5
    SIGNING_STOPPED = 6
    FLOOR = 7


class SigningStop(WireStruct, frozen=True, array_like=True):
    """The own key was seen to sign elsewhere."""

    epoch: EpochField
    reason: Annotated[str, Meta(max_length=1_024)]


class Floor(WireStruct, frozen=True, array_like=True):
    """The own key signs nothing at or below ``view``: what it signed there is not recorded any more."""

    epoch: EpochField
    view: ViewField


class JournalError(Exception):
    """The journal is not the one, unbroken history of this key; the node must not vote with it."""


@dataclass(slots=True)
class Replayed:
    """What the records of this epoch above the committed view say."""

    proposals: dict[View, Proposal] = field(default_factory=dict)
    votes: dict[tuple[CertificateKind, View], Vote] = field(default_factory=dict)
    certificates: list[Certificate] = field(default_factory=list)
    blocks: dict[BlockId, Block] = field(default_factory=dict)
    evidence: list[Evidence] = field(default_factory=list)
    stopped: str | None = None
    floor: View = field(default=View(0))
    """The own key must not sign at or below this view, whatever the store says."""


def record(kind: RecordType, body: WireStruct) -> JournalRecord:
    """Return one record."""
    return int(kind), encode(body)


def replay(
    records: Iterable[JournalRecord], electorate: Electorate, committed_view: View
) -> Replayed:
    """Read the records back.

    Args:
        records: In the order in which they were appended.
        electorate: The epoch's voters; an observer ignores own records.
        committed_view: Records of this view and those below have done their duty.

    Raises:
        JournalError: The node must not vote with this journal; the message says which record.
    """
    result = Replayed()
    for position, (kind, body) in enumerate(records):
        try:
            _take(result, kind, body, electorate)
        except WireError as error:
            raise JournalError(f"journal record {position}, type {kind}: {error}") from error
        except JournalError as error:
            raise JournalError(f"journal record {position}: {error}") from error
    _check_own_pairs(result)
    result.proposals = {v: p for v, p in result.proposals.items() if v > committed_view}
    result.votes = {key: vote for key, vote in result.votes.items() if key[1] > committed_view}
    result.certificates = [c for c in result.certificates if c.view > committed_view]
    result.blocks = {i: b for i, b in result.blocks.items() if b.header.view > committed_view}
    return result


def _take(result: Replayed, kind: int, body: bytes, electorate: Electorate) -> None:
    match kind:
        case RecordType.OWN_PROPOSE | RecordType.OWN_VOTE:
            _take_own(result, kind, body, electorate)
        case RecordType.CERTIFICATE:
            certificate = decode(Certificate, body)
            if _is_current(certificate.epoch, electorate):
                result.certificates.append(certificate)
        case RecordType.BLOCK:
            block = decode(Block, body)
            if _is_current(block.header.epoch, electorate):
                result.blocks[block.header.block_id] = block
        case RecordType.EVIDENCE:
            evidence = decode(Evidence, body)
            if _is_current(evidence.epoch, electorate):
                result.evidence.append(evidence)
        case _:
            _take_limit(result, kind, body, electorate)


def _take_limit(result: Replayed, kind: int, body: bytes, electorate: Electorate) -> None:
    """Take what keeps the own key from signing: for good, or up to a view."""
    match kind:
        case RecordType.SIGNING_STOPPED:
            stop = decode(SigningStop, body)
            if _is_current(stop.epoch, electorate):
                result.stopped = stop.reason
        case RecordType.FLOOR:
            floor = decode(Floor, body)
            if _is_current(floor.epoch, electorate):
                result.floor = max(result.floor, floor.view)
        case _:
            raise JournalError(f"type {kind} is unknown; another version wrote the journal")


def _take_own(result: Replayed, kind: int, body: bytes, electorate: Electorate) -> None:
    if kind == RecordType.OWN_PROPOSE:
        proposal = decode(Proposal, body)
        if _is_current(proposal.point.epoch, electorate) and electorate.own is not None:
            _take_proposal(result, proposal, electorate)
        return
    vote = decode(Vote, body)
    if _is_current(vote.epoch, electorate) and electorate.own is not None:
        _take_vote(result, vote, electorate)


def _is_current(found: Epoch, electorate: Electorate) -> bool:
    if found > electorate.epoch:
        raise JournalError(f"of epoch {found}, but the store is in epoch {electorate.epoch}")
    return found == electorate.epoch


def _take_proposal(result: Replayed, proposal: Proposal, electorate: Electorate) -> None:
    view = proposal.point.view
    if electorate.leader(view) != electorate.own or not electorate.is_proposal_signed(proposal):
        raise JournalError(f"the proposal of view {view} is not signed by this validator's key")
    known = result.proposals.setdefault(view, proposal)
    if known.point != proposal.point:
        raise JournalError(f"two different own proposals in view {view}")
    result.blocks[proposal.point.block_id] = proposal.block


def _take_vote(result: Replayed, vote: Vote, electorate: Electorate) -> None:
    if vote.voter != electorate.own or not electorate.is_vote_valid(vote):
        raise JournalError(
            f"the {vote.kind.name.lower()} vote of view {vote.view} is not signed by this "
            "validator's key"
        )
    known = result.votes.setdefault((vote.kind, vote.view), vote)
    if known != vote:
        raise JournalError(f"two different own {vote.kind.name.lower()} votes in view {vote.view}")


def _check_own_pairs(result: Replayed) -> None:
    for (kind, view), vote in result.votes.items():
        if kind is not CertificateKind.FINALIZATION:
            continue
        if (CertificateKind.NULLIFICATION, view) in result.votes:
            raise JournalError(f"own nullify and finalize votes in view {view}")
        notarize = result.votes.get((CertificateKind.NOTARIZATION, view))
        if notarize is not None and notarize.point != vote.point:
            raise JournalError(f"own notarize and finalize votes for two blocks in view {view}")

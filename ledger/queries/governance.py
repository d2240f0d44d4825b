"""Proposals, how they stand in words, and what was decided for later heights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger.queries.rows import PAGE_SIZE_MAX, Listing, row_of, scan_page
from ledger.records.proposal_content import (
    ChangeValidators,
    Content,
    SetParameter,
    SwitchRules,
)
from ledger.state.indexes import PROPOSAL_INDEX
from ledger.state.rows import ProposalRow, RecordReference, ScheduledChange
from ledger.state.tables import PROPOSALS, SCHEDULE
from ledger.store import INDEX, Reader
from ledger.vocabulary import ProposalState
from ledger.wire.codec import decode
from ledger.wire.scalars import Height, TimeMs, TxId


@dataclass(frozen=True, slots=True)
class ListedProposal:
    """A proposal with its name."""

    proposal: RecordReference
    height: Height
    """Of the block that holds it."""
    row: ProposalRow


def proposal(reader: Reader, name: RecordReference) -> ProposalRow | None:
    """Return a proposal, or None."""
    return row_of(reader, PROPOSALS, name.tx_id, name.index)


def proposals(
    reader: Reader, *, after: bytes | None = None, limit: int = PAGE_SIZE_MAX
) -> Listing[ListedProposal]:
    """Return one page of all proposals, by height, beginning behind ``after``."""
    page = scan_page(reader, INDEX + PROPOSAL_INDEX, after=after, limit=limit)
    listed: list[ListedProposal] = []
    for rest, _value in page.items:
        name = RecordReference(tx_id=TxId(rest[8:40]), index=int.from_bytes(rest[40:], "big"))
        row = proposal(reader, name)
        if row is not None:
            listed.append(ListedProposal(name, Height(int.from_bytes(rest[:8], "big")), row))
    return Listing(tuple(listed), page.next_after)


def scheduled(reader: Reader) -> tuple[ScheduledChange, ...]:
    """Return decided changes of parameters and rules, by height; also such that hold already."""
    row = row_of(reader, SCHEDULE)
    return () if row is None else row.entries


def content_of(row: ProposalRow) -> Content:
    """Return what is proposed."""
    kind: Any = Content
    content: Content = decode(kind, row.content)
    return content


def wish_of(content: Content) -> str:
    """Return in words what a proposal wants."""
    if isinstance(content, SetParameter):
        return f"set {content.name} from height {content.from_height} on"
    if isinstance(content, SwitchRules):
        return (
            f"switch to version {content.version} of the rules from height {content.from_height} on"
        )
    if isinstance(content, ChangeValidators):
        names = ", ".join(row.name for row in content.validators)
        return f"let these validators vote from height {content.from_height} on: {names}"
    return f"replace the admin keys of {content.owner} by {content.new.key.hex()}"


def standing_of(row: ProposalRow, time_ms: TimeMs) -> str:
    """Return in words how a proposal stands at a time."""
    agree = f"{', '.join(row.yes) or 'nobody'} agreed, {', '.join(row.no) or 'nobody'} did not"
    if row.state == ProposalState.PASSED:
        text = f"decided at height {row.decided_height}: {agree}"
        if isinstance(content_of(row), ChangeValidators):
            text += (
                "; the present validators go on voting, because the change of epoch that puts the "
                "decision into effect is not part of this version"
            )
        return text
    if time_ms >= row.expires_ms:
        return f"lapsed at {row.expires_ms} ms: {agree}"
    return f"open until {row.expires_ms} ms: {agree} so far"

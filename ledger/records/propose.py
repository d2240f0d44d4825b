"""``Propose``: an operator of a validator, or the ministry, puts a decision to the vote.

A parameter, a version of the rules, a set of validators or a new admin key for a member that has lost its
own (``proposal_content``). A proposal names what it wants completely, so that a ballot agrees to just that.
It is open for 30 days; who proposes and runs a validator has thereby given its ballot for it. Suspended
members propose and vote like all others: a suspension touches neither ballots nor validators.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from ledger import civil
from ledger.records.proposal_content import (
    Content,
    ReplaceAdminKey,
    check_content,
    present_validators,
)
from ledger.records.record import Context, Record
from ledger.records.voting import settle
from ledger.refusal import RefusalCode
from ledger.state.indexes import proposal_entry
from ledger.state.rows import ProposalRow
from ledger.state.tables import PROPOSALS
from ledger.vocabulary import ProposalState, Role
from ledger.wire.codec import encode
from ledger.wire.scalars import Height, TimeMs

PROPOSAL_DAYS: Final = 30
"""Days in which a proposal has to find its ballots."""


class Propose(Record, frozen=True, array_like=True, tag=80):
    """Put ``content`` to the vote."""

    content: Content
    reason: Annotated[str, Meta(min_length=1, max_length=800)]


def apply_propose(context: Context, record: Propose) -> None:
    """Apply; refused unless the author may propose, and the content could take effect today."""
    context.require(context.author, Role.OPERATOR)
    validators = present_validators(context).validators
    runs_one = any(row.member == context.author for row in validators)
    if not runs_one and context.author != context.parameters.ministry:
        context.refuse(
            RefusalCode.NOT_AN_OPERATOR,
            f"{context.author} runs none of the {len(validators)} validators; those who do propose and "
            "vote.",
            field="author",
            author=context.author,
        )
    check_content(context, record.content)
    if isinstance(record.content, ReplaceAdminKey):
        context.touch(record.content.owner)
    row = ProposalRow(
        content=encode(record.content),
        proposer=context.author,
        expires_ms=TimeMs(context.time_ms + PROPOSAL_DAYS * civil.DAY_MS),
        state=int(ProposalState.OPEN),
        yes=(context.author,) if runs_one else (),
        no=(),
        decided_height=Height(0),
    )
    context.state.put_index(proposal_entry(context.height, context.reference), b"")
    after = settle(context, row, record.content)
    context.state.put(PROPOSALS, context.tx_id, context.record_index, row=after)

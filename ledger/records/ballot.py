"""``Ballot``: the operator of a validator agrees to a proposal, or does not.

One ballot a member and proposal, for ever. The ballot that completes what a proposal needs also carries it
out (``voting``). After 30 days, at the millisecond, a proposal is over. The ministry has a ballot, too, where
it runs no validator, but only for the admin keys of others, which need its consent; it then weighs nothing.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from ledger.records.proposal_content import Content, ReplaceAdminKey, present_validators
from ledger.records.record import Context, Record
from ledger.records.voting import settle
from ledger.refusal import RefusalCode
from ledger.state.rows import ProposalRow, RecordReference
from ledger.state.tables import PROPOSALS
from ledger.vocabulary import BallotChoice, ProposalState, Role
from ledger.wire.codec import decode


class Ballot(Record, frozen=True, array_like=True, tag=81):
    """Vote on a proposal."""

    proposal: RecordReference
    """The record that made it."""
    choice: BallotChoice


def apply_ballot(context: Context, record: Ballot) -> None:
    """Apply; refused unless an operator votes once, in time, on an open proposal."""
    context.require(context.author, Role.OPERATOR)
    row = _open_proposal(context, record)
    content: Content = decode(cast("Any", Content), row.content)
    _check_voter(context, row, content)
    context.touch(row.proposer)
    parts = (record.proposal.tx_id, record.proposal.index)
    if record.choice is BallotChoice.NO:
        refused = msgspec.structs.replace(row, no=(*row.no, context.author))
        context.state.put(PROPOSALS, *parts, row=refused)
        return
    agreed = msgspec.structs.replace(row, yes=(*row.yes, context.author))
    if isinstance(content, ReplaceAdminKey):
        context.touch(content.owner)
    context.state.put(PROPOSALS, *parts, row=settle(context, agreed, content))


def _open_proposal(context: Context, record: Ballot) -> ProposalRow:
    row = context.state.get(PROPOSALS, record.proposal.tx_id, record.proposal.index)
    if row is None:
        context.refuse(
            RefusalCode.PROPOSAL_UNKNOWN,
            f"record {record.proposal.index} of transaction {record.proposal.tx_id.hex()} proposes "
            "nothing.",
            field="proposal",
            transaction=record.proposal.tx_id.hex(),
        )
    if row.state != ProposalState.OPEN:
        context.refuse(
            RefusalCode.PROPOSAL_CLOSED,
            f"the proposal has passed at height {row.decided_height}.",
            field="proposal",
            height=row.decided_height,
        )
    if context.time_ms >= row.expires_ms:
        context.refuse(
            RefusalCode.PROPOSAL_CLOSED,
            f"the proposal was open until {row.expires_ms} ms, the block's time {context.time_ms} ms is "
            f"{context.time_ms - row.expires_ms} ms after that; propose it again.",
            field="proposal",
            expires_ms=row.expires_ms,
            time_ms=context.time_ms,
        )
    return row


def _check_voter(context: Context, row: ProposalRow, content: Content) -> None:
    validators = present_validators(context).validators
    is_operator = any(validator.member == context.author for validator in validators)
    is_consenting = (
        isinstance(content, ReplaceAdminKey) and context.author == context.parameters.ministry
    )
    if not is_operator and not is_consenting:
        context.refuse(
            RefusalCode.NOT_AN_OPERATOR,
            f"{context.author} runs none of the {len(validators)} validators; those who do vote.",
            field="author",
            author=context.author,
        )
    if context.author in row.yes or context.author in row.no:
        context.refuse(
            RefusalCode.BALLOT_EXISTS,
            f"{context.author} has given its ballot; one for each proposal, and it stands.",
            field="proposal",
            author=context.author,
        )

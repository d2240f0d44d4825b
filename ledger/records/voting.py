"""When a proposal has passed, and what happens then.

Ballots are the operators' of the validators of the running epoch, one a member; its weight is the number of
validators that it runs. A proposal has passed when

* the validators behind it are a quorum: ``n - f`` of ``n``, ``f = (n - 1) // 3``;
* an authority is among the members that agree: a majority of enterprises decides nothing alone;
* so is somebody else than the ministry, where others run validators too: neither does the ministry;
* and, to replace the admin keys of anybody but the ministry, the ministry.

It then takes effect in the record of the ballot that was missing, by rules that hold at that moment; if it
could not take effect any more, that ballot is refused.
"""

from __future__ import annotations

import msgspec

from ledger.records.proposal_content import (
    Content,
    ReplaceAdminKey,
    carry_out,
    present_validators,
)
from ledger.records.record import Context
from ledger.state.rows import ProposalRow
from ledger.state.tables import MEMBERS
from ledger.vocabulary import MemberKind, ProposalState
from ledger.wire.scalars import MemberId


def settle(context: Context, row: ProposalRow, content: Content) -> ProposalRow:
    """Return the proposal after a ballot; carries it out when it has passed."""
    if not has_passed(context, row.yes, content):
        return row
    carry_out(context, content)
    return msgspec.structs.replace(
        row, state=int(ProposalState.PASSED), decided_height=context.height
    )


def has_passed(context: Context, members: tuple[MemberId, ...], content: Content) -> bool:
    """Tell whether the members that agree are enough for ``content``."""
    validators = present_validators(context).validators
    operators = {row.member for row in validators}
    agreeing = [row for row in validators if row.member in members]
    if len(agreeing) < len(validators) - (len(validators) - 1) // 3:
        return False
    voters = {row.member for row in agreeing}
    ministry = context.parameters.ministry
    if not any(_is_authority(context, member) for member in sorted(voters)):
        return False
    if voters == {ministry} and operators != {ministry}:
        return False
    if isinstance(content, ReplaceAdminKey) and content.owner != ministry:
        return ministry in members
    return True


def _is_authority(context: Context, member: MemberId) -> bool:
    row = context.state.get(MEMBERS, member)
    return row is not None and row.kind is MemberKind.AUTHORITY

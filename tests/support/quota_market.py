"""What the ministry and a group do in the market: register and quota, drawn at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.records.advance_quota import AdvanceQuota
from ledger.records.amend_plan import AmendPlan
from ledger.records.cut_quota import CutQuota
from ledger.records.record import Record
from ledger.records.reinstate_member import ReinstateMember
from ledger.records.split_quota import SplitQuota
from ledger.records.suspend_member import SuspendMember
from ledger.records.update_member import UpdateMember
from ledger.vocabulary import Activity, Bucket
from ledger.wire.scalars import Grams, MemberId
from tests.support.founding import MINISTRY
from tests.support.trading import IONIC_PIT, MINE, OTHER_MINE, PIT, TRADER
from tests.support.world import digest_of

if TYPE_CHECKING:
    from tests.support.market import Market

BUCKETS = (Bucket.ROCK_MINING, Bucket.IONIC_MINING)


def draw_quota(market: Market) -> tuple[MemberId, Record]:
    """Draw a record about quota, or about a member's entry in the register."""
    year = market.today // 10_000 - (0 if market.choose(4) else 1)
    bucket, grams = market.one_of(BUCKETS), Grams(market.choose(200_000))
    mines = (MINE, OTHER_MINE)
    kind = market.choose(10)
    if kind < 3:
        holder = market.one_of(mines)
        other = mines[1 - mines.index(holder)]
        return holder, SplitQuota(year=year, bucket=bucket, subsidiary=other, grams=grams)
    if kind < 6:
        target = market.one_of((*mines, TRADER))
        return MINISTRY, CutQuota(year=year, bucket=bucket, target=target, grams=grams, case="C-1")
    if kind == 6:
        return MINISTRY, AdvanceQuota(
            year=year + market.choose(3), bucket=bucket, grantee=market.one_of(mines), grams=grams
        )
    if kind == 7:
        total = Grams(market.choose(20_000_000))
        return MINISTRY, AmendPlan(
            year=year, bucket=bucket, total=total, document=digest_of("plan"), reason="demand"
        )
    if kind == 8:
        case = "C-2"
        if market.choose(2):
            return MINISTRY, ReinstateMember(member=TRADER, reason="in order", case=case)
        return MINISTRY, SuspendMember(member=TRADER, reason="not in order", case=case)
    member, pit = market.one_of(((MINE, PIT), (OTHER_MINE, IONIC_PIT)))
    return MINISTRY, UpdateMember(
        member=member,
        name=f"Mine {market.choose(5)}",
        activities=(Activity.MINING,),
        group="big-group" if market.choose(6) else "",
        province="Jiangxi",
        licences=(f"LIC-{pit}", f"L-{market.choose(3)}"),
        reason="as filed",
        case="C-3",
    )

"""Records about quota, and a group whose holding passes quota on to its mines."""

from __future__ import annotations

from ledger.records.advance_quota import AdvanceQuota
from ledger.records.amend_plan import AmendPlan
from ledger.records.cut_quota import CutQuota
from ledger.records.mine_output import MineOutput
from ledger.records.split_quota import SplitQuota
from ledger.state.rows import QuotaRow
from ledger.state.tables import DEBTS, QUOTAS
from ledger.vocabulary import Activity, Bucket, Element, Role
from ledger.wire.scalars import CivilDate, FacilityId, Grams, MemberId, ProductCode
from tests.support.founding import MINISTRY
from tests.support.world import World, digest_of, mine

ROCK = Bucket.ROCK_MINING
HOLDING = MemberId("holding")
MINE_A = MemberId("mine-a")
MINE_B = MemberId("mine-b")
STRANGER = MemberId("stranger")


def group_world(total: int = 1_000_000, granted: int = 1_000) -> World:
    """Return a group with a holding and two mines, a mine outside it, and a grant to the holding."""
    world = World()
    for member in (HOLDING, MINE_A, MINE_B):
        licences = (f"LIC-pit-{member}",)
        world.admit(member, activities=(Activity.MINING,), group="big-group", licences=licences)
        signers = ((member, Role.OPERATOR), (MINISTRY, Role.OPERATOR))
        world.apply(member, mine(member, f"pit-{member}"), signers=signers)
    world.define_ore()
    world.admit(STRANGER, activities=(Activity.MINING,))
    world.plan(2024, ROCK, total)
    if granted:
        world.grant(2024, ROCK, HOLDING, granted)
    return world


def amending(total: int, *, year: int = 2024, bucket: Bucket = ROCK) -> AmendPlan:
    return AmendPlan(
        year=year,
        bucket=bucket,
        total=Grams(total),
        document=digest_of("amended plan"),
        reason="second half-year",
    )


def advance(grams: int, grantee: str = HOLDING, *, year: int = 2024) -> AdvanceQuota:
    return AdvanceQuota(year=year, bucket=ROCK, grantee=MemberId(grantee), grams=Grams(grams))


def split(grams: int, subsidiary: str = MINE_A, *, year: int = 2024) -> SplitQuota:
    return SplitQuota(year=year, bucket=ROCK, subsidiary=MemberId(subsidiary), grams=Grams(grams))


def cut(grams: int, target: str = HOLDING, *, year: int = 2024) -> CutQuota:
    return CutQuota(
        year=year, bucket=ROCK, target=MemberId(target), grams=Grams(grams), case="C-2024/9"
    )


def account(world: World, member: str = HOLDING, *, year: int = 2024) -> QuotaRow:
    return world.expect(QUOTAS, year, int(ROCK), member)


def debt(world: World, member: str = HOLDING) -> int:
    row = world.row(DEBTS, int(ROCK), member)
    return 0 if row is None else row.grams


def produce(grams: int, member: str, code: str, *, day: int = 2024_01_02) -> MineOutput:
    """Return an output of ``grams`` of oxide, half cerium, in twice as much ore."""
    amounts = ((Element.CE, grams // 2), (Element.ND, grams - grams // 2))
    return MineOutput(
        facility=FacilityId(f"pit-{member}"),
        period_from=CivilDate(day),
        period_to=CivilDate(day),
        product=ProductCode("ORE-MIX"),
        code=code,
        gross=Grams(grams * 2),
        elements=tuple((element, Grams(part)) for element, part in amounts if part),
        assay_digest=digest_of("assay"),
    )

"""What all records about quota accounts have in common: debiting, crediting, owing.

An account belongs to one member, bucket and calendar year. What is ``left`` of it never falls below zero:
where a cut or an excess that did happen goes below, the missing grams become a named ``debt`` of the
member, and the account stands at zero. A debt is owed in its bucket over all years (``DebtRow``): the
account lapses with its year, the debt does not.

While a member owes anything in a bucket it neither produces in that bucket nor passes quota on. A debt
is paid by quota that comes to the member later, of whatever year, before anything else: by grants,
advances and splits. A debt on the account of another year is paid first out of the account of the
block's year, as far as that has something left.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ledger import civil
from ledger.records.record import Context
from ledger.records.succession import present_name
from ledger.refusal import RefusalCode
from ledger.state.rows import DebtRow, QuotaRow
from ledger.state.tables import DEBTS, QUOTAS
from ledger.vocabulary import Bucket
from ledger.wire.scalars import I64_MAX, Grams, MemberId

EMPTY_ACCOUNT: Final = QuotaRow(granted=Grams(0), used=Grams(0), grants=())
_SUMS: Final = (
    "granted", "used", "advanced", "set_off", "split_in", "split_out", "cut", "debt", "debt_paid",
)  # fmt: skip


def account_of(context: Context, year: int, bucket: Bucket, member: MemberId) -> QuotaRow:
    """Return a quota account; an empty one when there is none yet."""
    return context.state.get(QUOTAS, year, int(bucket), member) or EMPTY_ACCOUNT


def owed(context: Context, bucket: Bucket, member: MemberId) -> int:
    """Return what a member owes in a bucket, in grams."""
    row = context.state.get(DEBTS, int(bucket), present_name(context, member))
    return 0 if row is None else row.grams


def refuse_no_grams(context: Context, grams: int, what: str, *, field: str = "grams") -> None:
    """Refuse 0 grams; ``what`` names the thing that is of 0 grams."""
    if grams < 1:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"{what} is of 0 grams, at least 1 gram is needed.",
            field=field,
            found=0,
            least=1,
        )


def check_no_debt(context: Context, bucket: Bucket, member: MemberId, *, field: str) -> None:
    """Refuse while ``member`` owes anything in ``bucket``."""
    debt = owed(context, bucket, member)
    if debt:
        context.refuse(
            RefusalCode.QUOTA_DEBT,
            f"{member} owes {debt:,} g of {bucket.name.lower()} quota; it may neither produce nor pass "
            "quota on before later grants have paid the debt.",
            field=field,
            member=member,
            debt=debt,
        )


def debit(
    context: Context, year: int, bucket: Bucket, member: MemberId, grams: int, *, field: str
) -> None:
    """Count produced grams against an account, or refuse: over what is left, or in debt."""
    check_no_debt(context, bucket, member, field=field)
    account = account_of(context, year, bucket, member)
    if grams > account.left:
        missing = grams - account.left
        context.refuse(
            RefusalCode.QUOTA_EXCEEDED,
            f"{grams:,} g of oxide are {missing:,} g more than the {account.left:,} g left of the "
            f"{bucket.name.lower()} quota of {member} for {year} ({account.granted:,} g "
            f"granted, {account.used:,} g used).",
            field=field,
            asked=grams,
            left=account.left,
            missing=missing,
            granted=account.granted,
            used=account.used,
        )
    used = msgspec.structs.replace(account, used=Grams(account.used + grams))
    write_account(context, year, bucket, member, used, field=field)


def debit_into_debt(
    context: Context, year: int, bucket: Bucket, member: MemberId, grams: int, *, field: str
) -> int:
    """Count produced grams against an account whatever is left, and return the new debt."""
    account = account_of(context, year, bucket, member)
    used = msgspec.structs.replace(account, used=Grams(account.used + grams))
    return write_below_zero(context, year, bucket, member, used, field=field)


def write_account(
    context: Context, year: int, bucket: Bucket, member: MemberId, account: QuotaRow, *, field: str
) -> None:
    """Write an account; refused when one of its sums would no longer fit its field."""
    for name in _SUMS:
        total = getattr(account, name)
        if total > I64_MAX:
            context.refuse(
                RefusalCode.SUM_TOO_LARGE,
                f"all that is {name.replace('_', ' ')} on the account of {member} would be {total} g, "
                f"{total - I64_MAX} g more than an account can hold.",
                field=field,
                total=total,
                most=I64_MAX,
            )
    context.state.put(QUOTAS, year, int(bucket), member, row=account)


def write_credited(
    context: Context, year: int, bucket: Bucket, member: MemberId, account: QuotaRow, *, field: str
) -> None:
    """Write an account to which quota has come; what its member owes is paid first."""
    debt = owed(context, bucket, member)
    paid = min(debt, max(account.left, 0))
    if paid:
        account = msgspec.structs.replace(account, debt_paid=Grams(account.debt_paid + paid))
        context.state.put(DEBTS, int(bucket), member, row=DebtRow(grams=Grams(debt - paid)))
    write_account(context, year, bucket, member, account, field=field)


def write_below_zero(
    context: Context, year: int, bucket: Bucket, member: MemberId, account: QuotaRow, *, field: str
) -> int:
    """Write an account that may be below zero: what is missing becomes debt, which is returned.

    A debt of another year is paid at once, as far as the account of the block's year has something left.
    """
    missing = max(-account.left, 0)
    account = msgspec.structs.replace(account, debt=Grams(account.debt + missing))
    write_account(context, year, bucket, member, account, field=field)
    if not missing:
        return 0
    debt = owed(context, bucket, member) + missing
    if debt > I64_MAX:
        context.refuse(
            RefusalCode.SUM_TOO_LARGE,
            f"{member} would owe {debt} g, {debt - I64_MAX} g more than can be written down.",
            field=field,
            total=debt,
            most=I64_MAX,
        )
    debtor = present_name(context, member)
    context.state.put(DEBTS, int(bucket), debtor, row=DebtRow(grams=Grams(debt)))
    this_year = civil.year_of(context.today)
    present = context.state.get(QUOTAS, this_year, int(bucket), debtor)
    if present is not None and this_year != year:
        write_credited(context, this_year, bucket, debtor, present, field=field)
    return missing

"""Alerts: deterministic findings that do not refuse, in the order in which blocks brought them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.queries.rows import PAGE_SIZE_MAX, Listing, list_rows
from ledger.state.rows import AlertRow
from ledger.state.tables import ALERTS
from ledger.store import Reader
from ledger.wire.scalars import MemberId

_SEARCHED_MAX: Final = 10_000
"""Alerts that one call with a filter looks at, at most."""


@dataclass(frozen=True, slots=True)
class ListedAlert:
    """An alert with its cursor."""

    cursor: bytes
    """Where it stands among all alerts; give it as ``after``."""
    row: AlertRow


def alerts(
    reader: Reader,
    *,
    after: bytes | None = None,
    limit: int = PAGE_SIZE_MAX,
    newest_first: bool = False,
    member: MemberId | None = None,
    code: str | None = None,
) -> Listing[ListedAlert]:
    """Return one page of the alerts, of all members and codes or of one of them.

    A page may be short or empty and still not be the last: with a filter, a call looks at no more than
    10,000 alerts. ``next_after`` says where to go on; None means that this was the end.
    """
    count = min(max(limit, 1), PAGE_SIZE_MAX)
    found: list[ListedAlert] = []
    searched = 0
    while True:
        page = list_rows(reader, ALERTS, after=after, limit=PAGE_SIZE_MAX, reverse=newest_first)
        for cursor, row in page.items:
            if (member is None or row.member == member) and (code is None or row.code == code):
                if len(found) == count:
                    return Listing(tuple(found), found[-1].cursor)
                found.append(ListedAlert(cursor, row))
        searched += len(page.items)
        after = page.next_after
        if after is None or searched >= _SEARCHED_MAX:
            return Listing(tuple(found), after)

"""All record types: the dispatch from a record to its rule.

A record type is one file of this package and one line of ``RULES``: the type, its rule, its work units
(about ten microseconds each, the most that applying it may cost), and whether a suspended author
may still write it. CONTRIBUTING.md says step by step how one is added.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, Union

import msgspec

from ledger.records.record import Context, Record
from ledger.records.suspend_member import SuspendMember, apply_suspend_member
from ledger.wire.codec import decode
from ledger.wire.scalars import RECORD_BYTES_MAX

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Rule(Generic[R]):
    """How one record type is applied."""

    record: type[R]
    apply: Callable[[Context, R], None]
    work_units: int
    while_suspended: bool = False


RULES: Final[tuple[Rule[Any], ...]] = (Rule(SuspendMember, apply_suspend_member, 4),)

_RULE_OF: Final[dict[type[Record], Rule[Any]]] = {rule.record: rule for rule in RULES}
_AnyRecord: Any = Union[tuple(rule.record for rule in RULES)]  # noqa: UP007 - built from the table


def decode_record(data: bytes) -> Record:
    """Decode one record of any type.

    Raises:
        WireError: Unknown type, not canonical, or over a limit.
    """
    record: Record = decode(_AnyRecord, data, limit=RECORD_BYTES_MAX)
    return record


def rule_of(record: Record) -> Rule[Any]:
    """Return the rule of a record's type."""
    return _RULE_OF[type(record)]


def work_units_of(record: Record) -> int:
    """Return the most that applying ``record`` may cost, in work units."""
    return _RULE_OF[type(record)].work_units


def name_of(record: Record) -> str:
    """Return the name of a record's type, as people know it."""
    return type(record).__name__


def fields_of(record: Record) -> dict[str, Any]:
    """Return the fields of a record by name, for display."""
    return msgspec.structs.asdict(record)

"""Parameters and rules version as of a height: what stands in the state, and what was decided for later.

A decision names the first height at which it holds (D11). It is entered into the schedule when it passes and
takes effect in every block from that height on, in none before; nothing has to happen at that height. The
row of the parameters is brought up to date when the next decision is entered.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, get_type_hints

import msgspec

from ledger.state.rows import ParametersRow, ScheduleRow
from ledger.wire.codec import decode

FIXED_PARAMETERS: Final = ("network", "ministry", "utc_offset_minutes")
"""Parameters that never change: names in every proof, and the civil time that months are counted in."""
NO_SCHEDULE: Final = ScheduleRow(rules_version=1, entries=())
RULES: Final = "rules_version"
"""Name under which a switch of the rules stands in the schedule."""
VALUE_BYTES_MAX: Final = 16 * 1024


def parameters_at(row: ParametersRow, schedule: ScheduleRow, height: int) -> ParametersRow:
    """Return the parameters that hold in the block at ``height``."""
    for entry in schedule.entries:
        if entry.height <= height and entry.name != RULES:
            value = decode_parameter(entry.name, entry.value)
            row = msgspec.structs.replace(row, **{entry.name: value})
    return row


def rules_version_at(schedule: ScheduleRow, height: int) -> int:
    """Return the version of the rules that holds in the block at ``height``."""
    version = schedule.rules_version
    for entry in schedule.entries:
        if entry.height <= height and entry.name == RULES:
            version = int.from_bytes(entry.value, "big")
    return version


def changeable_parameters() -> tuple[str, ...]:
    """Return the names of the parameters that governance may set."""
    return tuple(name for name in ParametersRow.__struct_fields__ if name not in FIXED_PARAMETERS)


def decode_parameter(name: str, data: bytes) -> Any:  # noqa: ANN401 - each parameter has its type
    """Return a parameter's value from its canonical MessagePack spelling.

    Raises:
        WireError: Not the canonical spelling of such a value, or outside its range.
    """
    return decode(_types_of_parameters()[name], data, limit=VALUE_BYTES_MAX)


@lru_cache(maxsize=1)
def _types_of_parameters() -> dict[str, Any]:
    return get_type_hints(ParametersRow, include_extras=True)

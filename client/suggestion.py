"""What somebody may have meant: the nearest of the known names."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any


def suggestion(found: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    """Return " Did you mean …?" when something known is close to what was found."""
    names = [name.lower() for name in known]
    close = difflib.get_close_matches(found.lower(), names, n=1)
    if not close and found:
        close = [name for name in names if name.startswith(found.lower())]
    if not close:
        return ""
    best = next(name for name in known if name.lower() == close[0])
    return f" Did you mean {best}?"

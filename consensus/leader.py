"""Who leads a view: the validators take turns, from a place that the set itself determines.

``leader(view) = (start + view) mod n`` with ``start = (validators_digest as a number + epoch) mod n``.
The digest is already a hash, so nobody chooses its own turn by choosing its name.
"""

from __future__ import annotations

from ledger.wire.scalars import Epoch, ValidatorIndex, View
from ledger.wire.validators import ValidatorSet


def leader_of(validators: ValidatorSet, epoch: Epoch, view: View) -> ValidatorIndex:
    """Return the index of the validator that may propose in ``view`` of ``epoch``."""
    start = int.from_bytes(validators.digest, "big") + epoch
    return ValidatorIndex((start + view) % len(validators))

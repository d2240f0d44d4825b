"""The validator set of an epoch, and quorum arithmetic.

The quorum is ``n - f`` with ``f = (n - 1) // 3``. It is never written ``2f + 1``: that equals ``n - f``
only for ``n = 3f + 1``, and two quorums of that size need not share an honest validator otherwise.
"""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Annotated

from msgspec import Meta

from ledger.wire.codec import WireStruct, encode
from ledger.wire.errors import NotCanonicalError
from ledger.wire.hashing import Domain, digest
from ledger.wire.scalars import (
    VALIDATORS_MAX,
    Digest,
    MemberIdField,
    PublicKey,
    PublicKeyField,
    ValidatorIndex,
)


class Validator(WireStruct, frozen=True, array_like=True):
    """One voter."""

    name: MemberIdField
    """Name of the validator, unique in the set; the set is ordered by it."""
    member: MemberIdField
    """The member that runs it."""
    consensus_key: PublicKeyField
    """Signs votes and nothing else."""


class ValidatorSet(WireStruct, frozen=True, array_like=True):
    """The voters of one epoch, ordered by name; a validator's index is its position."""

    validators: Annotated[tuple[Validator, ...], Meta(min_length=1, max_length=VALIDATORS_MAX)]

    def __len__(self) -> int:
        """Return the number of validators."""
        return len(self.validators)

    @property
    def fault_limit(self) -> int:
        """How many validators may fail in any way: ``f = (n - 1) // 3``."""
        return (len(self.validators) - 1) // 3

    @property
    def quorum(self) -> int:
        """How many signatures make a certificate: ``n - f``."""
        return len(self.validators) - self.fault_limit

    @property
    def digest(self) -> Digest:
        """The digest that headers and votes carry."""
        return _digest_of(self)

    def key_of(self, index: ValidatorIndex) -> PublicKey:
        """Return the consensus key at ``index``."""
        return self.validators[index].consensus_key

    def index_of_key(self, key: PublicKey) -> ValidatorIndex | None:
        """Return the index of the validator that votes with ``key``, or None."""
        for index, validator in enumerate(self.validators):
            if validator.consensus_key == key:
                return ValidatorIndex(index)
        return None


@lru_cache(maxsize=64)
def _digest_of(validators: ValidatorSet) -> Digest:
    return digest(Domain.VALIDATORS, encode(validators))


def check_validator_set(validators: ValidatorSet) -> None:
    """Check order and uniqueness.

    Raises:
        NotCanonicalError: Names are not strictly ascending, or two validators share a key.
    """
    names = [validator.name for validator in validators.validators]
    for before, after in itertools.pairwise(names):
        if before >= after:
            raise NotCanonicalError(
                "validator set", f"names must ascend, {after!r} stands after {before!r}"
            )
    keys = {validator.consensus_key for validator in validators.validators}
    if len(keys) != len(names):
        raise NotCanonicalError("validator set", "two validators share one consensus key")

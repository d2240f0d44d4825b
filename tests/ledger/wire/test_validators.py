"""Validator sets and quorum arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.wire.codec import decode, encode
from ledger.wire.errors import NotCanonicalError
from ledger.wire.scalars import VALIDATORS_MAX, MemberId, PublicKey, ValidatorIndex
from ledger.wire.validators import Validator, ValidatorSet, check_validator_set


def validators(count: int) -> ValidatorSet:
    return ValidatorSet(
        validators=tuple(
            Validator(
                name=MemberId(f"v{number:02}"),
                member=MemberId("m"),
                consensus_key=PublicKey(bytes([number]) * 32),
            )
            for number in range(count)
        )
    )


@given(st.integers(1, VALIDATORS_MAX))
def test_two_quorums_always_share_a_validator_that_is_not_faulty(count: int) -> None:
    voters = validators(count)
    overlap = 2 * voters.quorum - count
    assert overlap > voters.fault_limit
    assert voters.quorum <= count - voters.fault_limit


@pytest.mark.parametrize(
    ("count", "fault_limit", "quorum"),
    [(1, 0, 1), (2, 0, 2), (3, 0, 3), (4, 1, 3), (5, 1, 4), (6, 1, 5), (7, 2, 5), (63, 20, 43)],
)
def test_the_quorum_is_all_less_the_faulty(count: int, fault_limit: int, quorum: int) -> None:
    voters = validators(count)
    assert (len(voters), voters.fault_limit, voters.quorum) == (count, fault_limit, quorum)


def test_a_set_has_at_least_one_and_at_most_63_voters() -> None:
    for count in (1, 63):
        assert decode(ValidatorSet, encode(validators(count))) == validators(count)
    for count in (0, 64):
        with pytest.raises(NotCanonicalError):
            decode(ValidatorSet, encode(validators(count)))


def test_names_ascend_and_keys_differ() -> None:
    four = validators(4)
    check_validator_set(four)
    first, second, third, _fourth = four.validators
    for wrong in ((second, first), (first, first)):
        with pytest.raises(NotCanonicalError, match="ascend"):
            check_validator_set(ValidatorSet(validators=wrong))
    copy = Validator(name=MemberId("x"), member=third.member, consensus_key=first.consensus_key)
    with pytest.raises(NotCanonicalError, match="share one consensus key"):
        check_validator_set(ValidatorSet(validators=(first, copy)))


def test_the_digest_names_order_names_members_and_keys() -> None:
    four = validators(4)
    digests = {four.digest, validators(5).digest}
    digests.add(ValidatorSet(validators=four.validators[::-1]).digest)
    first = four.validators[0]
    for other in (
        Validator(name=MemberId("a"), member=first.member, consensus_key=first.consensus_key),
        Validator(name=first.name, member=MemberId("n"), consensus_key=first.consensus_key),
        Validator(name=first.name, member=first.member, consensus_key=PublicKey(b"\xff" * 32)),
    ):
        digests.add(ValidatorSet(validators=(other, *four.validators[1:])).digest)
    assert len(digests) == 6
    assert validators(4).digest == four.digest


def test_keys_and_indices_lead_to_each_other() -> None:
    four = validators(4)
    for number in range(4):
        key = four.key_of(ValidatorIndex(number))
        assert four.index_of_key(key) == number
    assert four.index_of_key(PublicKey(b"\xff" * 32)) is None

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.composing import (
    author_roles,
    batch,
    combine,
    load_signed,
    prepare,
    save_signed,
    sign,
)
from client.errors import UsageError
from ledger.records.add_key import AddKey
from ledger.records.record import Record
from ledger.records.revoke_key import RevokeKey
from ledger.records.suspend_member import SuspendMember
from ledger.vocabulary import Role
from ledger.wire.codec import encode
from ledger.wire.scalars import ChainId, MemberId, TimeMs
from ledger.wire.transaction import Transaction, decode_signed_transaction
from tests.client.network import keys_of
from tests.support.founding import MINISTRY, NETWORK
from tests.support.keys import new_key
from tests.support.trading import MINE, output


def transaction(*records: Record) -> Transaction:
    return prepare(
        records or (output(),),
        chain_id=ChainId(bytes(32)),
        author=MemberId(MINE),
        valid_until_ms=TimeMs(1),
    )


def suspension(reason: str) -> SuspendMember:
    return SuspendMember(member=MemberId(MINE), reason=reason, case="2024-1")


def test_keys_are_changed_by_the_admin_key_and_all_else_by_the_operator() -> None:
    add = AddKey(owner=MemberId(MINE), new=new_key(NETWORK, MINE, Role.SEALING))
    revoke = RevokeKey(owner=MemberId(MINE), key=add.new.key, reason="lost")
    assert author_roles([add, revoke]) == {Role.ADMIN}
    assert author_roles([output(), revoke]) == {Role.OPERATOR, Role.ADMIN}


def test_the_same_wish_prepared_twice_is_two_transactions() -> None:
    assert transaction().nonce != transaction().nonce


def test_no_record_and_too_many_are_refused() -> None:
    with pytest.raises(UsageError, match="0 records"):
        prepare([], chain_id=ChainId(bytes(32)), author=MemberId(MINE), valid_until_ms=TimeMs(1))
    with pytest.raises(UsageError, match=r"1001 records.*use batch"):
        transaction(*[output()] * 1_001)


def test_a_transaction_that_is_too_large_for_the_wire_is_refused() -> None:
    with pytest.raises(UsageError, match="does not fit"):
        sign(transaction(*[suspension("x" * 1_000)] * 300), [keys_of(MINE)[Role.OPERATOR]])


def test_signing_needs_a_key_and_not_too_many() -> None:
    with pytest.raises(UsageError, match="0 keys"):
        sign(transaction(), [])


def test_signatures_of_two_parties_are_combined_in_any_order() -> None:
    wish = transaction()
    mine = sign(wish, [keys_of(MINE)[Role.OPERATOR]])
    theirs = sign(wish, [keys_of(MINISTRY)[Role.OPERATOR]])
    both = combine(mine, theirs)
    assert both == combine(theirs, mine) == combine(both, mine)
    assert decode_signed_transaction(encode(both)) == both


def test_different_transactions_and_bad_signatures_are_not_combined() -> None:
    key = keys_of(MINE)[Role.OPERATOR]
    with pytest.raises(UsageError, match="different transactions"):
        combine(sign(transaction(), [key]), sign(transaction(), [key]))
    first, second = sign(transaction(), [key]), sign(transaction(), [key])
    swapped = type(first)(transaction=first.transaction, signatures=second.signatures)
    with pytest.raises(UsageError, match="does not verify"):
        combine(swapped)
    with pytest.raises(UsageError, match="nothing to combine"):
        combine()


def test_a_transaction_file_comes_back_and_a_bad_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "wish.tx"
    signed = sign(transaction(), [keys_of(MINE)[Role.OPERATOR]])
    save_signed(path, signed)
    assert load_signed(path) == signed
    path.write_bytes(encode(signed)[:-1])
    with pytest.raises(UsageError, match=r"transaction file .*wish.tx"):
        load_signed(path)
    other = sign(transaction(), [keys_of(MINE)[Role.OPERATOR]])
    path.write_bytes(encode(type(signed)(signed.transaction, other.signatures)))
    with pytest.raises(UsageError, match="does not verify"):
        load_signed(path)
    with pytest.raises(UsageError, match="No such file"):
        load_signed(tmp_path / "nothing")
    with pytest.raises(UsageError, match="No such file"):
        save_signed(tmp_path / "no" / "wish.tx", signed)


@given(
    lengths=st.lists(st.integers(0, 900), max_size=60),
    records_max=st.integers(1, 10),
    bytes_max=st.integers(1, 3_000),
)
def test_batches_keep_order_and_limits_and_lose_nothing(
    lengths: list[int], records_max: int, bytes_max: int
) -> None:
    records = [suspension("x" * length) for length in lengths]
    batches = list(batch(records, records_max=records_max, bytes_max=bytes_max))
    assert [record for records in batches for record in records] == records
    for group in batches:
        size = sum(len(encode(record)) for record in group)
        assert 1 <= len(group) <= records_max
        assert size <= bytes_max or len(group) == 1


def test_a_batch_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at most 0 records"):
        list(batch([output()], records_max=0))


def test_the_largest_batch_fits_into_a_transaction() -> None:
    records = [suspension("x" * 1_000)] * 1_000
    for group in batch(records, records_max=1_000):
        sign(transaction(*group), [keys_of(MINE)[Role.OPERATOR]])

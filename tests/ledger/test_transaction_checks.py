"""The checks around the rules: head, keys, author, signatures, attachments."""

from __future__ import annotations

import msgspec
import pytest

from ledger.parsed import ParsedTransaction, parse_transaction
from ledger.records.add_key import AddKey
from ledger.records.set_plan import SetPlan
from ledger.records.suspend_member import SuspendMember
from ledger.refusal import RefusalCode
from ledger.vocabulary import Bucket, Role
from ledger.wire.codec import encode
from ledger.wire.scalars import VALIDITY_MS_MAX, ChainId, Grams
from ledger.wire.transaction import Transaction, sealed_digest, sign_transaction
from tests.support.founding import MINISTRY, NORTH, SOUTH
from tests.support.keys import key_of, new_key, sign_of
from tests.support.refusals import assert_refused
from tests.support.world import World, digest_of

PLAN = SetPlan(year=2024, bucket=Bucket.ROCK_MINING, total=Grams(1), document=digest_of("notice"))
ADMIN = ((MINISTRY, Role.ADMIN),)


def resigned(transaction: ParsedTransaction, **fields: object) -> ParsedTransaction:
    """Return the transaction with other fields, signed by the ministry's operator."""
    changed: Transaction = msgspec.structs.replace(transaction.signed.transaction, **fields)
    signing = {key_of(MINISTRY, Role.OPERATOR): sign_of(MINISTRY, Role.OPERATOR)}
    return parse_transaction(encode(sign_transaction(changed, signing)))


# --- head


def test_a_transaction_of_another_chain_is_refused() -> None:
    world = World()
    other = resigned(world.transaction(MINISTRY, PLAN), chain_id=ChainId(bytes(32)))
    assert_refused(world.refusal_of(other), RefusalCode.WRONG_CHAIN, field="chain_id")


def test_a_transaction_of_another_version_is_refused() -> None:
    world = World()
    other = resigned(world.transaction(MINISTRY, PLAN), version=2)
    assert_refused(
        world.refusal_of(other), RefusalCode.UNSUPPORTED_VERSION, field="version", found=2
    )


def test_the_last_block_time_that_may_include_it_is_its_own() -> None:
    world = World()
    block_ms = world.time_ms + 1
    late = world.transaction(MINISTRY, PLAN, valid_until_ms=block_ms - 1)
    assert_refused(
        world.refusal_of(late), RefusalCode.EXPIRED, field="valid_until_ms", time_ms=block_ms
    )
    assert world.commit(world.transaction(MINISTRY, PLAN, valid_until_ms=block_ms)).included


def test_validity_reaches_24_hours_ahead_and_no_millisecond_further() -> None:
    world = World()
    limit_ms = world.time_ms + 1 + VALIDITY_MS_MAX
    long = world.transaction(MINISTRY, PLAN, valid_until_ms=limit_ms + 1)
    assert_refused(
        world.refusal_of(long),
        RefusalCode.VALID_TOO_LONG,
        field="valid_until_ms",
        valid_until_ms=limit_ms + 1,
    )
    assert world.commit(world.transaction(MINISTRY, PLAN, valid_until_ms=limit_ms)).included


def test_a_transaction_is_on_the_ledger_once_in_a_block_and_ever_after() -> None:
    world = World()
    transaction = world.transaction(MINISTRY, PLAN)
    built = world.commit(transaction, transaction)
    assert len(built.included) == 1
    assert built.left_out[0][1].code is RefusalCode.DUPLICATE_TRANSACTION
    world.commit()
    refusal = world.refusal_of(transaction)
    assert_refused(refusal, RefusalCode.DUPLICATE_TRANSACTION, field="")


def test_other_signatures_do_not_make_it_another_transaction() -> None:
    world = World()
    second = AddKey(owner=MINISTRY, new=new_key(world.network, MINISTRY, Role.OPERATOR, 1))
    world.apply(MINISTRY, second, signers=ADMIN)
    transaction = world.transaction(MINISTRY, PLAN)
    by_second_key = parse_transaction(
        encode(
            sign_transaction(
                transaction.signed.transaction,
                {key_of(MINISTRY, Role.OPERATOR, 1): sign_of(MINISTRY, Role.OPERATOR, 1)},
            )
        )
    )
    assert by_second_key.tx_id == transaction.tx_id
    assert by_second_key.leaf != transaction.leaf
    world.commit(transaction)
    refusal = world.refusal_of(by_second_key)
    assert_refused(refusal, RefusalCode.DUPLICATE_TRANSACTION, field="")


# --- keys


def test_a_key_that_is_not_registered_signs_nothing() -> None:
    world = World()
    unknown = world.transaction(MINISTRY, PLAN, signers=(("nobody", Role.OPERATOR),))
    assert_refused(world.refusal_of(unknown), RefusalCode.UNKNOWN_KEY, field="signatures")


def test_a_key_is_valid_from_its_first_to_before_its_last_millisecond() -> None:
    world = World()
    from_ms, until_ms = world.time_ms + 100, world.time_ms + 200
    window = new_key(
        world.network, MINISTRY, Role.OPERATOR, 1, valid_from_ms=from_ms, valid_until_ms=until_ms
    )
    world.apply(MINISTRY, AddKey(owner=MINISTRY, new=window), signers=ADMIN)
    transaction = world.transaction_by(
        MINISTRY, PLAN, signing={window.key: sign_of(MINISTRY, Role.OPERATOR, 1)}
    )
    for time_ms in (from_ms - 1, until_ms):
        world.move_to(time_ms)
        refusal = world.refusal_of(transaction)
        assert_refused(refusal, RefusalCode.KEY_NOT_VALID, field="signatures", time_ms=time_ms)
    for time_ms in (from_ms, until_ms - 1):
        world.move_to(time_ms)
        assert world.build(transaction).included


# --- author


def test_an_author_that_is_not_admitted_is_refused() -> None:
    world = World()
    refusal = world.refusal("nobody", PLAN, signers=((MINISTRY, Role.OPERATOR),))
    assert_refused(refusal, RefusalCode.UNKNOWN_AUTHOR, field="author", author="nobody")


def test_a_suspended_author_is_refused_at_the_first_record_that_it_may_not_write() -> None:
    world = World()
    world.apply(MINISTRY, SuspendMember(member=NORTH, reason="test", case="C-1"))
    refusal = world.refusal(NORTH, PLAN)
    assert_refused(refusal, RefusalCode.AUTHOR_SUSPENDED, field="author", author=NORTH)
    assert refusal.record_index == 0


# --- signatures are exactly those required


@pytest.mark.parametrize(
    ("signers", "code"),
    [
        (((MINISTRY, Role.ADMIN),), RefusalCode.SIGNATURE_MISSING),
        (((NORTH, Role.OPERATOR),), RefusalCode.SIGNATURE_MISSING),
        (
            ((MINISTRY, Role.OPERATOR), (MINISTRY, Role.ADMIN)),
            RefusalCode.SIGNATURE_NOT_NEEDED,
        ),
        (
            ((MINISTRY, Role.OPERATOR), (SOUTH, Role.OPERATOR)),
            RefusalCode.SIGNATURE_NOT_NEEDED,
        ),
    ],
)
def test_one_signature_too_few_or_too_many_is_refused(
    signers: tuple[tuple[str, Role], ...], code: RefusalCode
) -> None:
    refusal = World().refusal(MINISTRY, PLAN, signers=signers)
    assert_refused(refusal, code, field="signatures")


def test_two_keys_of_one_member_in_one_role_are_one_signature_too_many() -> None:
    world = World()
    second = new_key(world.network, MINISTRY, Role.OPERATOR, 1)
    world.apply(MINISTRY, AddKey(owner=MINISTRY, new=second), signers=ADMIN)
    transaction = world.transaction_by(
        MINISTRY,
        PLAN,
        signing={
            key_of(MINISTRY, Role.OPERATOR): sign_of(MINISTRY, Role.OPERATOR),
            second.key: sign_of(MINISTRY, Role.OPERATOR, 1),
        },
    )
    refusal = world.refusal_of(transaction)
    assert_refused(refusal, RefusalCode.SIGNATURE_NOT_NEEDED, field="signatures")


def test_what_several_records_need_is_needed_once() -> None:
    world = World()
    world.apply(
        MINISTRY,
        PLAN,
        AddKey(owner=MINISTRY, new=new_key(world.network, MINISTRY, Role.FILING, 1)),
        msgspec.structs.replace(PLAN, year=2025),
        signers=((MINISTRY, Role.OPERATOR), (MINISTRY, Role.ADMIN)),
    )


# --- sealed attachments


def test_an_attachment_that_no_record_names_is_refused() -> None:
    world = World()
    transaction = world.transaction(MINISTRY, PLAN, sealed=(b"ciphertext",))
    refusal = world.refusal_of(transaction)
    assert_refused(refusal, RefusalCode.SEALED_NOT_NAMED, field="sealed", attachment=0)
    named = msgspec.structs.replace(PLAN, document=sealed_digest(b"ciphertext"))
    # A plan's document is no attachment, even when the digests agree.
    refusal = world.refusal_of(world.transaction(MINISTRY, named, sealed=(b"ciphertext",)))
    assert_refused(refusal, RefusalCode.SEALED_NOT_NAMED, field="sealed")

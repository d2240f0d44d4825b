"""One inspector holds, seizes and releases as if there were two of them."""

from __future__ import annotations

import msgspec
import pytest

from ledger.parsed import parse_transaction
from ledger.records.add_key import AddKey
from ledger.records.record import Record
from ledger.refusal import RefusalCode
from ledger.vocabulary import Role
from ledger.wire.codec import encode
from ledger.wire.errors import WireError
from tests.support.keys import key_of, new_key, sign_of
from tests.support.supervising import (
    INSPECTORATE,
    INSPECTORS,
    ONE_PERSON_TWICE,
    hold,
    inspect,
    release,
    seize,
    supervised_world,
)
from tests.support.trading import lot_row, mined
from tests.support.world import Signer


@pytest.mark.parametrize(
    ("signers", "code"),
    [
        (ONE_PERSON_TWICE, RefusalCode.SAME_PERSON),
        (INSPECTORS[:1], RefusalCode.SIGNATURE_MISSING),
        (
            ((INSPECTORATE, Role.OPERATOR), (INSPECTORATE, Role.ADMIN)),
            RefusalCode.SIGNATURE_MISSING,
        ),
        (
            ((INSPECTORATE, Role.OPERATOR), (INSPECTORATE, Role.FILING)),
            RefusalCode.SIGNATURE_MISSING,
        ),
        (
            ((INSPECTORATE, Role.OPERATOR), ("customs", Role.OPERATOR)),
            RefusalCode.SIGNATURE_MISSING,
        ),
    ],
)
def test_two_keys_of_one_person_are_one_inspector(
    signers: tuple[Signer, ...], code: RefusalCode
) -> None:
    world = supervised_world()
    held, free = mined(world), mined(world, code="C-2")
    inspect(world, hold(held))
    records: tuple[Record, ...] = (hold(free), seize(free), release(held))
    for record in records:
        assert world.refusal(INSPECTORATE, record, signers=signers).code is code
    assert lot_row(world, free).holds == ()


def test_a_key_that_signs_twice_is_not_even_a_transaction() -> None:
    world = supervised_world()
    lot = mined(world)
    transaction = world.transaction(INSPECTORATE, hold(lot), signers=INSPECTORS)
    first = transaction.signed.signatures[0]
    doubled = msgspec.structs.replace(transaction.signed, signatures=(first, first))
    with pytest.raises(WireError):
        parse_transaction(encode(doubled))


def test_a_second_key_in_her_own_name_makes_no_second_inspector() -> None:
    world = supervised_world()
    lot = mined(world)
    first = new_key(world.network, INSPECTORATE, Role.OPERATOR)
    third = msgspec.structs.replace(
        new_key(world.network, INSPECTORATE, Role.OPERATOR, 3), person=first.person
    )
    world.apply(
        INSPECTORATE,
        AddKey(owner=INSPECTORATE, new=third),
        signers=((INSPECTORATE, Role.ADMIN),),
    )
    transaction = world.transaction_by(
        INSPECTORATE,
        hold(lot),
        signing={
            key_of(INSPECTORATE, Role.OPERATOR, number): sign_of(
                INSPECTORATE, Role.OPERATOR, number
            )
            for number in (0, 3)
        },
    )
    assert world.refusal_of(transaction).code is RefusalCode.SAME_PERSON

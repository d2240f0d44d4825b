"""Proofs of possession: for one network, one member, one role and one key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.vocabulary import Role
from ledger.wire.errors import InvalidSignatureError
from ledger.wire.possession import (
    is_possession_proven,
    possession_body,
    prove_possession,
    verify_possession,
)
from ledger.wire.scalars import MemberId, PublicKey, SignatureBytes
from ledger.wire.signing import SigningDomain, public_key_of, signer

SEED = bytes(range(32))
KEY = public_key_of(SEED)
SIGN = signer(SEED)
MEMBER = MemberId("mine-a")
PROOF = prove_possession(SIGN, network="net", member=MEMBER, role=Role.ADMIN, key=KEY)


def test_a_proof_holds_for_what_it_was_made_for() -> None:
    verify_possession(PROOF, network="net", member=MEMBER, role=Role.ADMIN, key=KEY)


@pytest.mark.parametrize(
    ("network", "member", "role", "key"),
    [
        ("net2", MEMBER, Role.ADMIN, KEY),
        ("net", MemberId("mine-b"), Role.ADMIN, KEY),
        ("net", MEMBER, Role.CONSENSUS, KEY),
        ("net", MEMBER, Role.ADMIN, public_key_of(bytes(32))),
        ("netmine", MemberId("-a"), Role.ADMIN, KEY),
        ("net", MEMBER, Role.ADMIN, PublicKey(b"\x01" + bytes(31))),
    ],
)
def test_a_proof_holds_for_nothing_else(
    network: str, member: MemberId, role: Role, key: PublicKey
) -> None:
    assert not is_possession_proven(PROOF, network=network, member=member, role=role, key=key)
    with pytest.raises(InvalidSignatureError, match="possession"):
        verify_possession(PROOF, network=network, member=member, role=role, key=key)


def test_a_signature_of_another_kind_is_no_proof() -> None:
    body = possession_body("net", MEMBER, Role.ADMIN, KEY)
    for domain in SigningDomain:
        proof = SIGN(domain, body)
        proven = is_possession_proven(proof, network="net", member=MEMBER, role=Role.ADMIN, key=KEY)
        assert proven == (domain is SigningDomain.POSSESSION)


def test_any_other_bytes_are_no_proof() -> None:
    for proof in (bytes(64), bytes(63), PROOF[::-1]):
        assert not is_possession_proven(
            SignatureBytes(proof), network="net", member=MEMBER, role=Role.ADMIN, key=KEY
        )


statements = st.tuples(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128),
    st.from_regex(r"\A[a-z][a-z0-9-]{0,31}\Z"),
    st.sampled_from(Role),
    st.binary(min_size=32, max_size=32),
)


@given(statements, statements)
def test_two_statements_never_share_a_layout(
    first: tuple[str, str, Role, bytes], second: tuple[str, str, Role, bytes]
) -> None:
    def body(statement: tuple[str, str, Role, bytes]) -> bytes:
        network, member, role, key = statement
        return possession_body(network, MemberId(member), role, PublicKey(key))

    assert (body(first) == body(second)) == (first == second)


def test_the_layout_is_fixed() -> None:
    assert possession_body("née", MemberId("ab"), 6, PublicKey(b"k" * 32)) == (
        b"\x00\x04n\xc3\xa9e" + b"\x02ab" + b"\x06" + b"k" * 32
    )

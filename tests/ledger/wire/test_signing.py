"""Ed25519: who signed what, in which domain. The odd cases are in ``tests/conformance``."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ledger.wire.errors import InvalidSignatureError
from ledger.wire.scalars import PublicKey, SignatureBytes
from ledger.wire.signing import (
    SigningDomain,
    is_signature_valid,
    public_key_of,
    signer,
    signing_bytes,
    verify_signature,
)
from tests.support.ed25519 import BASE, L, encode_point, multiply, torsion_points

SEED = bytes(range(32))
KEY = public_key_of(SEED)
SIGN = signer(SEED)
DOMAIN = SigningDomain.TRANSACTION


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.sampled_from(SigningDomain))
def test_another_implementation_makes_the_same_key_and_signature(
    seed: bytes, body: bytes, domain: SigningDomain
) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    assert private.public_key().public_bytes_raw() == public_key_of(seed)
    signature = signer(seed)(domain, body)
    assert private.sign(signing_bytes(domain, body)) == signature
    assert is_signature_valid(public_key_of(seed), domain, body, signature)


def test_the_first_vector_of_rfc_8032() -> None:
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    assert public_key_of(seed).hex() == (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    )


@given(st.integers(0, 511), st.binary(max_size=40))
def test_a_flipped_bit_of_the_signature_is_refused(bit: int, body: bytes) -> None:
    signature = bytearray(SIGN(DOMAIN, body))
    signature[bit >> 3] ^= 1 << (bit & 7)
    assert not is_signature_valid(KEY, DOMAIN, body, SignatureBytes(bytes(signature)))


@given(st.integers(0, 255))
def test_a_flipped_bit_of_the_key_is_refused(bit: int) -> None:
    key = bytearray(KEY)
    key[bit >> 3] ^= 1 << (bit & 7)
    assert not is_signature_valid(PublicKey(bytes(key)), DOMAIN, b"body", SIGN(DOMAIN, b"body"))


def test_a_signature_of_one_kind_is_never_valid_as_another() -> None:
    for made in SigningDomain:
        signature = SIGN(made, b"body")
        for read in SigningDomain:
            assert is_signature_valid(KEY, read, b"body", signature) == (made is read)


def test_the_signed_bytes_begin_with_the_domain_and_its_length() -> None:
    for domain in SigningDomain:
        signed = signing_bytes(domain, b"body")
        assert signed[0] == len(domain.value)
        assert signed[1:] == domain.value + b"body"


@pytest.mark.parametrize(
    ("key_length", "signature_length"), [(31, 64), (33, 64), (32, 63), (32, 65), (0, 0)]
)
def test_other_lengths_are_refused_and_do_not_raise(key_length: int, signature_length: int) -> None:
    key, signature = PublicKey(bytes(key_length)), SignatureBytes(bytes(signature_length))
    assert not is_signature_valid(key, DOMAIN, b"body", signature)


def test_a_refusal_names_domain_and_key() -> None:
    verify_signature(KEY, DOMAIN, b"body", SIGN(DOMAIN, b"body"))
    with pytest.raises(InvalidSignatureError, match="monazite/sign/tx/1") as caught:
        verify_signature(KEY, DOMAIN, b"other", SIGN(DOMAIN, b"body"))
    assert caught.value.key == KEY


def test_signing_twice_gives_the_same_signature() -> None:
    assert SIGN(DOMAIN, b"body") == signer(SEED)(DOMAIN, b"body")


def test_the_arithmetic_of_the_edge_cases_is_that_of_the_curve() -> None:
    assert multiply(L, BASE) == (0, 1)
    assert encode_point(BASE).hex() == "58" + "66" * 31
    points = torsion_points()
    assert len(set(points)) == 8
    assert all(multiply(8, point) == (0, 1) for point in points)

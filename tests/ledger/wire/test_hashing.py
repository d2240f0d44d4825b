"""Domain-separated digests."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from ledger.wire.hashing import Domain, digest, plain_digest
from ledger.wire.signing import SigningDomain


def prefixes() -> list[bytes]:
    values = [domain.value for domain in (*Domain, *SigningDomain)]
    return [bytes([len(value)]) + value for value in values]


def test_no_two_domains_share_a_string() -> None:
    assert len(set(prefixes())) == len(list(Domain)) + len(list(SigningDomain))


def test_no_prefix_begins_another_so_no_two_lists_of_parts_meet() -> None:
    for one in prefixes():
        for other in prefixes():
            assert one is other or one == other or not other.startswith(one)


def test_no_prefix_is_one_of_the_trees() -> None:
    tree_prefixes = set(range(6))
    assert all(prefix[0] not in tree_prefixes for prefix in prefixes())


def test_domain_strings_are_printable_and_named_after_the_project() -> None:
    for domain in (*Domain, *SigningDomain):
        assert domain.value.decode("ascii").startswith("monazite/")
        assert len(domain.value) < 64


@given(st.sampled_from(Domain), st.binary(max_size=40), st.binary(max_size=40))
def test_a_digest_is_sha256_over_length_domain_and_parts(
    domain: Domain, first: bytes, second: bytes
) -> None:
    whole = bytes([len(domain.value)]) + domain.value + first + second
    assert digest(domain, first, second) == hashlib.sha256(whole).digest()


def test_the_same_parts_in_two_domains_differ() -> None:
    assert len({digest(domain, b"part") for domain in Domain}) == len(Domain)


def test_a_plain_digest_is_what_sha256sum_says() -> None:
    assert plain_digest(b"abc").hex() == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )

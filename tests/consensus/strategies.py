"""Messages drawn at random, valid in form and meaningless in content."""

from __future__ import annotations

from hypothesis import strategies as st

from consensus.messages import (
    BlockReply,
    BlockRequest,
    Certificates,
    CertificatesRequest,
    Message,
    Proposal,
    RangeEntry,
    RangeReply,
    RangeRequest,
    Status,
    Vote,
)
from ledger.wire.block import Block, Header, Point
from ledger.wire.certificate import Certificate, CertificateKind
from ledger.wire.scalars import VALIDATORS_MAX

numbers = st.one_of(st.integers(0, 300), st.integers(0, 2**63 - 1))
digests = st.binary(min_size=32, max_size=32)
signatures = st.binary(min_size=64, max_size=64)
indexes = st.integers(0, VALIDATORS_MAX - 1)
kinds = st.sampled_from(list(CertificateKind))
points = st.builds(
    Point, epoch=numbers, view=numbers, parent_view=numbers, height=numbers, block_id=digests
)
headers = st.builds(
    Header,
    version=st.integers(1, 65_535),
    chain_id=digests,
    epoch=numbers,
    validators_digest=digests,
    height=numbers,
    view=numbers,
    parent=digests,
    time_ms=numbers,
    proposer=indexes,
    rules_version=st.integers(1, 65_535),
    tx_count=st.integers(0, 2**32 - 1),
    tx_root=digests,
    state_root=digests,
    log_root=digests,
    next_validators_digest=digests,
    flags=st.integers(0, 2**32 - 1),
)
blocks = st.builds(
    Block,
    header=headers,
    transactions=st.lists(st.binary(min_size=1, max_size=40), max_size=3).map(tuple),
)
certificates = st.builds(
    Certificate,
    kind=kinds,
    epoch=numbers,
    view=numbers,
    point=st.none() | points,
    signers=st.integers(1, 2**63 - 1),
    signatures=st.lists(signatures, min_size=1, max_size=3).map(tuple),
)
votes = st.builds(
    Vote,
    kind=kinds,
    epoch=numbers,
    view=numbers,
    point=st.none() | points,
    voter=indexes,
    signature=signatures,
)
statuses = st.builds(
    Status,
    epoch=numbers,
    view=numbers,
    final_view=numbers,
    final_height=numbers,
    final_block_id=digests,
    started_ms=numbers,
    voter=st.none() | indexes,
    signature=st.none() | signatures,
)
entries = st.builds(RangeEntry, block=blocks, proof=st.none() | certificates)
several = st.lists(certificates, min_size=1, max_size=3).map(tuple)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(
        Proposal,
        point=points,
        block=blocks,
        signature=signatures,
        justification=st.lists(certificates, max_size=2).map(tuple),
    ),
    votes,
    st.builds(Certificates, certificates=several),
    st.builds(BlockRequest, block_id=digests, height=numbers),
    st.builds(BlockReply, block=blocks),
    st.builds(CertificatesRequest, epoch=numbers, from_view=numbers, to_view=numbers),
    st.builds(RangeRequest, from_height=numbers, max_blocks=st.integers(1, 256)),
    st.builds(
        RangeReply,
        from_height=numbers,
        entries=st.lists(entries, max_size=2).map(tuple),
        links=st.lists(headers, max_size=2).map(tuple),
        anchor=st.none() | certificates,
    ),
    statuses,
)

"""The genesis document, and block 0."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from ledger.commit import open_committed
from ledger.errors import InvalidGenesisError
from ledger.genesis import (
    EmptyState,
    GenesisDocument,
    decode_genesis,
    encode_genesis,
    open_genesis,
)
from ledger.records.admit_member import AdmitMember
from ledger.state.rows import (
    PROCESS_NORMS,
    ParametersRow,
    ScrapFingerprint,
    ShareBand,
    ValidatorRow,
)
from ledger.state.tables import KEYS, MEMBERS, PARAMETERS, PRODUCT_VERSIONS, PRODUCTS, VALIDATORS
from ledger.store import META_GENESIS, MemoryStore, block_key
from ledger.transition import RULES_VERSION
from ledger.tree import walk_leaves
from ledger.vocabulary import AuthorityOffice, Element, OreKind, Role
from ledger.wire.block import decode_block
from ledger.wire.merkle import EMPTY_TREE_ROOT
from ledger.wire.scalars import ChainId, SignatureBytes, TxId
from ledger.wire.state_proof import key_hash, value_hash
from ledger.wire.validators import check_validator_set
from tests.support.founding import (
    CUSTOMS,
    FINGERPRINTS,
    FOUNDERS,
    GENESIS_MS,
    MINISTRY,
    NORTH,
    SOUTH,
    genesis_bytes,
    genesis_document,
    open_test_genesis,
)
from tests.support.keys import key_of, new_key
from tests.support.world import ore_product, single_product


def changed(**fields: object) -> GenesisDocument:
    return msgspec.structs.replace(genesis_document(), **fields)


def with_member(position: int, **fields: object) -> GenesisDocument:
    members = list(genesis_document().members)
    members[position] = msgspec.structs.replace(members[position], **fields)
    return changed(members=tuple(members))


def with_validator(position: int, **fields: object) -> GenesisDocument:
    validators = list(genesis_document().validators)
    validators[position] = msgspec.structs.replace(validators[position], **fields)
    return changed(validators=tuple(validators))


def with_parameters(**fields: object) -> GenesisDocument:
    return changed(parameters=msgspec.structs.replace(genesis_document().parameters, **fields))


def refused(document: GenesisDocument) -> str:
    with pytest.raises(InvalidGenesisError) as caught:
        open_genesis(encode_genesis(document))
    return caught.value.field


def test_the_chain_id_is_the_digest_of_the_file() -> None:
    genesis = open_test_genesis()
    assert genesis.chain_id == hashlib.sha256(genesis_bytes()).digest()
    assert genesis.header.chain_id == genesis.chain_id
    assert genesis.data == genesis_bytes()
    assert genesis.document == genesis_document()
    assert genesis.document.network == "monazite-test"


def test_block_0_has_no_transactions_no_parent_and_the_documents_time() -> None:
    genesis = open_test_genesis()
    header = genesis.header
    assert (header.height, header.epoch, header.view, header.proposer) == (0, 0, 0, 0)
    assert (header.parent, header.time_ms, header.tx_count) == (bytes(32), GENESIS_MS, 0)
    assert (header.tx_root, header.log_root) == (EMPTY_TREE_ROOT, EMPTY_TREE_ROOT)
    assert (header.rules_version, header.flags) == (RULES_VERSION, 0)
    assert header.validators_digest == header.next_validators_digest == genesis.validators.digest
    assert genesis.block.header == header
    assert genesis.block.transactions == ()


def test_opening_twice_gives_the_same_block() -> None:
    assert open_test_genesis().header == open_genesis(genesis_bytes()).header


def test_the_validators_vote_with_their_members_keys_in_order_of_names() -> None:
    validators = open_test_genesis().validators
    check_validator_set(validators)
    assert [validator.name for validator in validators.validators] == list(FOUNDERS)
    assert [validator.consensus_key for validator in validators.validators] == [
        key_of(member, Role.CONSENSUS) for member in FOUNDERS
    ]


def test_the_state_root_commits_to_every_founding_row() -> None:
    genesis = open_test_genesis()
    pages = genesis.overlay.pages
    leaves = dict(walk_leaves(pages.get, genesis.header.state_root))
    rows = {
        key_hash(key): value_hash(value)
        for key, value in genesis.overlay.values.items()
        if value is not None
    }
    assert leaves == rows
    # Parameters, validators, 4 members, 5 keys each, 4 registrations, 2 licences.
    assert len(rows) == 1 + 1 + 4 + 20 + 4 + 2


def test_a_store_opened_from_it_holds_document_block_and_founders() -> None:
    genesis = open_test_genesis()
    store = MemoryStore()
    store.write(genesis.writes())
    assert store.get(META_GENESIS) == genesis_bytes()
    data = store.get(block_key(genesis.header.height))
    assert data is not None
    assert decode_block(data) == genesis.block
    state = open_committed(store)
    assert state.header == genesis.header
    assert state.row(PARAMETERS.key(), PARAMETERS.kind) == genesis.document.parameters
    for founder in genesis.document.members:
        row = state.row(MEMBERS.key(founder.id), MEMBERS.kind)
        assert row is not None
        assert (row.admitted_by, row.admitted_ms) == (None, GENESIS_MS)
        assert row.admin_keys == (key_of(founder.id, Role.ADMIN),)
        for new in founder.keys:
            key = state.row(KEYS.key(new.key), KEYS.kind)
            assert key is not None
            assert key.owner == founder.id
    voters = state.row(VALIDATORS.key(), VALIDATORS.kind)
    assert voters is not None
    assert voters.validators == genesis.document.validators


def test_products_of_the_document_are_in_the_catalogue() -> None:
    products = (
        ore_product("ORE-ION", ore_kind=OreKind.IONIC),
        single_product("OXI-ND", Element.ND),
    )
    genesis = open_genesis(encode_genesis(changed(products=products)))
    for product in products:
        newest = genesis.overlay.row(PRODUCTS.key(product.code), PRODUCTS.kind)
        first = genesis.overlay.row(PRODUCT_VERSIONS.key(product.code, 1), PRODUCT_VERSIONS.kind)
        assert newest is not None
        assert newest == first
    assert genesis.header.state_root != open_test_genesis().header.state_root


def test_one_other_gram_in_the_document_is_another_network() -> None:
    other = open_genesis(encode_genesis(with_parameters(transit_tolerance_basis_points=21)))
    genesis = open_test_genesis()
    assert other.chain_id != genesis.chain_id
    assert other.header.state_root != genesis.header.state_root


def test_another_spelling_is_no_genesis() -> None:
    data = genesis_bytes()
    assert decode_genesis(data) == genesis_document()
    for other in (data[:-1], data + b"\n", data.replace(b"  ", b" "), data.replace(b"\n", b"")):
        with pytest.raises(InvalidGenesisError, match="another spelling"):
            decode_genesis(other)
    with pytest.raises(InvalidGenesisError, match="no JSON"):
        decode_genesis(data[:100])


def test_an_unknown_field_deep_inside_is_named() -> None:
    data = genesis_bytes().replace(b'"licences"', b'"licenses"', 1)
    with pytest.raises(InvalidGenesisError) as caught:
        decode_genesis(data)
    assert caught.value.field == "members[0].licenses"


def test_another_version_is_refused() -> None:
    assert refused(changed(version=2)) == "version"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"id": "north-group"}, "members[2]"),
        ({"registration": f"REG-{CUSTOMS}"}, "members[1].registration"),
        ({"licences": ("A", "A")}, "members[1].licences"),
        ({"office": AuthorityOffice.NONE}, "members[1].office"),
        ({"group": "north-group"}, "members[1].group"),
        ({"keys": (new_key("monazite-test", MINISTRY, Role.OPERATOR),)}, "members[1].keys"),
        ({"keys": (new_key("another", MINISTRY, Role.ADMIN),)}, "members[1].keys[0].proof"),
        (
            {"keys": (new_key("monazite-test", MINISTRY, Role.ADMIN, valid_until_ms=GENESIS_MS),)},
            "members[1].keys[0].valid_until_ms",
        ),
    ],
)  # fmt: skip
def test_founders_pass_the_checks_of_an_admission(fields: dict[str, object], field: str) -> None:
    assert refused(with_member(1, **fields)) == field


def test_a_proof_of_possession_that_was_tampered_with_is_named() -> None:
    keys = list(genesis_document().members[3].keys)
    proof = keys[2].proof
    keys[2] = msgspec.structs.replace(
        keys[2], proof=SignatureBytes(bytes([proof[0] ^ 1]) + proof[1:])
    )
    assert refused(with_member(3, keys=tuple(keys))) == "members[3].keys[2].proof"


def test_two_founders_cannot_share_a_key() -> None:
    document = with_member(3, keys=genesis_document().members[2].keys)
    assert refused(document) == "members[3].keys[0].key"


def test_exactly_one_founder_is_the_ministry_and_the_parameters_name_it() -> None:
    assert refused(with_parameters(ministry=CUSTOMS)) == "parameters.ministry"
    assert refused(with_parameters(ministry="nobody")) == "parameters.ministry"
    assert refused(with_member(0, office=AuthorityOffice.MINISTRY)) == "parameters.ministry"
    assert refused(with_member(1, office=AuthorityOffice.TAX)) == "parameters.ministry"


def test_founders_validators_and_products_stand_in_ascending_order() -> None:
    document = genesis_document()
    members, validators = document.members, document.validators
    assert refused(changed(members=(members[1], members[0], *members[2:]))) == "members[1]"
    assert refused(changed(members=(members[0], *members))) == "members[1]"
    assert refused(changed(validators=validators[::-1])) == "validators[1]"
    assert refused(changed(validators=(*validators, validators[3]))) == "validators[4]"
    products = (single_product("OXI-ND", Element.ND), single_product("OXI-LA", Element.LA))
    assert refused(changed(products=products)) == "products[1]"


def test_products_pass_the_checks_of_their_record() -> None:
    assert refused(changed(products=(ore_product(version=2),))) == "products[0].version"
    unknown_mine = msgspec.structs.replace(ore_product(), ore_kind=OreKind.NONE)
    assert refused(changed(products=(unknown_mine,))) == "products[0].ore_kind"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"member": "nobody"}, "validators[1].member"),
        ({"member": SOUTH}, "validators[1].consensus_key"),
        ({"consensus_key": key_of(MINISTRY, Role.NODE)}, "validators[1].consensus_key"),
        ({"node_key": key_of(MINISTRY, Role.CONSENSUS)}, "validators[1].node_key"),
        ({"node_key": key_of(MINISTRY, Role.NODE, 1)}, "validators[1].node_key"),
        ({"consensus_key": key_of(NORTH, Role.CONSENSUS)}, "validators[1].consensus_key"),
        ({"node_key": key_of(CUSTOMS, Role.NODE)}, "validators[1].node_key"),
    ],
)
def test_a_validator_uses_keys_that_its_member_holds_in_that_role(
    fields: dict[str, object], field: str
) -> None:
    assert refused(with_validator(1, **fields)) == field


def test_a_member_may_run_two_validators_with_keys_of_their_own() -> None:
    member = msgspec.structs.replace(
        genesis_document().members[3],
        keys=(
            *genesis_document().members[3].keys,
            new_key("monazite-test", SOUTH, Role.CONSENSUS, 1),
            new_key("monazite-test", SOUTH, Role.NODE, 1),
        ),
    )
    second = ValidatorRow(
        name="south-second",  # type: ignore[arg-type]
        member=SOUTH,
        consensus_key=key_of(SOUTH, Role.CONSENSUS, 1),
        node_key=key_of(SOUTH, Role.NODE, 1),
    )
    document = changed(
        members=(*genesis_document().members[:3], member),
        validators=(*genesis_document().validators, second),
    )
    assert len(open_genesis(encode_genesis(document)).validators) == 5


def test_two_validators_never_share_a_key() -> None:
    first = genesis_document().validators[3]
    for field in ("consensus_key", "node_key"):
        member = msgspec.structs.replace(
            genesis_document().members[3],
            keys=(
                *genesis_document().members[3].keys,
                new_key("monazite-test", SOUTH, Role.CONSENSUS, 1),
                new_key("monazite-test", SOUTH, Role.NODE, 1),
            ),
        )
        other = {
            "consensus_key": key_of(SOUTH, Role.CONSENSUS, 1),
            "node_key": key_of(SOUTH, Role.NODE, 1),
        }
        other[field] = getattr(first, field)
        second = ValidatorRow(name="south-second", member=SOUTH, **other)  # type: ignore[arg-type]
        document = changed(
            members=(*genesis_document().members[:3], member),
            validators=(*genesis_document().validators, second),
        )
        assert refused(document) == f"validators[4].{field}"


def test_a_network_of_one_validator_is_a_network() -> None:
    document = changed(validators=genesis_document().validators[:1])
    assert open_genesis(encode_genesis(document)).validators.quorum == 1


@pytest.mark.parametrize(
    ("fingerprints", "field"),
    [
        (FINGERPRINTS[::-1], "parameters.fingerprints[1]"),
        ((FINGERPRINTS[0], FINGERPRINTS[0]), "parameters.fingerprints[1]"),
        (
            (msgspec.structs.replace(FINGERPRINTS[0], kind=OreKind.NONE),),
            "parameters.fingerprints[0].kind",
        ),
        (
            (msgspec.structs.replace(FINGERPRINTS[0], bands=(ShareBand((), 1, 2),)),),
            "parameters.fingerprints[0].bands[0]",
        ),
        (
            (
                msgspec.structs.replace(
                    FINGERPRINTS[0], bands=(ShareBand((Element.CE,), 531, 530),)
                ),
            ),
            "parameters.fingerprints[0].bands[0]",
        ),
    ],
)
def test_fingerprints_are_in_order_and_say_something(
    fingerprints: tuple[object, ...], field: str
) -> None:
    assert refused(with_parameters(fingerprints=fingerprints)) == field


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("utc_offset_minutes", 841),
        ("utc_offset_minutes", -841),
        ("filing_deadline_day", 0),
        ("filing_deadline_day", 29),
        ("transit_tolerance_basis_points", 10_001),
        ("network", ""),
    ],
)
def test_parameters_out_of_range_are_named(name: str, value: object) -> None:
    assert refused(with_parameters(**{name: value})) == f"parameters.{name}"


def test_there_is_nothing_below_block_0() -> None:
    empty = EmptyState(ChainId(bytes(32)))
    assert empty.row(PARAMETERS.key(), ParametersRow) is None
    assert empty.page(b"") is None
    assert not empty.has_transaction(TxId(bytes(32)))
    assert empty.index_entry(b"x") is None
    assert empty.log.size == 0


def test_a_document_without_founders_or_voters_is_refused() -> None:
    assert refused(changed(members=())) == "members"
    assert refused(changed(validators=())) == "validators"


def test_a_founder_is_an_admission_like_any_other() -> None:
    assert all(type(member) is AdmitMember for member in genesis_document().members)


def test_norms_and_kinds_of_scrap_stand_once_each_in_order() -> None:
    backwards = PROCESS_NORMS[::-1]
    assert refused(with_parameters(process_norms=backwards)) == "parameters.process_norms[1]"
    twice = (ScrapFingerprint(kind="sludge", bands=()),) * 2
    assert refused(with_parameters(scrap_fingerprints=twice)) == "parameters.scrap_fingerprints[1]"

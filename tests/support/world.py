"""A whole ledger in memory for tests of rules: founders, blocks, a store, and no network.

    world = World()
    world.admit("mine-a", activities=(Activity.MINING,), licences=("LIC-1",))
    world.apply(MINISTRY, SetPlan(...))                              one record, one block
    refusal = world.refusal("mine-a", MineOutput(...))               what the rules say to it
    world.row(QUOTAS, 2024, int(Bucket.ROCK_MINING), "mine-a")       the committed row

Every block is made as a leader makes it (``build_block``) and applied as every other validator applies it
(``apply_block``, on transactions parsed anew from the encoded block); both must give the same header and
write set. What is committed goes to a ``MemoryStore``, and the state is read back from there. Time
stands still unless a test moves it; each block is one millisecond later than the one before.

Signers are pairs (member, role); by default the author's operator key signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from ledger import civil
from ledger.commit import commit_writes, open_committed
from ledger.genesis import Genesis
from ledger.parsed import ParsedTransaction, parse_transaction
from ledger.records.admit_member import AdmitMember
from ledger.records.define_product import DefineProduct
from ledger.records.grant_quota import GrantQuota
from ledger.records.record import Record
from ledger.records.register_facility import RegisterFacility
from ledger.records.set_plan import SetPlan
from ledger.refusal import Refused
from ledger.state.table import KeyPart, Table
from ledger.store import MemoryStore
from ledger.transition import BuiltBlock, Slot, apply_block, build_block
from ledger.vocabulary import (
    Activity,
    AuthorityOffice,
    Bucket,
    Element,
    MemberKind,
    OreKind,
    ProductClass,
    QuotaStatus,
    Role,
)
from ledger.wire.block import decode_block
from ledger.wire.codec import WireStruct, encode
from ledger.wire.hashing import plain_digest
from ledger.wire.scalars import (
    VALIDITY_MS_MAX,
    CivilDate,
    Digest,
    FacilityId,
    Grams,
    Height,
    MemberId,
    Nonce,
    ProductCode,
    PublicKey,
    TimeMs,
    ValidatorIndex,
    View,
)
from ledger.wire.signing import Sign
from ledger.wire.transaction import TRANSACTION_VERSION, Transaction, sign_transaction
from tests.support.founding import MINISTRY, NETWORK, UTC_OFFSET_MINUTES, open_test_genesis
from tests.support.keys import key_of, new_key, sign_of

R = TypeVar("R", bound=WireStruct)
Signer = tuple[str, Role] | tuple[str, Role, int]
"""Member, role, and the number of the key when it is not the first."""
EVERY_UNIT = 1_000_000_000
"""A budget that no test block exhausts."""
MEMBER_ROLES = (Role.ADMIN, Role.OPERATOR, Role.FILING)


class World:
    """A ledger with the founders of ``tests.support.founding``; see the module."""

    def __init__(self, genesis: Genesis | None = None) -> None:
        self.genesis = open_test_genesis() if genesis is None else genesis
        self.chain_id = self.genesis.chain_id
        self.network = NETWORK
        self.store = MemoryStore()
        self.store.write(self.genesis.writes())
        self.state = open_committed(self.store)
        self.time_ms: TimeMs = self.genesis.header.time_ms
        """Time of the newest block; the next one is at least a millisecond later."""
        self._nonces = 0

    # --- time

    def move_to(self, time_ms: int) -> None:
        """Let the next block have exactly this time."""
        assert time_ms > self.state.header.time_ms, "block times only grow"
        self.time_ms = TimeMs(time_ms - 1)

    def move_to_date(self, date: int, *, hour: int = 8) -> None:
        """Let the next block fall on a civil day, at an hour of the network's civil time."""
        self.move_to(civil.start_of(CivilDate(date), UTC_OFFSET_MINUTES) + hour * 3_600_000)

    # --- transactions

    def transaction(
        self,
        author: str,
        *records: Record,
        signers: Sequence[Signer] | None = None,
        valid_until_ms: int | None = None,
        sealed: tuple[bytes, ...] = (),
    ) -> ParsedTransaction:
        """Return a signed transaction, parsed from its bytes."""
        signers = ((author, Role.OPERATOR),) if signers is None else signers
        return self.transaction_by(
            author,
            *records,
            signing={key_of(*signer): sign_of(*signer) for signer in signers},
            valid_until_ms=valid_until_ms,
            sealed=sealed,
        )

    def transaction_by(
        self,
        author: str,
        *records: Record,
        signing: dict[PublicKey, Sign],
        valid_until_ms: int | None = None,
        sealed: tuple[bytes, ...] = (),
    ) -> ParsedTransaction:
        """Return a transaction that is signed by the given keys."""
        self._nonces += 1
        transaction = Transaction(
            version=TRANSACTION_VERSION,
            chain_id=self.chain_id,
            author=MemberId(author),
            nonce=Nonce(self._nonces.to_bytes(16, "big")),
            valid_until_ms=TimeMs(
                self.time_ms + 1 + VALIDITY_MS_MAX if valid_until_ms is None else valid_until_ms
            ),
            records=tuple(encode(record) for record in records),
            sealed=sealed,
        )
        return parse_transaction(encode(sign_transaction(transaction, signing)))

    def slot(self) -> Slot:
        """Return the place of the next block's leader."""
        below = self.state.header
        return Slot(
            epoch=below.epoch,
            validators_digest=below.next_validators_digest,
            view=View(below.view + 1),
            proposer=ValidatorIndex((below.view + 1) % len(self.genesis.validators)),
        )

    def build(self, *transactions: ParsedTransaction) -> BuiltBlock:
        """Return the next block as its leader would make it; nothing is committed."""
        return build_block(
            self.state,
            self.slot(),
            time_ms=TimeMs(self.time_ms + 1),
            candidates=transactions,
            budget_units=EVERY_UNIT,
        )

    def commit(self, *transactions: ParsedTransaction) -> BuiltBlock:
        """Build the next block, apply it as others do, compare, and make it durable."""
        built = self.build(*transactions)
        data = encode(built.block)
        block = decode_block(data)
        parsed = [parse_transaction(signed_bytes) for signed_bytes in block.transactions]
        overlay = apply_block(self.state, block, parsed)
        writes = commit_writes(overlay, data, b"")
        assert overlay.header == built.block.header
        assert writes == commit_writes(built.overlay, data, b""), "build and apply disagree"
        self.store.write(writes)
        self.state.advance(overlay)
        reopened = open_committed(self.store)
        assert (reopened.header, reopened.log) == (self.state.header, self.state.log)
        self.time_ms = built.block.header.time_ms
        return built

    def apply(
        self, author: str, *records: Record, signers: Sequence[Signer] | None = None
    ) -> ParsedTransaction:
        """Commit a block with one transaction that must apply."""
        transaction = self.transaction(author, *records, signers=signers)
        built = self.commit(transaction)
        for _left_out, refusal in built.left_out:
            raise refusal
        return transaction

    def refusal(
        self, author: str, *records: Record, signers: Sequence[Signer] | None = None
    ) -> Refused:
        """Return what the rules say to a transaction that must not apply; nothing changes."""
        return self.refusal_of(self.transaction(author, *records, signers=signers))

    def refusal_of(self, transaction: ParsedTransaction) -> Refused:
        """Return what the rules say to a transaction that must not apply; nothing changes."""
        built = self.build(transaction)
        assert not built.included, "the transaction applies"
        assert not built.overlay.rows, "a refused transaction has left rows"
        return built.left_out[0][1]

    # --- reading

    def row(self, table: Table[R], *parts: KeyPart) -> R | None:
        """Return a committed row, decoded anew from the store."""
        return open_committed(self.store).row(table.key(*parts), table.kind)

    def expect(self, table: Table[R], *parts: KeyPart) -> R:
        """Return a committed row that must exist."""
        row = self.row(table, *parts)
        assert row is not None, f"no row in {table.name} at {parts}"
        return row

    @property
    def height(self) -> Height:
        """Height of the newest block."""
        return self.state.header.height

    # --- frequent records

    def admit(
        self,
        member: str,
        *,
        activities: tuple[Activity, ...] = (),
        group: str = "",
        licences: tuple[str, ...] = (),
        roles: tuple[Role, ...] = MEMBER_ROLES,
    ) -> MemberId:
        """Admit an enterprise with a key in each role."""
        self.apply(
            MINISTRY,
            self.admission(
                member, activities=activities, group=group, licences=licences, roles=roles
            ),
        )
        return MemberId(member)

    def admission(
        self,
        member: str,
        *,
        activities: tuple[Activity, ...] = (),
        group: str = "",
        licences: tuple[str, ...] = (),
        roles: tuple[Role, ...] = MEMBER_ROLES,
    ) -> AdmitMember:
        """Return the record that admits an enterprise."""
        return AdmitMember(
            id=MemberId(member),
            name=f"Enterprise {member}",
            kind=MemberKind.ENTERPRISE,
            office=AuthorityOffice.NONE,
            activities=activities,
            group=group,
            province="Jiangxi",
            registration=f"REG-{member}",
            licences=licences,
            keys=tuple(new_key(self.network, member, role) for role in roles),
        )

    def admit_mine(
        self,
        owner: str,
        facility: str,
        *,
        ore: str = "Bayan Obo",
        ore_kind: OreKind = OreKind.ROCK,
        yearly_capacity: int = 10_000_000_000,
    ) -> FacilityId:
        """Admit an enterprise that mines, with one licence, and register its mine."""
        self.admit(owner, activities=(Activity.MINING,), licences=(f"LIC-{facility}",))
        self.apply(
            owner,
            mine(owner, facility, ore=ore, ore_kind=ore_kind, yearly_capacity=yearly_capacity),
            signers=((owner, Role.OPERATOR), (MINISTRY, Role.OPERATOR)),
        )
        return FacilityId(facility)

    def define_ore(self, code: str = "ORE-MIX", *, ore_kind: OreKind = OreKind.ROCK) -> ProductCode:
        """Define an ore with 300 to 600 grams of oxide in 1,000."""
        self.apply(MINISTRY, ore_product(code, ore_kind=ore_kind))
        return ProductCode(code)

    def plan(self, year: int, bucket: Bucket, total: int) -> None:
        """Set a plan."""
        self.apply(
            MINISTRY,
            SetPlan(year=year, bucket=bucket, total=Grams(total), document=digest_of("plan")),
        )

    def grant(self, year: int, bucket: Bucket, grantee: str, grams: int, *, batch: int = 1) -> None:
        """Grant a quota."""
        self.apply(MINISTRY, grant(year, bucket, grantee, grams, batch=batch))


def digest_of(name: str) -> Digest:
    """Return the digest of a document that exists by name only."""
    return plain_digest(name.encode())


def grant(year: int, bucket: Bucket, grantee: str, grams: int, *, batch: int = 1) -> GrantQuota:
    """Return the record that grants a quota."""
    return GrantQuota(
        year=year,
        bucket=bucket,
        batch=batch,
        grantee=MemberId(grantee),
        grams=Grams(grams),
        document=digest_of("grant"),
    )


def mine(
    owner: str,
    facility: str,
    *,
    ore: str = "Bayan Obo",
    ore_kind: OreKind = OreKind.ROCK,
    yearly_capacity: int = 10_000_000_000,
) -> RegisterFacility:
    """Return the record that registers a mine under the licence ``LIC-<facility>``."""
    return RegisterFacility(
        id=FacilityId(facility),
        owner=MemberId(owner),
        activity=Activity.MINING,
        place="Inner Mongolia",
        ore=ore,
        ore_kind=ore_kind,
        licence=f"LIC-{facility}",
        lines=1,
        yearly_capacity=Grams(yearly_capacity),
        process_stock_cap=Grams(0),
    )


def ore_product(
    code: str = "ORE-MIX", *, ore_kind: OreKind = OreKind.ROCK, version: int = 1
) -> DefineProduct:
    """Return the record that defines an ore."""
    return DefineProduct(
        code=ProductCode(code),
        version=version,
        name=f"Ore {code}",
        product_class=ProductClass.ORE,
        elements=(),
        reo_permille_low=300,
        reo_permille_high=600,
        status_at_origin=QuotaStatus.UNDEBITED,
        customs_codes=("2530.90.20",),
        ore_kind=ore_kind,
    )


def single_product(code: str, *elements: Element) -> DefineProduct:
    """Return the record that defines an oxide of ``elements``."""
    return DefineProduct(
        code=ProductCode(code),
        version=1,
        name=f"Oxide {code}",
        product_class=ProductClass.COMPOUND,
        elements=elements,
        reo_permille_low=990,
        reo_permille_high=1_000,
        status_at_origin=QuotaStatus.DEBITED,
        customs_codes=(),
        ore_kind=OreKind.NONE,
    )

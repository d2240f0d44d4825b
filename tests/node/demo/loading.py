"""A small loader: the rows of the files as records in a ledger in memory, wave by wave.

It knows the files and the ledger's records, and nothing of the generator. Each wave is one block; each
sheet is one transaction by its member. The civil day of a month's blocks is the month's last.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from ledger import civil
from ledger.commit import open_committed
from ledger.genesis import encode_genesis, open_genesis
from ledger.parsed import ParsedTransaction
from ledger.records.accept_transfer import AcceptTransfer
from ledger.records.admit_member import AdmitMember
from ledger.records.cancel_transfer import CancelTransfer
from ledger.records.define_product import DefineProduct
from ledger.records.grant_quota import GrantQuota
from ledger.records.mine_output import MineOutput
from ledger.records.offer_transfer import OfferTransfer
from ledger.records.record import Record
from ledger.records.register_facility import RegisterFacility
from ledger.records.reject_transfer import RejectTransfer
from ledger.records.set_plan import SetPlan
from ledger.records.split_lot import Child, SplitLot
from ledger.records.transfer_rules import TRANSFER_PART
from ledger.state.rows import Fingerprint, ShareBand
from ledger.store import MemoryStore
from ledger.transition import BuiltBlock
from ledger.vocabulary import (
    LIGHT_ELEMENTS,
    Activity,
    AuthorityOffice,
    Bucket,
    Element,
    MemberKind,
    OreKind,
    ProductClass,
    Purpose,
    QuotaStatus,
    Role,
)
from ledger.wire.scalars import (
    CivilDate,
    Digest,
    FacilityId,
    Grams,
    LotId,
    MemberId,
    Month,
    ProductCode,
)
from ledger.wire.transaction import lot_id_of
from node.demo.figures import load_figures
from tests.node.demo.replay import Row, read_rows
from tests.support.founding import FOUNDERS, MINISTRY, NETWORK, UTC_OFFSET_MINUTES, genesis_document
from tests.support.keys import new_key
from tests.support.world import MEMBER_ROLES, World

ELEMENTS_OF_SHARE: dict[str, tuple[Element, ...]] = {
    "CeO2": (Element.CE,),
    "Y2O3": (Element.Y,),
    "light total": LIGHT_ELEMENTS,
    "heavy total": tuple(one for one in Element if one not in (*LIGHT_ELEMENTS, Element.SC)),
}
BY_MINISTRY = ((MINISTRY, Role.OPERATOR),)


def fingerprints() -> tuple[Fingerprint, ...]:
    """Give the network parameter that stands for the published fingerprints."""
    bands: dict[tuple[str, str], list[ShareBand]] = {}
    for bound in load_figures().fingerprints:
        band = ShareBand(
            elements=ELEMENTS_OF_SHARE[bound.share_of],
            low_permille=bound.low_permille,
            high_permille=bound.high_permille,
        )
        bands.setdefault((bound.ore, bound.kind), []).append(band)
    return tuple(
        Fingerprint(ore=ore, kind=OreKind[kind.upper()], bands=tuple(found))
        for (ore, kind), found in sorted(bands.items())
    )


def civil_date(text: str) -> CivilDate:
    return CivilDate(int(text.replace("-", "")))


def digest(text: str) -> Digest:
    return Digest(bytes.fromhex(text))


def listed(text: str) -> tuple[str, ...]:
    return tuple(text.split(";")) if text else ()


class DemoWorld(World):
    """The test ledger with the demo's fingerprints, from the first of January 2023."""

    def __init__(self) -> None:
        super().__init__()
        document = genesis_document()
        document = msgspec.structs.replace(
            document,
            parameters=msgspec.structs.replace(document.parameters, fingerprints=fingerprints()),
            time_ms=civil.start_of_year(2023, UTC_OFFSET_MINUTES),
        )
        self.genesis = open_genesis(encode_genesis(document))
        self.chain_id = self.genesis.chain_id
        self.store = MemoryStore()
        self.store.write(self.genesis.writes())
        self.state = open_committed(self.store)
        self.time_ms = self.genesis.header.time_ms


class Loader:
    """Loads a directory of demo files into a ledger; every record must apply."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.world = DemoWorld()
        self.lots: dict[str, LotId] = {}
        self.transfers: dict[tuple[str, str], LotId] = {}
        self.blocks: list[BuiltBlock] = []
        self.records = 0

    def load(self) -> None:
        """Load everything, master data first."""
        self._load_master_data()
        for month in sorted((self.directory / "flows").iterdir()):
            after = civil.next_month(Month(int(month.name.replace("-", ""))))
            self.world.move_to(civil.start_of_month(after, UTC_OFFSET_MINUTES) - 3_600_000)
            for wave in sorted(month.iterdir(), key=lambda path: int(path.name)):
                self._load_wave(wave)

    def _commit(self, transactions: list[ParsedTransaction]) -> None:
        built = self.world.commit(*transactions)
        for _transaction, refusal in built.left_out:
            raise refusal
        self.blocks.append(built)
        self.records += sum(len(transaction.records) for transaction in transactions)

    def _rows(self, name: str) -> list[Row]:
        return read_rows(self.directory / "master" / f"{name}.csv")

    def _load_master_data(self) -> None:
        founders = set(FOUNDERS)
        for builder, rows in (
            (admission, [row for row in self._rows("members") if row["id"] not in founders]),
            (definition, self._rows("products")),
            (plan, self._rows("plans")),
            (grant, self._rows("grants")),
        ):
            self._commit(
                [
                    self.world.transaction(MINISTRY, builder(row), signers=BY_MINISTRY)
                    for row in rows
                ]
            )
        self._commit(
            [
                self.world.transaction(
                    row["owner"],
                    registration(row),
                    signers=((row["owner"], Role.OPERATOR), (MINISTRY, Role.OPERATOR)),
                )
                for row in self._rows("facilities")
            ]
        )

    def _load_wave(self, wave: Path) -> None:
        transactions = []
        made: list[tuple[ParsedTransaction, str, list[Row]]] = []
        for path in sorted(wave.iterdir()):
            member, kind = path.stem.rsplit("-", 1)
            rows = read_rows(path)
            transaction = self.world.transaction(
                member, *(self._record(member, kind, row) for row in rows)
            )
            transactions.append(transaction)
            made.append((transaction, kind, rows))
        self._commit(transactions)
        for transaction, kind, rows in made:
            for index, row in enumerate(rows):
                self._remember(transaction, index, kind, row)

    def _remember(self, transaction: ParsedTransaction, index: int, kind: str, row: Row) -> None:
        """Note the lots and transfers that a final record made."""

        def identity(part: int) -> LotId:
            return lot_id_of(transaction.tx_id, index, part)

        author = transaction.author
        if kind == "outputs":
            self.lots[f"{author}/{row['code']}"] = identity(0)
        elif kind == "splits":
            for number, code in enumerate(listed(row["codes"])):
                self.lots[f"{author}/{code}"] = identity(number)
        elif kind == "offers":
            if row["part_code"]:
                self.lots[f"{author}/{row['part_code']}"] = identity(0)
            self.transfers[author, row["invoice"]] = identity(TRANSFER_PART)

    def _record(self, author: str, kind: str, row: Row) -> Record:
        if kind == "outputs":
            return output(row)
        lot, date = self.lots[row["lot"]], civil_date(row["date"])
        if kind == "splits":
            grams = [Grams(int(part)) for part in listed(row["gross_g"])]
            pairs = zip(listed(row["codes"]), grams, strict=True)
            children = tuple(Child(gross=gross, code=code) for code, gross in pairs)
            return SplitLot(lot=lot, date=date, children=children)
        if kind == "offers":
            return OfferTransfer(
                lot=lot,
                part_gross=Grams(int(row["part_gross_g"] or 0)),
                part_code=row["part_code"],
                buyer=MemberId(row["buyer"]),
                purpose=Purpose[row["purpose"].upper()],
                invoice=row["invoice"],
                date=date,
                terms=digest(row["terms_digest"]),
            )
        seller = author if kind == "cancellations" else row["seller"]
        transfer = self.transfers[seller, row["invoice"]]
        if kind == "receipts":
            return AcceptTransfer(
                lot=lot,
                transfer=transfer,
                date=date,
                received_gross=Grams(int(row["received_gross_g"])),
                place=row["place"],
                seals=row["seals"],
            )
        answer = RejectTransfer if kind == "rejections" else CancelTransfer
        return answer(lot=lot, transfer=transfer, date=date, reason=row["reason"])


def admission(row: Row) -> AdmitMember:
    return AdmitMember(
        id=MemberId(row["id"]),
        name=row["name"],
        kind=MemberKind[row["kind"].upper()],
        office=AuthorityOffice.NONE,
        activities=tuple(Activity[name.upper()] for name in listed(row["activities"])),
        group=row["group"],
        province=row["province"],
        registration=row["registration"],
        licences=listed(row["licences"]),
        keys=tuple(new_key(NETWORK, row["id"], role) for role in MEMBER_ROLES),
    )


def registration(row: Row) -> RegisterFacility:
    return RegisterFacility(
        id=FacilityId(row["id"]),
        owner=MemberId(row["owner"]),
        activity=Activity[row["activity"].upper()],
        place=row["place"],
        ore=row["ore"],
        ore_kind=OreKind[row["ore_kind"].upper()],
        licence=row["licence"],
        lines=int(row["lines"]),
        yearly_capacity=Grams(int(row["yearly_capacity_g"])),
        process_stock_cap=Grams(int(row["process_stock_cap_g"])),
    )


def definition(row: Row) -> DefineProduct:
    return DefineProduct(
        code=ProductCode(row["code"]),
        version=1,
        name=row["name"],
        product_class=ProductClass[row["class"].upper()],
        elements=tuple(Element[name.upper()] for name in listed(row["elements"])),
        reo_permille_low=int(row["reo_permille_low"]),
        reo_permille_high=int(row["reo_permille_high"]),
        status_at_origin=QuotaStatus[row["status"].upper()],
        customs_codes=listed(row["hs_codes"]),
        ore_kind=OreKind[row["ore_kind"].upper()],
    )


def plan(row: Row) -> SetPlan:
    return SetPlan(
        year=int(row["year"]),
        bucket=Bucket[row["bucket"].upper()],
        total=Grams(int(row["total_g"])),
        document=digest(row["document_digest"]),
    )


def grant(row: Row) -> GrantQuota:
    return GrantQuota(
        year=int(row["year"]),
        bucket=Bucket[row["bucket"].upper()],
        batch=int(row["batch"]),
        grantee=MemberId(row["grantee"]),
        grams=Grams(int(row["grams"])),
        document=digest(row["document_digest"]),
    )


def output(row: Row) -> MineOutput:
    cells = [(one, row[f"{one.symbol}_g"]) for one in Element]
    return MineOutput(
        facility=FacilityId(row["facility"]),
        period_from=civil_date(row["period_from"]),
        period_to=civil_date(row["period_to"]),
        product=ProductCode(row["product"]),
        code=row["code"],
        gross=Grams(int(row["gross_g"])),
        elements=tuple((one, Grams(int(cell))) for one, cell in cells if cell),
        assay_digest=digest(row["assay_digest"]),
    )

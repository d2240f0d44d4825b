"""All tables of the state, with the parts of their keys. Adding one is one line here and its row type."""

from __future__ import annotations

from typing import Final

from ledger.state.rows import (
    AlertRow,
    DebtRow,
    ExportLicenceRow,
    ExternalNumberRow,
    FacilityRow,
    FacilityYearRow,
    FilingRow,
    GainYearRow,
    KeyRow,
    LineMonthRow,
    LineRow,
    LossRow,
    LotRow,
    MemberMonthRow,
    MemberRow,
    OpeningRow,
    ParametersRow,
    PendingRow,
    PlanRow,
    ProductRow,
    ProposalRow,
    QuotaRow,
    ScheduleRow,
    SinkRow,
    SmallLossRow,
    SplitsRow,
    SuccessionRow,
    ValidatorsRow,
)
from ledger.state.table import Table

PARAMETERS: Final = Table("parameters", b"n", ParametersRow)
"""One row, without parts."""
MEMBERS: Final = Table("members", b"m", MemberRow)
"""By member id."""
KEYS: Final = Table("keys", b"k", KeyRow)
"""By public key."""
VALIDATORS: Final = Table("validators", b"V", ValidatorsRow)
"""One row, without parts."""
FACILITIES: Final = Table("facilities", b"f", FacilityRow)
"""By facility id."""
FACILITY_YEARS: Final = Table("facility years", b"y", FacilityYearRow)
"""By facility id and year."""
PRODUCTS: Final = Table("products", b"p", ProductRow)
"""By product code: the newest version."""
PRODUCT_VERSIONS: Final = Table("product versions", b"v", ProductRow)
"""By product code and version: every version for ever, so that a lot's own is one look-up away."""
PLANS: Final = Table("plans", b"P", PlanRow)
"""By year and bucket."""
QUOTAS: Final = Table("quota accounts", b"q", QuotaRow)
"""By year, bucket and member id."""
DEBTS: Final = Table("quota debts", b"b", DebtRow)
"""By bucket and member id; over all years."""
SPLITS: Final = Table("quota splits", b"s", SplitsRow)
"""By year, bucket and member id of who passed on."""
SUCCESSIONS: Final = Table("successions", b"u", SuccessionRow)
"""By member id."""
LOTS: Final = Table("lots", b"l", LotRow)
"""By lot id."""
LOSSES: Final = Table("transit losses", b"t", LossRow)
"""By year and member id of the receiver."""
LINES: Final = Table("lines", b"L", LineRow)
"""By facility id and number of the line, from 1."""
LINE_MONTHS: Final = Table("line months", b"M", LineMonthRow)
"""By facility id, number of the line and month."""
OPENINGS: Final = Table("opening stocks", b"O", OpeningRow)
"""By facility id."""
GAIN_YEARS: Final = Table("gains", b"G", GainYearRow)
"""By year and member id."""
EXTERNAL_NUMBERS: Final = Table("external numbers", b"x", ExternalNumberRow)
"""By kind, issuer and number."""
MEMBER_MONTHS: Final = Table("member months", b"d", MemberMonthRow)
"""By member id and month."""
SINKS: Final = Table("sinks", b"S", SinkRow)
"""By year, kind of sink and member id of the holder."""
SMALL_LOSSES: Final = Table("small losses", b"J", SmallLossRow)
"""By year and member id."""
EXPORT_LICENCES: Final = Table("export licences", b"e", ExportLicenceRow)
"""By number."""
FILINGS: Final = Table("filings", b"F", FilingRow)
"""By member id: how far its months are filed."""
PROPOSALS: Final = Table("proposals", b"o", ProposalRow)
"""By transaction id and index of the record that proposed."""
SCHEDULE: Final = Table("schedule", b"h", ScheduleRow)
"""One row, without parts."""
PENDING: Final = Table("pending records", b"W", PendingRow)
"""By transaction id and index of the record that holds it."""
ALERTS: Final = Table("alerts", b"a", AlertRow)
"""By height, transaction id, record index and position among the record's alerts."""

TABLES: Final = (
    PARAMETERS,
    MEMBERS,
    KEYS,
    VALIDATORS,
    FACILITIES,
    FACILITY_YEARS,
    PRODUCTS,
    PRODUCT_VERSIONS,
    PLANS,
    QUOTAS,
    DEBTS,
    SPLITS,
    SUCCESSIONS,
    LOTS,
    LOSSES,
    LINES,
    LINE_MONTHS,
    OPENINGS,
    GAIN_YEARS,
    EXTERNAL_NUMBERS,
    MEMBER_MONTHS,
    SINKS,
    SMALL_LOSSES,
    EXPORT_LICENCES,
    FILINGS,
    PROPOSALS,
    SCHEDULE,
    PENDING,
    ALERTS,
)

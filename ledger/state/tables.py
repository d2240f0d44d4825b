"""All tables of the state, with the parts of their keys. Adding one is one line here and its row type."""

from __future__ import annotations

from typing import Final

from ledger.state.rows import (
    AlertRow,
    ExternalNumberRow,
    FacilityRow,
    FacilityYearRow,
    KeyRow,
    LossRow,
    LotRow,
    MemberMonthRow,
    MemberRow,
    ParametersRow,
    PlanRow,
    ProductRow,
    QuotaRow,
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
LOTS: Final = Table("lots", b"l", LotRow)
"""By lot id."""
LOSSES: Final = Table("transit losses", b"t", LossRow)
"""By year and member id of the receiver."""
EXTERNAL_NUMBERS: Final = Table("external numbers", b"x", ExternalNumberRow)
"""By kind, issuer and number."""
MEMBER_MONTHS: Final = Table("member months", b"d", MemberMonthRow)
"""By member id and month."""
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
    LOTS,
    LOSSES,
    EXTERNAL_NUMBERS,
    MEMBER_MONTHS,
    ALERTS,
)

"""Refusals: a well-formed transaction that the rules do not admit, and the sentence that says why.

A refusal is not an error of anybody's program: the transaction simply does not enter the ledger. Each
has a stable code, the field at fault, and figures, so that a person sees by how many grams a limit
was missed and a program can react. Codes are never renamed or reused; ``docs/spec/rules.md`` lists them.
"""

from __future__ import annotations

from enum import StrEnum


class RefusalCode(StrEnum):
    """Why a transaction was refused. The value is stable and part of the API."""

    # the transaction as a whole
    WRONG_CHAIN = "wrong_chain"
    UNSUPPORTED_VERSION = "unsupported_version"
    DUPLICATE_TRANSACTION = "duplicate_transaction"
    EXPIRED = "expired"
    VALID_TOO_LONG = "valid_too_long"
    SEALED_NOT_NAMED = "sealed_not_named"
    # who signed
    UNKNOWN_AUTHOR = "unknown_author"
    AUTHOR_SUSPENDED = "author_suspended"
    UNKNOWN_KEY = "unknown_key"
    KEY_NOT_VALID = "key_not_valid"
    KEY_REVOKED = "key_revoked"
    SIGNATURE_MISSING = "signature_missing"
    SIGNATURE_NOT_NEEDED = "signature_not_needed"
    BAD_SIGNATURE = "bad_signature"
    # members, keys, master data
    NOT_THE_MINISTRY = "not_the_ministry"
    MEMBER_EXISTS = "member_exists"
    MEMBER_UNKNOWN = "member_unknown"
    MEMBER_NOT_ACTIVE = "member_not_active"
    MEMBER_NOT_SUSPENDED = "member_not_suspended"
    REGISTRATION_TAKEN = "registration_taken"
    KEY_EXISTS = "key_exists"
    KEY_UNKNOWN = "key_unknown"
    KEY_OF_ANOTHER = "key_of_another"
    KEY_OF_VALIDATOR = "key_of_validator"
    LAST_ADMIN_KEY = "last_admin_key"
    TOO_MANY_ADMIN_KEYS = "too_many_admin_keys"
    POSSESSION_NOT_PROVEN = "possession_not_proven"
    VALIDITY_WINDOW = "validity_window"
    FACILITY_EXISTS = "facility_exists"
    FACILITY_UNKNOWN = "facility_unknown"
    FACILITY_OF_ANOTHER = "facility_of_another"
    ACTIVITY_MISSING = "activity_missing"
    LICENCE_TAKEN = "licence_taken"
    LICENCE_UNKNOWN = "licence_unknown"
    ORE_UNKNOWN = "ore_unknown"
    PRODUCT_UNKNOWN = "product_unknown"
    PRODUCT_INVALID = "product_invalid"
    PRODUCT_VERSION = "product_version"
    FIELD_INVALID = "field_invalid"
    # quota
    PLAN_EXISTS = "plan_exists"
    PLAN_UNKNOWN = "plan_unknown"
    PLAN_EXCEEDED = "plan_exceeded"
    YEAR_OVER = "year_over"
    QUOTA_EXCEEDED = "quota_exceeded"
    QUOTA_UNKNOWN = "quota_unknown"
    QUOTA_DEBT = "quota_debt"
    SUM_TOO_LARGE = "sum_too_large"
    PLAN_BELOW_GRANTED = "plan_below_granted"
    FIRST_BATCH_GRANTED = "first_batch_granted"
    NOT_SAME_GROUP = "not_same_group"
    SPLITS_TOO_MANY = "splits_too_many"
    SUCCESSIONS_TOO_MANY = "successions_too_many"
    # dates
    DATE_INVALID = "date_invalid"
    DATE_IN_FUTURE = "date_in_future"
    DATE_BEFORE_INPUT = "date_before_input"
    PERIOD_CROSSES_YEAR = "period_crosses_year"
    MONTH_FILED = "month_filed"
    # lots and transfers
    ORE_KIND_MISMATCH = "ore_kind_mismatch"
    COMPOSITION_INVALID = "composition_invalid"
    CODE_TAKEN = "code_taken"
    LOT_UNKNOWN = "lot_unknown"
    LOT_OF_ANOTHER = "lot_of_another"
    LOT_NOT_FREE = "lot_not_free"
    LOT_EXHAUSTED = "lot_exhausted"
    LOT_HELD = "lot_held"
    QUANTITY_EXCEEDED = "quantity_exceeded"
    PARTS_DO_NOT_ADD_UP = "parts_do_not_add_up"
    BUYER_UNKNOWN = "buyer_unknown"
    BUYER_NOT_ACTIVE = "buyer_not_active"
    BUYER_IS_SELLER = "buyer_is_seller"
    INVOICE_USED = "invoice_used"
    PURPOSE_MISMATCH = "purpose_mismatch"
    TRANSFER_UNKNOWN = "transfer_unknown"
    TRANSFER_NOT_OPEN = "transfer_not_open"
    NOT_THE_BUYER = "not_the_buyer"
    NOT_THE_SELLER = "not_the_seller"
    RECEIVED_MORE_THAN_SENT = "received_more_than_sent"
    # supervision and disputes
    SAME_PERSON = "same_person"
    NOT_AN_AUTHORITY = "not_an_authority"
    HOLD_EXISTS = "hold_exists"
    HOLD_UNKNOWN = "hold_unknown"
    HOLD_OF_ANOTHER = "hold_of_another"
    TOO_MANY_HOLDS = "too_many_holds"
    TRANSFER_NOT_DISPUTED = "transfer_not_disputed"
    NOT_A_PARTY = "not_a_party"
    SETTLEMENT_DOES_NOT_ADD_UP = "settlement_does_not_add_up"
    # sinks and export
    AUTHORITY_NEEDED = "authority_needed"
    EXPORT_LICENCE_EXISTS = "export_licence_exists"
    EXPORT_LICENCE_UNKNOWN = "export_licence_unknown"
    EXPORT_LICENCE_EXCEEDED = "export_licence_exceeded"
    # filing
    NOT_AN_ENTERPRISE = "not_an_enterprise"
    MONTH_INVALID = "month_invalid"
    MONTH_NOT_OVER = "month_not_over"
    MONTH_NOT_NEXT = "month_not_next"
    TOTALS_DIFFER = "totals_differ"
    DIGEST_DIFFERS = "digest_differs"
    TOO_MANY_PRODUCTS = "too_many_products"
    # correction
    TARGET_UNKNOWN = "target_unknown"
    NOT_CORRECTABLE = "not_correctable"
    CORRECTION_EXCEEDS_LOT = "correction_exceeds_lot"
    # production
    NUMBER_USED = "number_used"
    NOT_CUSTOMS = "not_customs"
    CUSTOMS_CODE_MISMATCH = "customs_code_mismatch"
    SELLER_IS_MEMBER = "seller_is_member"
    CLASS_MISMATCH = "class_mismatch"
    LOTS_DIFFER = "lots_differ"
    LINE_UNKNOWN = "line_unknown"
    PERIOD_OVERLAPS = "period_overlaps"
    OPENING_MISMATCH = "opening_mismatch"
    ELEMENTS_DO_NOT_ADD_UP = "elements_do_not_add_up"
    GAIN_EXCEEDED = "gain_exceeded"
    LOSS_ABOVE_NORM = "loss_above_norm"
    UNDEBITED = "undebited"
    NO_EXCESS = "no_excess"
    OPENING_EXISTS = "opening_exists"
    OPENING_TOO_LATE = "opening_too_late"
    NOT_A_LABORATORY = "not_a_laboratory"
    # governance
    NOT_AN_OPERATOR = "not_an_operator"
    PARAMETER_INVALID = "parameter_invalid"
    VALIDATORS_INVALID = "validators_invalid"
    SCHEDULE_FULL = "schedule_full"
    PROPOSAL_UNKNOWN = "proposal_unknown"
    PROPOSAL_CLOSED = "proposal_closed"
    BALLOT_EXISTS = "ballot_exists"
    # pending records
    PENDING_UNKNOWN = "pending_unknown"
    PENDING_CLOSED = "pending_closed"
    APPROVAL_NOT_NEEDED = "approval_not_needed"


Figure = str | int


class Refused(Exception):  # noqa: N818 - a refusal is not an error
    """The rules do not admit a transaction."""

    def __init__(
        self,
        code: RefusalCode,
        sentence: str,
        *,
        field: str = "",
        record_index: int | None = None,
        **figures: Figure,
    ) -> None:
        self.code = code
        self.sentence = sentence
        """One sentence in words, with the figures in it."""
        self.field = field
        """Which field of the record is at fault, empty when it is the transaction as a whole."""
        self.record_index = record_index
        """Which record of the transaction, None when it is the transaction as a whole."""
        self.figures = figures
        """The numbers and names behind the sentence; masses in grams, times in milliseconds."""
        super().__init__(sentence)

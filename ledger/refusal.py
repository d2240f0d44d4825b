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

"""Scalars with a meaning of their own, and the consensus limits.

Every number and byte string that could be mistaken for another has its own type, so that a type
checker refuses a height where a view is wanted. The ``…Field`` aliases add the range that the
decoder enforces; they are what wire types use for their fields.

The limits here are rules: every node and every auditor applies the same ones, for ever. Limits that
an operator may choose are in ``node.config``.
"""

from __future__ import annotations

from typing import Annotated, Final, NewType

from msgspec import Meta

U16_MAX: Final = 2**16 - 1
U32_MAX: Final = 2**32 - 1
I64_MAX: Final = 2**63 - 1

Digest = NewType("Digest", bytes)
"""A SHA-256 digest, 32 bytes."""
ChainId = NewType("ChainId", bytes)
"""SHA-256 of the genesis document's bytes, 32 bytes."""
BlockId = NewType("BlockId", bytes)
"""Digest of a header, 32 bytes."""
TxId = NewType("TxId", bytes)
"""Digest that names a transaction whatever its signatures, 32 bytes."""
LotId = NewType("LotId", bytes)
"""Name of a lot, 16 bytes, derived from the transaction and the record that made it."""
PublicKey = NewType("PublicKey", bytes)
"""Ed25519 public key, 32 bytes. A key is its own name: there is no separate key id."""
SignatureBytes = NewType("SignatureBytes", bytes)
"""Ed25519 signature, 64 bytes."""
Nonce = NewType("Nonce", bytes)
"""16 random bytes chosen by the author; they make the transaction unique and salt its records."""

Height = NewType("Height", int)
"""Position of a block in the chain; the genesis block is 0."""
View = NewType("View", int)
"""One attempt of one leader; the genesis block was decided in view 0."""
Epoch = NewType("Epoch", int)
"""A period with one validator set; the first is 0."""
ValidatorIndex = NewType("ValidatorIndex", int)
"""Position of a validator in its epoch's set."""
TimeMs = NewType("TimeMs", int)
"""Milliseconds since 1970-01-01T00:00:00Z."""
Grams = NewType("Grams", int)
"""Mass in grams."""
CivilDate = NewType("CivilDate", int)
"""A calendar day as the decimal digits YYYYMMDD, for example 20240229."""
Month = NewType("Month", int)
"""A calendar month as the decimal digits YYYYMM."""
MemberId = NewType("MemberId", str)
"""Name of an admitted organisation: a letter, then letters, digits and hyphens; at most 32."""
FacilityId = NewType("FacilityId", str)
"""Name of a facility, spelled like a member id; unique over the whole ledger."""
ProductCode = NewType("ProductCode", str)
"""Code of a product in the catalogue, such as ``ORE-MIX``."""

# Limits of the wire, in one place. Changing one is a new rules version.
TRANSACTION_BYTES_MAX: Final = 256 * 1024
RECORDS_PER_TRANSACTION_MAX: Final = 1_000
RECORD_BYTES_MAX: Final = 64 * 1024
SIGNATURES_PER_TRANSACTION_MAX: Final = 8
SEALED_PER_TRANSACTION_MAX: Final = 16
SEALED_BYTES_MAX: Final = 8 * 1024
BLOCK_BYTES_MAX: Final = 4 * 1024 * 1024
TRANSACTIONS_PER_BLOCK_MAX: Final = 20_000
VALIDATORS_MAX: Final = 63
"""A certificate's set of signers is a positive number of 63 bits."""
MERKLE_PATH_MAX: Final = 64
NAME_CHARACTERS_MAX: Final = 128
VALIDITY_MS_MAX: Final = 24 * 60 * 60 * 1000
ORIGINS_PER_LOT_MAX: Final = 64
CHILDREN_PER_SPLIT_MAX: Final = 64
LOT_GRAMS_MAX: Final = 10**12
"""Most that one record puts into a lot, a million tonnes; keeps every running total within 63 bits."""

IDENTIFIER_PATTERN: Final = r"^[a-z][a-z0-9-]{0,31}\Z"
CODE_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9./_-]{0,63}\Z"

DigestField = Annotated[Digest, Meta(min_length=32, max_length=32)]
ChainIdField = Annotated[ChainId, Meta(min_length=32, max_length=32)]
BlockIdField = Annotated[BlockId, Meta(min_length=32, max_length=32)]
TxIdField = Annotated[TxId, Meta(min_length=32, max_length=32)]
LotIdField = Annotated[LotId, Meta(min_length=16, max_length=16)]
PublicKeyField = Annotated[PublicKey, Meta(min_length=32, max_length=32)]
SignatureField = Annotated[SignatureBytes, Meta(min_length=64, max_length=64)]
NonceField = Annotated[Nonce, Meta(min_length=16, max_length=16)]
HeightField = Annotated[Height, Meta(ge=0, le=I64_MAX)]
ViewField = Annotated[View, Meta(ge=0, le=I64_MAX)]
EpochField = Annotated[Epoch, Meta(ge=0, le=I64_MAX)]
ValidatorIndexField = Annotated[ValidatorIndex, Meta(ge=0, lt=VALIDATORS_MAX)]
TimeField = Annotated[TimeMs, Meta(ge=0, le=I64_MAX)]
GramsField = Annotated[Grams, Meta(ge=0, le=I64_MAX)]
LotGramsField = Annotated[Grams, Meta(ge=1, le=LOT_GRAMS_MAX)]
CivilDateField = Annotated[CivilDate, Meta(ge=1970_01_01, le=9999_12_31)]
MonthField = Annotated[Month, Meta(ge=1970_01, le=9999_12)]
YearField = Annotated[int, Meta(ge=1970, le=9999)]
MemberIdField = Annotated[MemberId, Meta(pattern=IDENTIFIER_PATTERN)]
FacilityIdField = Annotated[FacilityId, Meta(pattern=IDENTIFIER_PATTERN)]
ProductCodeField = Annotated[ProductCode, Meta(pattern=CODE_PATTERN)]
CodeField = Annotated[str, Meta(pattern=CODE_PATTERN)]
NameField = Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]
TextField = Annotated[str, Meta(max_length=1_024)]
CountField = Annotated[int, Meta(ge=0, le=U32_MAX)]
VersionField = Annotated[int, Meta(ge=1, le=U16_MAX)]
MerklePathField = Annotated[tuple[DigestField, ...], Meta(max_length=MERKLE_PATH_MAX)]

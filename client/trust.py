"""What the reader trusts: the genesis that it pinned, and what follows from it.

The chain id is the SHA-256 of the document, the validator set is the founders'. Everything that a node
says is checked against these two and nothing else; they never come from a node (architecture D14).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from client.errors import UsageError
from ledger.errors import InvalidGenesisError
from ledger.genesis import open_genesis
from ledger.wire.scalars import ChainId, MemberId
from ledger.wire.validators import ValidatorSet


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """A pinned genesis, opened."""

    chain_id: ChainId
    validators: ValidatorSet
    """The voters; this version knows one set."""
    network: str
    ministry: MemberId
    utc_offset_minutes: int
    """Civil time of the network."""
    products: tuple[str, ...]
    """Codes of the products that the founders agreed on; the catalogue has more by now."""
    genesis: bytes = field(repr=False)
    """The document's exact bytes."""


def trust_root_of(genesis: bytes) -> TrustRoot:
    """Return what a pinned genesis document makes trustworthy.

    Raises:
        UsageError: It is no genesis document, or founds no network; the field is named.
    """
    try:
        opened = open_genesis(genesis)
    except InvalidGenesisError as error:
        raise UsageError(
            f"the pinned genesis is not usable: {error}. Get it again from somebody you trust."
        ) from error
    parameters = opened.document.parameters
    return TrustRoot(
        chain_id=opened.chain_id,
        validators=opened.validators,
        network=parameters.network,
        ministry=parameters.ministry,
        utc_offset_minutes=parameters.utc_offset_minutes,
        products=tuple(product.code for product in opened.document.products),
        genesis=genesis,
    )

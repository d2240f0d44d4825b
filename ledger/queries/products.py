"""The catalogue of products, in its newest versions and in every version."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.queries.rows import PAGE_SIZE_MAX, Listing, list_rows, row_of, text_part
from ledger.state.rows import ProductRow
from ledger.state.tables import PRODUCT_VERSIONS, PRODUCTS
from ledger.store import Reader
from ledger.wire.scalars import ProductCode


@dataclass(frozen=True, slots=True)
class ListedProduct:
    """A product with its code."""

    code: ProductCode
    row: ProductRow


def product(reader: Reader, code: ProductCode, *, version: int | None = None) -> ProductRow | None:
    """Return a product in one version, by default the newest, or None."""
    if version is None:
        return row_of(reader, PRODUCTS, code)
    return row_of(reader, PRODUCT_VERSIONS, code, version)


def product_versions(reader: Reader, code: ProductCode) -> tuple[ProductRow, ...]:
    """Return every version of a product, oldest first."""
    return tuple(row for _rest, row in list_rows(reader, PRODUCT_VERSIONS, code).items)


def products(
    reader: Reader, *, after: ProductCode | None = None, limit: int = PAGE_SIZE_MAX
) -> Listing[ListedProduct]:
    """Return one page of the catalogue in its newest versions, by code, behind ``after``."""
    page = list_rows(
        reader, PRODUCTS, after=None if after is None else after.encode() + b"\0", limit=limit
    )
    items = tuple(ListedProduct(ProductCode(text_part(rest)[0]), row) for rest, row in page.items)
    return Listing(items, None if page.next_after is None else page.next_after.rstrip(b"\0"))

"""What the ledger knows that rows refer to: members, products, facilities, lots, open offers.

Everything is asked once per register and kept, except lots, which move while an import runs. Lists for
suggestions are fetched only when something is not known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from client.answers import Lot, Offer
from client.errors import NotFound, UsageError
from client.session import Client
from ledger.wire.scalars import MemberId

QUESTIONS_AT_ONCE: Final = 16


class Register:
    """The ledger's own lists, as one import sees them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._limit = asyncio.Semaphore(QUESTIONS_AT_ONCE)
        self._products: dict[str, bool] = {}
        self._members: dict[str, bool] = {}
        self._facilities: tuple[str, ...] | None = None
        self._product_codes: tuple[str, ...] | None = None
        self._member_ids: tuple[str, ...] | None = None

    @property
    def author(self) -> MemberId:
        """Who writes."""
        return self._client.author

    async def unknown_products(self, codes: Iterable[str]) -> frozenset[str]:
        """Return those of ``codes`` that are not in the catalogue."""
        return await self._unknown(codes, self._products, self._has_product)

    async def unknown_members(self, members: Iterable[str]) -> frozenset[str]:
        """Return those of ``members`` that are not in the register."""
        return await self._unknown(members, self._members, self._has_member)

    async def facilities(self) -> tuple[str, ...]:
        """Return the ids of the author's own facilities."""
        if self._facilities is None:
            try:
                member = await self._client.member(self.author)
            except NotFound as error:
                raise UsageError(
                    f"{self.author}, for whom the profile writes, is not in the register: {error}."
                ) from error
            self._facilities = tuple(facility.id for facility in member.facilities)
        return self._facilities

    async def product_codes(self) -> tuple[str, ...]:
        """Return the codes of the catalogue, for suggestions; none where a node does not list them."""
        if self._product_codes is None:
            try:
                self._product_codes = tuple(
                    [product.code async for product in self._client.products()]
                )
            except (NotFound, UsageError):
                # A node that cannot list its catalogue: what the founders agreed on is known anyway.
                self._product_codes = self._client.trust.products
        return self._product_codes

    async def member_ids(self) -> tuple[str, ...]:
        """Return the ids of the register, for suggestions."""
        if self._member_ids is None:
            self._member_ids = tuple([member.id async for member in self._client.members()])
        return self._member_ids

    async def lots(self, names: Iterable[str]) -> dict[str, Lot | None]:
        """Return the lots of these names as they are now; None for what does not exist."""
        wanted = list(dict.fromkeys(names))
        found = await asyncio.gather(*map(self._lot, wanted))
        return dict(zip(wanted, found, strict=True))

    async def offers(self) -> dict[str, Offer]:
        """Return the open offers to the author, by the name of the lot."""
        return {offer.name: offer for offer in await self._client.offers(self.author)}

    async def _lot(self, name: str) -> Lot | None:
        async with self._limit:
            try:
                return await self._client.lot(name)
            except NotFound:
                return None

    async def _has_product(self, code: str) -> bool:
        try:
            await self._client.product(code)
        except NotFound:
            return False
        return True

    async def _has_member(self, member: str) -> bool:
        try:
            await self._client.member(member)
        except NotFound:
            return False
        return True

    async def _unknown(
        self,
        names: Iterable[str],
        known: dict[str, bool],
        ask: Callable[[str], Awaitable[bool]],
    ) -> frozenset[str]:
        async def learn(name: str) -> None:
            async with self._limit:
                known[name] = await ask(name)

        wanted = frozenset(names)
        await asyncio.gather(*(learn(name) for name in sorted(wanted - known.keys())))
        return frozenset(name for name in wanted if not known[name])

"""Closed vocabularies of the rule book: kinds, roles, buckets, elements.

Numbers stand on the wire and in the state and are never renumbered; the lower-case names are what
people read and write. Evidence for the terms: State Council Decree 785 (2024) and the Interim
Measures on total-quantity control (2025); see ``docs/spec/rules.md``.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class MemberKind(IntEnum):
    """What sort of organisation a member is."""

    AUTHORITY = 1
    ENTERPRISE = 2
    AUDITOR = 3
    LABORATORY = 4


class AuthorityOffice(IntEnum):
    """Which authority an authority is; NONE for everybody else."""

    NONE = 0
    MINISTRY = 1
    CUSTOMS = 2
    TAX = 3
    PROVINCE = 4
    INSPECTORATE = 5


class Activity(IntEnum):
    """What an enterprise is approved to do, and what a facility does."""

    MINING = 1
    SEPARATION = 2
    METAL = 3
    RECYCLING = 4
    EXPORT = 5
    IMPORT = 6
    TRADE = 7
    END_USE = 8


class Role(IntEnum):
    """What a key may sign."""

    ADMIN = 1
    """Keys of its member."""
    OPERATOR = 2
    """Everyday records."""
    FILING = 3
    """Monthly filings."""
    SEALING = 4
    """Receives sealed attachments; signs nothing."""
    NODE = 5
    """Identifies a node to other nodes (TLS)."""
    CONSENSUS = 6
    """Votes, and nothing else."""
    CHECKPOINT = 7
    """Signs checkpoints for witnesses."""


class MemberStatus(IntEnum):
    """Whether a member may act."""

    ACTIVE = 1
    SUSPENDED = 2
    SUCCEEDED = 3
    """Closed for ever: another member has taken its place."""


class Bucket(IntEnum):
    """What a quota counts, per calendar year."""

    ROCK_MINING = 1
    IONIC_MINING = 2
    SEPARATION = 3


class OreKind(IntEnum):
    """Kind of ore of a mine; NONE for every other facility."""

    NONE = 0
    ROCK = 1
    IONIC = 2


class ProductClass(IntEnum):
    """Stage of a product."""

    ORE = 1
    COMPOUND = 2
    METAL = 3
    ALLOY = 4
    SCRAP = 5
    MAGNET = 6


class QuotaStatus(IntEnum):
    """Whether a gram was counted against the separation quota."""

    UNDEBITED = 1
    DEBITED = 2
    EXEMPT = 3


class Purpose(IntEnum):
    """Why a lot is handed over."""

    SALE = 1
    TOLL = 2
    CONSIGNMENT = 3
    RETURN = 4


class CampaignKind(IntEnum):
    """What a campaign does to its inputs."""

    SEPARATION = 1
    METAL = 2
    RECYCLING = 3
    BLENDING = 4


class TransferState(IntEnum):
    """What became of an offer."""

    OPEN = 1
    ACCEPTED = 2
    REJECTED = 3
    CANCELLED = 4
    DISPUTED = 5


class Element(IntEnum):
    """The rare-earth elements, numbered by atomic number. Promethium does not occur in trade."""

    SC = 21
    Y = 39
    LA = 57
    CE = 58
    PR = 59
    ND = 60
    SM = 62
    EU = 63
    GD = 64
    TB = 65
    DY = 66
    HO = 67
    ER = 68
    TM = 69
    YB = 70
    LU = 71

    @property
    def symbol(self) -> str:
        """The chemical symbol, such as ``Nd``."""
        return self.name.capitalize()


LIGHT_ELEMENTS: Final = (Element.LA, Element.CE, Element.PR, Element.ND, Element.SM, Element.EU)
"""Lanthanum to europium, as Chinese ore statistics group them."""


class BallotChoice(IntEnum):
    """What a ballot says to a proposal."""

    YES = 1
    NO = 2


class ProposalState(IntEnum):
    """What became of a proposal; one that is open past its end has lapsed."""

    OPEN = 1
    PASSED = 2


class PendingState(IntEnum):
    """What became of a pending record; one that is open past its end has lapsed."""

    OPEN = 1
    EFFECTIVE = 2


class ExternalNumberKind(IntEnum):
    """Kinds of numbers that others issue; each is unique per issuer and kind."""

    REGISTRATION = 1
    LICENCE = 2
    INVOICE = 3
    CONTAINER_CODE = 4
    DECLARATION = 5
    PURCHASE = 6
    LABORATORY_REPORT = 7


class SinkKind(IntEnum):
    """How a quantity leaves the traced world."""

    CONSUMED = 1
    EXPORTED = 2
    WRITTEN_OFF = 3
    INCIDENT = 4


class IncidentKind(IntEnum):
    """What happened to goods that are gone."""

    THEFT = 1
    FIRE = 2
    WATER = 3
    ACCIDENT = 4


CONTROLLED_ELEMENTS: Final = (
    Element.SC, Element.Y, Element.SM, Element.GD, Element.TB, Element.DY, Element.LU,
)  # fmt: skip
"""Under export control where the genesis says nothing else: MOFCOM and GACC notice 18 of 2025."""


class HoldAct(IntEnum):
    """What is done about a hold."""

    PLACE = 1
    RENEW = 2

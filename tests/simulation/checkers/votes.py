"""Votes over a key's whole life, restarts included, and what they add up to.

No correct validator ever signs two statements of E1 to E5; no view has two notarized blocks, or both a
finalization and a nullification, as far as certificates were ever sent; nobody correct is accused, and
every accusation is proven.
"""

from __future__ import annotations

from collections.abc import Iterable

from consensus.effects import Accuse, Halt, Suspect
from consensus.evidence import verify_evidence
from consensus.messages import Certificates, Message, Proposal, Vote
from ledger.wire.block import Point
from ledger.wire.certificate import Certificate, CertificateKind, verify_certificate
from ledger.wire.scalars import ChainId, Epoch
from ledger.wire.validators import ValidatorSet
from tests.simulation.toy_ledger import CHAIN_ID, EPOCH, validator_set
from tests.simulation.world import Slot

_NOTARIZE = CertificateKind.NOTARIZATION
_NULLIFY = CertificateKind.NULLIFICATION
_FINALIZE = CertificateKind.FINALIZATION


class Votes:
    """Votes of a set of validators; by default those of the toy ledger."""

    def __init__(
        self,
        count: int,
        *,
        validators: ValidatorSet | None = None,
        chain_id: ChainId = CHAIN_ID,
        epoch: Epoch = EPOCH,
    ) -> None:
        self._validators = validator_set(count) if validators is None else validators
        self._chain_id = chain_id
        self._epoch = epoch
        self._votes: dict[tuple[str, CertificateKind, int], Point | None] = {}
        self._proposals: dict[tuple[str, int], bytes] = {}
        self._decided: dict[tuple[CertificateKind, int], Point | None] = {}
        self.correct: set[str] = set()
        self.accused: set[str] = set()
        self.certificates = 0

    def on_send(self, slot: Slot, message: Message) -> None:
        if not slot.correct:
            return
        match message:
            case Vote():
                if self._validators.validators[message.voter].name == slot.name:
                    self._own_vote(slot, message)
            case Proposal():
                self._certificates(message.justification)
                key = (slot.name, message.point.view)
                block_id = self._proposals.setdefault(key, message.point.block_id)
                assert block_id == message.point.block_id, f"{slot.name} proposed twice"
            case Certificates(certificates=certificates):
                self._certificates(certificates)
            case _:
                pass

    def _own_vote(self, slot: Slot, vote: Vote) -> None:
        key = (slot.name, vote.kind, vote.view)
        point = self._votes.setdefault(key, vote.point)
        assert point == vote.point, f"{slot.name} voted twice: {vote}"
        notarize = self._votes.get((slot.name, _NOTARIZE, vote.view))
        finalize = self._votes.get((slot.name, _FINALIZE, vote.view))
        nullified = (slot.name, _NULLIFY, vote.view) in self._votes
        assert finalize is None or not nullified, f"{slot.name} nullified and finalized {vote.view}"
        assert finalize is None or notarize in (None, finalize), f"{slot.name} finalized another"

    def _certificates(self, certificates: Iterable[Certificate]) -> None:
        for certificate in certificates:
            key = (certificate.kind, int(certificate.view))
            if key in self._decided:
                assert self._decided[key] == certificate.point, f"two certificates for {key}"
                continue
            verify_certificate(
                certificate, chain_id=self._chain_id, epoch=self._epoch, validators=self._validators
            )
            self.certificates += 1
            self._decided[key] = certificate.point
            view = certificate.view
            both = (_FINALIZE, view) in self._decided and (_NULLIFY, view) in self._decided
            assert not both, f"view {view} is final and nullified"
            notarized = self._decided.get((_NOTARIZE, view))
            final = self._decided.get((_FINALIZE, view))
            assert None in (notarized, final) or notarized == final

    def on_stored(self, slot: Slot) -> None:
        pass

    def on_notice(self, slot: Slot, notice: Accuse | Suspect | Halt) -> None:
        if slot.correct and isinstance(notice, Suspect):
            assert notice.peer not in self.correct, f"{notice.peer} is suspected: {notice.reason}"
        if slot.correct and isinstance(notice, Accuse):
            evidence = notice.evidence
            name = self._validators.validators[evidence.voter].name
            verify_evidence(
                evidence, chain_id=self._chain_id, epoch=self._epoch, validators=self._validators
            )
            assert name not in self.correct, f"{name} is correct and was accused"
            self.accused.add(name)

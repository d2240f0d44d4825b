"""The certificates held: how each view above the last stored block ended.

Certificates are kept, sent again and handed out until the blocks they decide are stored (A4): they
are what moves a node that missed something. From them follows what may be built upon:

    the tip of a view is the point notarized in the highest view below it, if every view between is
    nullified; if a view between has neither certificate there is a hole, and nothing may be guessed.

At most one notarization exists per view, and no view is both nullified and final. If certificates
that contradict this are ever seen, more than ``f`` validators are at fault: ``SafetyViolationError``.
"""

from __future__ import annotations

from ledger.wire.block import Point
from ledger.wire.certificate import Certificate, CertificateKind
from ledger.wire.scalars import BlockId, View

_NOTARIZE = CertificateKind.NOTARIZATION
_NULLIFY = CertificateKind.NULLIFICATION
_FINALIZE = CertificateKind.FINALIZATION


class SafetyViolationError(Exception):
    """Two things are proven that cannot both be: more than ``f`` validators broke the rules."""


class CertificateStore:
    """Verified certificates of the views above the last committed block, and the newest final one."""

    def __init__(self, final: Point, certificate: Certificate | None) -> None:
        self._held: dict[CertificateKind, dict[View, Certificate]] = {
            kind: {} for kind in CertificateKind
        }
        self.final: Point = final
        """The highest point known to be final."""
        self.final_certificate: Certificate | None = certificate
        if certificate is not None:
            self._held[_FINALIZE][certificate.view] = certificate

    def get(self, kind: CertificateKind, view: View) -> Certificate | None:
        """Return the certificate of this kind for ``view``, if it is held."""
        return self._held[kind].get(view)

    def holds(self, certificate: Certificate) -> bool:
        """Tell whether the same statement is already proven here."""
        held = self.get(certificate.kind, certificate.view)
        return held is not None and held.point == certificate.point

    def add(self, certificate: Certificate) -> None:
        """Keep a verified certificate; a newer finalization becomes ``final``.

        Raises:
            SafetyViolationError: It contradicts a certificate that is held; the message has both.
        """
        self._check_consistent(certificate)
        self._held[certificate.kind].setdefault(certificate.view, certificate)
        point = certificate.point
        if certificate.kind is _FINALIZE and point is not None:
            if certificate.view > self.final.view:
                self.final, self.final_certificate = point, certificate
            elif point == self.final and self.final_certificate is None:
                self.final_certificate = certificate

    def decided(self, view: View) -> Point | None:
        """Return the point that is notarized or final in ``view``, if that is proven here."""
        if view == self.final.view:
            return self.final
        for kind in (_FINALIZE, _NOTARIZE):
            certificate = self.get(kind, view)
            if certificate is not None:
                return certificate.point
        return None

    def tip(self, view: View) -> Point | None:
        """Return the highest point on which a block of ``view`` may be built; None if there is a hole."""
        for below in range(view - 1, self.final.view, -1):
            decided = self.decided(View(below))
            if decided is not None:
                return decided
            if self.get(_NULLIFY, View(below)) is None:
                return None
        return self.final

    def hole(self, view: View) -> View | None:
        """Return the highest view below ``view`` whose end is unknown, if it hides the tip."""
        for below in range(view - 1, self.final.view, -1):
            if self.decided(View(below)) is not None:
                return None
            if self.get(_NULLIFY, View(below)) is None:
                return View(below)
        return None

    def skips_proven(self, parent_view: View, view: View) -> bool:
        """Tell whether every view strictly between is nullified (A5)."""
        return all(
            self.get(_NULLIFY, View(between)) is not None
            for between in range(parent_view + 1, view)
        )

    def justification(self, parent_view: View, view: View, limit: int) -> tuple[Certificate, ...]:
        """Return the parent's certificate and the newest nullifications between, ``limit`` at most."""
        newest = range(view - 1, max(parent_view, view - limit), -1)
        skipped = (self.get(_NULLIFY, View(between)) for between in newest)
        parent = self._proof_of_parent(parent_view)
        return (
            *(() if parent is None else (parent,)),
            *(certificate for certificate in reversed(tuple(skipped)) if certificate is not None),
        )

    def between(self, from_view: View, to_view: View, limit: int) -> tuple[Certificate, ...]:
        """Return the newest finalization, then what is held of the views from … to, ``limit`` at most."""
        found: list[Certificate] = []
        if self.final_certificate is not None and self.final_certificate.view >= from_view:
            found.append(self.final_certificate)
        first = max(from_view, self.final.view + 1)
        for view in range(first, min(to_view, first + limit) + 1):
            for kind in (_NOTARIZE, _NULLIFY):
                certificate = self.get(kind, View(view))
                if certificate is not None:
                    found.append(certificate)
        return tuple(found[:limit])

    def exit_of(self, view: View) -> tuple[Certificate, ...]:
        """Return what moves a validator out of ``view``."""
        if view <= self.final.view:
            return () if self.final_certificate is None else (self.final_certificate,)
        found = (self.get(kind, view) for kind in (_NOTARIZE, _NULLIFY))
        return tuple(certificate for certificate in found if certificate is not None)

    def proof_of(self, view: View, block_id: BlockId) -> Certificate | None:
        """Return the block's own finalization, if it has one here."""
        certificate = self.get(_FINALIZE, view)
        if certificate is None or certificate.point is None:
            return None
        return certificate if certificate.point.block_id == block_id else None

    def notarizations(self) -> tuple[Certificate, ...]:
        """Return the notarizations above the last final view, by view."""
        held = self._held[_NOTARIZE]
        return tuple(held[view] for view in sorted(held) if view > self.final.view)

    def all(self) -> tuple[Certificate, ...]:
        """Return every certificate held, by view and kind."""
        return tuple(
            self._held[kind][view]
            for view in sorted({view for held in self._held.values() for view in held})
            for kind in CertificateKind
            if view in self._held[kind]
        )

    def highest_view(self) -> View:
        """Return the highest view that has ended."""
        views = [view for held in self._held.values() for view in held]
        return max((self.final.view, *views))

    def prune(self, through: View) -> None:
        """Forget the views up to ``through``; the newest finalization stays."""
        for kind, held in self._held.items():
            self._held[kind] = {view: held[view] for view in held if view > through}
        if self.final_certificate is not None and self.final.view <= through:
            self._held[_FINALIZE][self.final.view] = self.final_certificate

    def _proof_of_parent(self, parent_view: View) -> Certificate | None:
        if parent_view == self.final.view and self.final_certificate is not None:
            return self.final_certificate
        return self.get(_FINALIZE, parent_view) or self.get(_NOTARIZE, parent_view)

    def _check_consistent(self, certificate: Certificate) -> None:
        view, kind = certificate.view, certificate.kind
        if kind is _NULLIFY:
            opposed = self.get(_FINALIZE, view)
            if opposed is not None:
                raise SafetyViolationError(f"view {view} is both final and nullified")
            return
        if kind is _FINALIZE and self.get(_NULLIFY, view) is not None:
            raise SafetyViolationError(f"view {view} is both nullified and final")
        for other in (_NOTARIZE, _FINALIZE):
            held = self.get(other, view)
            if held is not None and held.point != certificate.point:
                raise SafetyViolationError(
                    f"two blocks are decided in view {view}: {_name(held)} and {_name(certificate)}"
                )


def _name(certificate: Certificate) -> str:
    point = certificate.point
    block = "nothing" if point is None else f"block {point.block_id.hex()} at height {point.height}"
    return f"{certificate.kind.name.lower()} of {block}"

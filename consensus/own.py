"""What the own key has signed, and the only answer to "may it sign this?".

The rules (the numbers are those of the package's safety argument):

* one notarize vote per view (1);
* never both a nullify and a finalize vote in one view (2), on whatever path the vote arises (A6);
* a finalize vote only for the point of the own notarize vote of that view, if there is one (3);
* a nullify vote only before any finalize vote of the view;
* one proposal per view.

Nothing is ever taken back: what stands here was made durable before it was sent. Entries are forgotten
only when a block at or above their view is stored for good; that view is the *floor*. A statement by the
own key above the floor that does not stand here was signed by somebody else who has the key (A11).
"""

from __future__ import annotations

from consensus.messages import Proposal, Vote
from ledger.wire.block import Point
from ledger.wire.certificate import Certificate, CertificateKind
from ledger.wire.scalars import ValidatorIndex, View

_NOTARIZE = CertificateKind.NOTARIZATION
_NULLIFY = CertificateKind.NULLIFICATION
_FINALIZE = CertificateKind.FINALIZATION


class OwnStatements:
    """Everything that the own key has signed above the floor."""

    def __init__(
        self,
        floor: View,
        votes: dict[tuple[CertificateKind, View], Vote],
        proposals: dict[View, Proposal],
    ) -> None:
        self.floor = floor
        self._votes = dict(votes)
        self._proposals = dict(proposals)

    def vote(self, kind: CertificateKind, view: View) -> Vote | None:
        """Return the own vote of this kind in ``view``."""
        return self._votes.get((kind, view))

    def proposal(self, view: View) -> Proposal | None:
        """Return the own proposal in ``view``."""
        return self._proposals.get(view)

    def may_vote(self, kind: CertificateKind, view: View, point: Point | None) -> bool:
        """Tell whether the rules allow this vote, and it was not given yet."""
        if view <= self.floor or (kind, view) in self._votes:
            return False
        if kind is _NOTARIZE:
            return (_NULLIFY, view) not in self._votes and (_FINALIZE, view) not in self._votes
        if kind is _NULLIFY:
            return (_FINALIZE, view) not in self._votes
        notarize = self._votes.get((_NOTARIZE, view))
        return (_NULLIFY, view) not in self._votes and (notarize is None or notarize.point == point)

    def may_propose(self, view: View) -> bool:
        """Tell whether the rules allow a proposal in ``view``, and none was made yet."""
        return (
            view > self.floor
            and view not in self._proposals
            and not any((kind, view) in self._votes for kind in CertificateKind)
        )

    def add_vote(self, vote: Vote) -> None:
        """Enter a vote that is allowed; call before it is recorded and sent.

        Raises:
            AssertionError: It is not allowed: the caller did not ask.
        """
        if not self.may_vote(vote.kind, vote.view, vote.point):
            raise AssertionError(f"forbidden own vote {vote}")
        self._votes[vote.kind, vote.view] = vote

    def add_proposal(self, proposal: Proposal) -> None:
        """Enter a proposal that is allowed; call before it is recorded and sent.

        Raises:
            AssertionError: It is not allowed: the caller did not ask.
        """
        if not self.may_propose(proposal.point.view):
            raise AssertionError(f"forbidden own proposal in view {proposal.point.view}")
        self._proposals[proposal.point.view] = proposal

    def is_foreign_vote(self, vote: Vote) -> bool:
        """Tell whether a valid vote by the own key is none that was given here."""
        known = self._votes.get((vote.kind, vote.view))
        return vote.view > self.floor and (known is None or known.point != vote.point)

    def is_foreign_proposal(self, proposal: Proposal) -> bool:
        """Tell whether a valid proposal by the own key is none that was made here."""
        known = self._proposals.get(proposal.point.view)
        return proposal.point.view > self.floor and (known is None or known.point != proposal.point)

    def is_foreign_certificate(self, certificate: Certificate, own: ValidatorIndex) -> bool:
        """Tell whether a valid certificate holds a vote by the own key that was not given here."""
        if certificate.view <= self.floor or not certificate.signers >> own & 1:
            return False
        known = self._votes.get((certificate.kind, certificate.view))
        return known is None or known.point != certificate.point

    def highest_view(self) -> View:
        """Return the highest view in which the own key signed anything; the floor if none."""
        return max((self.floor, *(view for _kind, view in self._votes), *self._proposals))

    def votes_between(self, from_view: View, to_view: View) -> tuple[Vote, ...]:
        """Return the own votes of the views from … to, by view and kind."""
        keys = sorted((v, k) for k, v in self._votes if from_view <= v <= to_view)
        return tuple(self._votes[kind, view] for view, kind in keys)

    def proposals(self) -> tuple[Proposal, ...]:
        """Return the own proposals, by view."""
        return tuple(self._proposals[view] for view in sorted(self._proposals))

    def raise_floor(self, floor: View) -> None:
        """Forget what is at or below ``floor``; the floor never moves backwards."""
        self.floor = max(self.floor, floor)
        self._votes = {key: vote for key, vote in self._votes.items() if key[1] > self.floor}
        self._proposals = {v: p for v, p in self._proposals.items() if v > self.floor}

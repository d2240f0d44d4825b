"""Everything that leaves under the own key, and what stops the key.

Each vote is entered, recorded for sync and sent, in that order, in one place. A vote that arises from any
path goes through ``consensus.own``, which knows what the key may still sign.

A11: a valid statement by the own key that is not on record means that another process has the key, or
that the record was lost. Nothing more is signed in this epoch, restarts included.
"""

from __future__ import annotations

from consensus.effects import Accuse, Halt, HaltScope
from consensus.evidence import Evidence
from consensus.journal import RecordType, SigningStop, record
from consensus.messages import Proposal, Status, Vote, status_body
from consensus.state import State
from ledger.wire.block import Block, Point
from ledger.wire.certificate import DOMAIN_OF_KIND, Certificate, CertificateKind
from ledger.wire.scalars import BlockId, SignatureBytes, View
from ledger.wire.signing import SigningDomain


def sign_statement(state: State, domain: SigningDomain, body: bytes) -> SignatureBytes:
    """Sign with the own key.

    Raises:
        AssertionError: The engine has no key: the caller did not ask ``state.may_sign``.
    """
    if state.sign is None:
        raise AssertionError("an observer was about to sign")
    return state.sign(domain, body)


def cast(state: State, kind: CertificateKind, view: View, point: Point | None) -> bool:
    """Give a vote if the key may sign it: record, send, count it. Tell whether it was given."""
    own = state.electorate.own
    if own is None or not state.may_sign or not state.own.may_vote(kind, view, point):
        return False
    body = state.electorate.statement_body(view, point)
    vote = Vote(
        kind=kind,
        epoch=state.electorate.epoch,
        view=view,
        point=point,
        voter=own,
        signature=sign_statement(state, DOMAIN_OF_KIND[kind], body),
    )
    state.own.add_vote(vote)
    if kind is CertificateKind.NOTARIZATION and point is not None:
        record_block(state, point.block_id)
    state.outbox.persist(record(RecordType.OWN_VOTE, vote), sync=True)
    state.outbox.broadcast(vote)
    state.tally.add(vote, verified=True)
    state.uncounted[view, kind] = None
    return True


def make_proposal(
    state: State, point: Point, block: Block, justification: tuple[Certificate, ...]
) -> Proposal:
    """Sign, record and send the own proposal."""
    body = state.electorate.statement_body(point.view, point)
    proposal = Proposal(
        point=point,
        block=block,
        signature=sign_statement(state, SigningDomain.PROPOSE, body),
        justification=justification,
    )
    state.own.add_proposal(proposal)
    state.outbox.persist(record(RecordType.OWN_PROPOSE, proposal), sync=True)
    state.outbox.broadcast(proposal)
    return proposal


def record_block(state: State, block_id: BlockId) -> None:
    """Put a block into the journal unless it is there; not synced by itself."""
    known = state.blocks.get(block_id)
    if known is not None and not known.recorded:
        known.recorded = True
        state.outbox.persist(record(RecordType.BLOCK, known.block), sync=False)


def own_status(state: State) -> Status:
    """Return where this engine stands, signed if it has a key that may be used."""
    final = state.certificates.final
    unsigned = Status(
        epoch=state.electorate.epoch,
        view=state.view,
        final_view=final.view,
        final_height=final.height,
        final_block_id=final.block_id,
        started_ms=state.started_ms,
        voter=None,
        signature=None,
    )
    if not state.may_sign:
        return unsigned
    body = status_body(state.electorate.chain_id, state.electorate.validators, unsigned)
    return Status(
        epoch=unsigned.epoch,
        view=unsigned.view,
        final_view=unsigned.final_view,
        final_height=unsigned.final_height,
        final_block_id=unsigned.final_block_id,
        started_ms=unsigned.started_ms,
        voter=state.electorate.own,
        signature=sign_statement(state, SigningDomain.STATUS, body),
    )


def stop_signing(state: State, what: str) -> None:
    """Sign nothing more in this epoch: the own key was used elsewhere (A11)."""
    if state.stopped is not None or state.electorate.own is None:
        return
    name = state.electorate.names[state.electorate.own]
    state.stopped = (
        f"{what} by the key of {name} is not in this validator's journal: the key is in use "
        "elsewhere, or the journal was lost; stop the other process and rotate the key"
    )
    stop = SigningStop(epoch=state.electorate.epoch, reason=state.stopped)
    state.outbox.persist(record(RecordType.SIGNING_STOPPED, stop), sync=True)
    state.outbox.notice(Halt(HaltScope.SIGNING, state.stopped))


def accuse(state: State, evidence: Evidence) -> None:
    """Record and report the first proof of each kind of fault of a validator."""
    key = (evidence.kind, evidence.voter)
    if key in state.evidence:
        return
    state.evidence[key] = evidence
    state.outbox.persist(record(RecordType.EVIDENCE, evidence), sync=False)
    state.outbox.notice(Accuse(evidence))

"""From store and journal to a working state, and back to the fewest journal records.

The view to go on in is the highest of: one past the last view that ended, and the views in which the own
key signed anything. What the own key signed binds it; certificates are as good as on the day they were
verified; blocks are executed anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from consensus.blocks import BlockStore
from consensus.catchup.requests import RequestBook
from consensus.certificates import CertificateStore, SafetyViolationError
from consensus.config import ConsensusConfig
from consensus.effects import JournalRecord
from consensus.electorate import Electorate
from consensus.inputs import FinalizedTip
from consensus.journal import (
    Floor,
    JournalError,
    RecordType,
    Replayed,
    SigningStop,
    record,
    replay,
)
from consensus.outbox import Outbox
from consensus.own import OwnStatements
from consensus.payload import PayloadCheck
from consensus.peers import PeerBook
from consensus.state import Committing, HeldProposal, Leading, State, Stored
from consensus.tally import Tally
from consensus.timers import TimerBook
from ledger.wire.scalars import VALIDATORS_MAX, ChainId, Epoch, TimeMs, ValidatorIndex, View
from ledger.wire.signing import Sign
from ledger.wire.validators import ValidatorSet, check_validator_set


def prepare(  # noqa: PLR0913 - the engine's own arguments
    *,
    chain_id: ChainId,
    epoch: Epoch,
    validators: ValidatorSet,
    own: ValidatorIndex | None,
    sign: Sign | None,
    config: ConsensusConfig,
    final: FinalizedTip,
    journal: Iterable[JournalRecord],
    payload_matches: PayloadCheck,
) -> State:
    """Return the state to start from.

    Raises:
        JournalError: This validator must not vote with this journal.
        ValueError: The arguments contradict each other.
        NotCanonicalError: The validator set is not in order.
    """
    _check_arguments(epoch, validators, own, sign, final)
    electorate = Electorate(chain_id, epoch, validators, own)
    replayed = replay(journal, electorate, final.point.view)
    outbox = Outbox()
    peers = PeerBook(electorate)
    state = State(
        config=config,
        electorate=electorate,
        sign=sign,
        payload_matches=payload_matches,
        outbox=outbox,
        timers=TimerBook(outbox),
        # A store that was made anew stands below what the journal has forgotten.
        own=OwnStatements(
            max(final.point.view, replayed.floor), replayed.votes, replayed.proposals
        ),
        certificates=CertificateStore(final.point, final.certificate),
        tally=Tally(electorate),
        blocks=BlockStore(final.point.block_id, final.header, final.point.view),
        peers=peers,
        requests=RequestBook(config, outbox, peers),
        committing=Committing(Stored(final.point.block_id, final.point.height, final.point.view)),
        leading=Leading(config.budget_units_start),
        view=View(0),
        started_ms=TimeMs(0),
    )
    _restore(state, replayed)
    return state


def _check_arguments(
    epoch: Epoch,
    validators: ValidatorSet,
    own: ValidatorIndex | None,
    sign: Sign | None,
    final: FinalizedTip,
) -> None:
    check_validator_set(validators)
    if len(validators) > VALIDATORS_MAX:
        raise ValueError(
            f"{len(validators)} validators; certificates have room for {VALIDATORS_MAX}"
        )
    if (own is None) != (sign is None) or (own is not None and own >= len(validators)):
        raise ValueError(
            f"own index {own!r} and a {'missing' if sign is None else 'given'} signer: a validator "
            f"needs both, with an index below {len(validators)}; an observer has neither"
        )
    point, header = final.point, final.header
    if (point.epoch, point.height, point.block_id) != (epoch, header.height, header.block_id):
        raise ValueError(
            f"final point {point} does not name the header at height {header.height} "
            f"in epoch {epoch}"
        )


def _restore(state: State, replayed: Replayed) -> None:
    for block_id, block in sorted(replayed.blocks.items()):
        known = state.blocks.add(block, block_id)
        known.recorded = True
    for certificate in replayed.certificates:
        if state.certificates.holds(certificate):
            continue
        try:
            state.certificates.add(certificate)
        except SafetyViolationError as error:
            raise JournalError(
                f"the journal proves a safety violation: {error}; call an operator"
            ) from error
        state.tally.absorb(certificate)
    for vote in replayed.votes.values():
        state.tally.add(vote, verified=True)
        state.uncounted[vote.view, vote.kind] = None
    for evidence in replayed.evidence:
        state.evidence[evidence.kind, evidence.voter] = evidence
    state.stopped = replayed.stopped
    state.unfinalized = list(state.certificates.notarizations())
    state.view = View(max(state.certificates.highest_view() + 1, state.own.highest_view()))
    proposal = state.own.proposal(state.view)
    if proposal is not None:
        time_ms = proposal.block.header.time_ms
        state.proposals[state.view] = HeldProposal(proposal, time_ms, None)


def checkpoint(state: State) -> tuple[JournalRecord, ...]:
    """Return the records from which ``prepare`` restores everything that matters, in a fixed order."""
    proposals = state.own.proposals()
    proposed = {proposal.point.block_id for proposal in proposals}
    floor = Floor(epoch=state.electorate.epoch, view=state.own.floor)
    records = [record(RecordType.FLOOR, floor)] if state.own.floor else []
    records += [record(RecordType.CERTIFICATE, held) for held in state.certificates.all()]
    records += [
        record(RecordType.BLOCK, known.block)
        for known in state.blocks.all()
        if known.recorded and known.block_id not in proposed
    ]
    records += [record(RecordType.OWN_PROPOSE, proposal) for proposal in proposals]
    highest = max(state.own.highest_view(), state.own.floor)
    records += [
        record(RecordType.OWN_VOTE, vote)
        for vote in state.own.votes_between(View(state.own.floor + 1), highest)
    ]
    records += [record(RecordType.EVIDENCE, state.evidence[key]) for key in sorted(state.evidence)]
    if state.stopped is not None:
        stop = SigningStop(epoch=state.electorate.epoch, reason=state.stopped)
        records.append(record(RecordType.SIGNING_STOPPED, stop))
    return tuple(records)

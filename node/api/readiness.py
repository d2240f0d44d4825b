"""Whether clients should be sent to this node.

A node that is behind would refuse, by rules applied to an old state, what the network would take; so it
takes no transactions before it knows where the network stands. It hears that from its peers, and a few of
them may lie: what counts is what at least one honest validator must have said, that is, the highest height
that more than ``f`` validators claim.
"""

from __future__ import annotations

from typing import Final

from node.driver import Driver

BEHIND_MAX: Final = 16
"""A node that is this many blocks behind still takes transactions: they are on their way to it."""


def readiness(driver: Driver) -> dict[str, bool]:
    """Return what must hold for the node to take transactions, each with its name."""
    status = driver.replica.status
    own = 1 if status.own is not None else 0
    connected = sum(driver.peer_connections().values())
    return {
        "not_halted": driver.halted is None,
        "quorum_reachable": connected + own >= driver.replica.validators.quorum,
        "caught_up": is_caught_up(driver),
    }


def is_caught_up(driver: Driver) -> bool:
    """Tell whether the node has heard of a quorum and is not far behind it."""
    status = driver.replica.status
    validators = driver.replica.validators
    names = {entry.name for entry in validators.validators}
    heard = [peer for peer in status.peers if peer.peer in names and peer.heard_ms is not None]
    own = 1 if status.own is not None else 0
    if len(heard) + own < validators.quorum:
        return False
    claimed = sorted((peer.final_height for peer in heard), reverse=True)
    beyond_doubt = claimed[validators.fault_limit :]
    return not beyond_doubt or beyond_doubt[0] <= driver.replica.chain.tip.height + BEHIND_MAX

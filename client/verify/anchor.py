"""The trusted genesis, and what the nodes say about it (architecture D14).

A trust root never comes from what is being checked. The auditor gives the genesis document itself, or
its SHA-256 (the chain id), by hand or in the profile. With the digest alone the document may come from
anybody, because the digest says whether it is the one. With neither, the audit takes what the first node
serves, says so, and cannot be better than ``INCOMPLETE``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from client.errors import UsageError
from client.verify.findings import AuditFinding, FindingCode
from client.verify.words import short
from ledger.document import DOCUMENT_BYTES_MAX
from ledger.errors import InvalidGenesisError
from ledger.genesis import Genesis, open_genesis
from ledger.wire.hashing import plain_digest
from ledger.wire.scalars import ChainId

_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class PinnedGenesis:
    """What the auditor holds: the digest, and usually the document."""

    chain_id: ChainId
    document: bytes | None
    origin: str
    """Where it came from, in words."""


@dataclass(frozen=True, slots=True)
class Anchoring:
    """The genesis that an audit starts from."""

    genesis: Genesis | None
    """None when there is none to start from."""
    sentence: str
    """Which it is and why it is trusted, for people."""
    is_pinned: bool
    findings: tuple[AuditFinding, ...]


def pin_genesis(document: bytes, origin: str) -> PinnedGenesis:
    """Return a pinned document.

    Raises:
        UsageError: It is no genesis.
    """
    try:
        open_genesis(document)
    except InvalidGenesisError as error:
        raise UsageError(f"{origin}: this is no genesis document ({error}).") from error
    return PinnedGenesis(_chain_id(document), document, origin)


def read_pinned(argument: str) -> PinnedGenesis:
    """Return what ``--genesis`` names: 64 hexadecimal digits, or else a file.

    Raises:
        UsageError: Neither a digest nor a readable genesis document.
    """
    if _DIGEST.match(argument.lower()):
        return PinnedGenesis(
            ChainId(bytes.fromhex(argument)), None, "its SHA-256 was given with --genesis"
        )
    try:
        path = Path(argument)
        with path.open("rb") as file:
            document = file.read(DOCUMENT_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"--genesis {argument}: {reason}; give a file, or the 64 hexadecimal digits of its "
            "SHA-256."
        ) from error
    if len(document) > DOCUMENT_BYTES_MAX:
        raise UsageError(
            f"--genesis {argument}: larger than any genesis document ({DOCUMENT_BYTES_MAX} bytes)."
        )
    return pin_genesis(document, f"given with --genesis {argument}")


def establish(pinned: PinnedGenesis | None, served: Mapping[str, bytes]) -> Anchoring:
    """Return the genesis to start from, and what the nodes' documents say against them.

    Args:
        pinned: What the auditor holds, if anything.
        served: The document that each node serves, by its name.
    """
    findings: list[AuditFinding] = []
    genesis = _opened(pinned, served)
    if pinned is None:
        findings.append(
            AuditFinding(
                code=FindingCode.GENESIS_NOT_PINNED,
                what="no genesis was given with --genesis and none is pinned in the profile",
                expected="a genesis that the auditor holds",
                found="none" if genesis is None else f"the one served, {genesis.chain_id.hex()}",
            )
        )
    expected = pinned.chain_id if pinned else genesis.chain_id if genesis else None
    for node, document in served.items():
        if expected is not None and _chain_id(document) != expected:
            findings.append(_differs(node, document, expected))
    if genesis is None:
        return Anchoring(None, "no genesis to start from", pinned is not None, tuple(findings))
    origin = pinned.origin if pinned else "NOT pinned: served by a node that is being checked"
    sentence = f"genesis {short(genesis.chain_id)} of {genesis.document.network}, {origin}"
    return Anchoring(genesis, sentence, pinned is not None, tuple(findings))


def _opened(pinned: PinnedGenesis | None, served: Mapping[str, bytes]) -> Genesis | None:
    if pinned is not None and pinned.document is not None:
        return open_genesis(pinned.document)
    for document in served.values():
        if pinned is not None and _chain_id(document) != pinned.chain_id:
            continue
        try:
            return open_genesis(document)
        except InvalidGenesisError:
            # Somebody's bytes; the next node may serve a genesis.
            continue
    return None


def _chain_id(document: bytes) -> ChainId:
    return ChainId(plain_digest(document))


def _differs(node: str, document: bytes, expected: bytes) -> AuditFinding:
    return AuditFinding(
        code=FindingCode.GENESIS_DIFFERS,
        node=node,
        what="it serves another genesis document than the trusted one",
        expected=expected.hex(),
        found=_chain_id(document).hex(),
    )

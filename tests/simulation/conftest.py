"""Signatures are verified once per process: the same ones come to every node of every run."""

from __future__ import annotations

from functools import lru_cache

import pytest

import consensus.electorate
import consensus.evidence
import ledger.wire.certificate
from ledger.wire.signing import is_signature_valid

MODULES = (consensus.electorate, consensus.evidence, ledger.wire.certificate)


@pytest.fixture(autouse=True)
def remembered_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    remembered = lru_cache(maxsize=100_000)(is_signature_valid)
    for module in MODULES:
        monkeypatch.setattr(module, "is_signature_valid", remembered)

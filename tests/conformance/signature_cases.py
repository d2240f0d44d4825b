"""Ed25519 signatures that implementations disagree about, and what the network says to each.

The predicate (``ledger.wire.signing``): S below the order of the group, A and R canonical encodings of points
that are not of small order, and S·B = R + H(R, A, M)·A without a factor of eight. Other libraries
accept some of what is refused here (OpenSSL takes keys of small order), which is why everybody calls
the same one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from ledger.wire.scalars import PublicKey, SignatureBytes
from ledger.wire.signing import SigningDomain, is_signature_valid, signing_bytes
from tests.support.ed25519 import (
    BASE,
    IDENTITY,
    L,
    P,
    Point,
    add,
    challenge,
    encode_point,
    forge,
    multiply,
    torsion_points,
)

DOMAIN = SigningDomain.TRANSACTION
_A_SCALAR = int.from_bytes(hashlib.sha256(b"key").digest(), "little") % L
_R_SCALAR = int.from_bytes(hashlib.sha256(b"nonce").digest(), "little") % L
_A, _R = multiply(_A_SCALAR, BASE), multiply(_R_SCALAR, BASE)
_A_BYTES, _R_BYTES = encode_point(_A), encode_point(_R)


@dataclass(frozen=True, slots=True)
class Case:
    """A signature over ``body`` in ``DOMAIN``."""

    name: str
    key: bytes
    body: bytes
    signature: bytes


def signature_cases() -> dict[str, dict[str, object]]:
    """Return every case with what this checkout says to it."""
    return {
        case.name: {
            "key": case.key.hex(),
            "body": case.body.hex(),
            "signature": case.signature.hex(),
            "accepted": is_signature_valid(
                PublicKey(case.key), DOMAIN, case.body, SignatureBytes(case.signature)
            ),
        }
        for case in _cases()
    }


def _cases() -> Iterator[Case]:
    yield from _odd_s()
    for number, point in enumerate(torsion_points()):
        yield from _small_order(number, point)
        if number:
            yield from _mixed_order(number, point)
    yield from _other_encodings()


def _message(body: bytes) -> bytes:
    return signing_bytes(DOMAIN, body)


def _odd_s() -> Iterator[Case]:
    good = forge(_R_SCALAR, _R_BYTES, _A_SCALAR, _A_BYTES, _message(b"body"))
    s = int.from_bytes(good[32:], "little")
    yield Case("plain", _A_BYTES, b"body", good)
    yield Case("plain, other body", _A_BYTES, b"other", good)
    for times in (1, 2, 14):
        larger = good[:32] + (s + times * L).to_bytes(32, "little")
        yield Case(f"S + {times} L", _A_BYTES, b"body", larger)
    for bit in (253, 254, 255):
        flipped = good[:32] + (s ^ 1 << bit).to_bytes(32, "little")
        yield Case(f"S with bit {bit} set", _A_BYTES, b"body", flipped)
    yield Case("all zero", bytes(32), b"body", bytes(64))
    yield Case("zero signature", _A_BYTES, b"body", bytes(64))


def _body_with(
    r_bytes: bytes, a_bytes: bytes, point: Point, offset: int, *, vanishes: bool
) -> bytes:
    """Return a body for which (offset + challenge) · point is the identity, or is not."""
    number = 0
    while True:
        body = f"body {number}".encode()
        factor = offset + challenge(r_bytes, a_bytes, _message(body))
        if (multiply(factor % 8, point) == IDENTITY) == vanishes:
            return body
        number += 1


def _small_order(number: int, point: Point) -> Iterator[Case]:
    small = encode_point(point)
    signature = forge(0, small, _A_SCALAR, _A_BYTES, _message(b"body"))
    yield Case(f"R of small order {number}", _A_BYTES, b"body", signature)
    body = _body_with(_R_BYTES, small, point, 0, vanishes=True)
    signature = forge(_R_SCALAR, _R_BYTES, 0, small, _message(body))
    yield Case(f"A of small order {number}, equation holds", small, body, signature)


def _mixed_order(number: int, point: Point) -> Iterator[Case]:
    mixed = encode_point(add(_A, point))
    for vanishes in (True, False):
        body = _body_with(_R_BYTES, mixed, point, 0, vanishes=vanishes)
        signature = forge(_R_SCALAR, _R_BYTES, _A_SCALAR, mixed, _message(body))
        how = "equation holds" if vanishes else "holds only times eight"
        yield Case(f"A of mixed order {number}, {how}", mixed, body, signature)
    mixed_r = encode_point(add(_R, point))
    signature = forge(_R_SCALAR, mixed_r, _A_SCALAR, _A_BYTES, _message(b"body"))
    yield Case(f"R of mixed order {number}, holds only times eight", _A_BYTES, b"body", signature)
    body = _body_with(mixed_r, mixed, point, 1, vanishes=True)
    signature = forge(_R_SCALAR, mixed_r, _A_SCALAR, mixed, _message(body))
    yield Case(f"A and R of mixed order {number}, equation holds", mixed, body, signature)
    # The torsion of R cancels that of h·A, although R itself is nothing but torsion.
    for factor in range(8):
        small = encode_point(multiply(factor, point))
        body = _body_with(small, mixed, point, factor, vanishes=True)
        signature = forge(0, small, _A_SCALAR, mixed, _message(body))
        yield Case(
            f"A of mixed order {number}, R its multiple {factor}, equation holds",
            mixed, body, signature,
        )  # fmt: skip


def _other_encodings() -> Iterator[Case]:
    sign_bit = 1 << 255
    for name, y in (
        ("identity as p + 1", P + 1),
        ("identity as p + 1 with sign", P + 1 | sign_bit),
        ("identity with sign", 1 | sign_bit),
        ("order two with sign", P - 1 | sign_bit),
        ("order four as p", P),
        ("no point", 2),
        ("y = p + 3", P + 3),
        ("all bits", 2**256 - 1),
    ):
        spelled = y.to_bytes(32, "little")
        signature = forge(0, spelled, _A_SCALAR, _A_BYTES, _message(b"body"))
        yield Case(f"R: {name}", _A_BYTES, b"body", signature)
        signature = forge(_R_SCALAR, _R_BYTES, 0, spelled, _message(b"body"))
        yield Case(f"A: {name}", spelled, b"body", signature)

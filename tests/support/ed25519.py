"""Plain Ed25519 arithmetic (RFC 8032, section 5.1), to build signatures that no honest signer makes.

Slow, not constant-time, only for tests: the edge cases of ``tests/conformance`` are made with it.
"""

from __future__ import annotations

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
"""Order of the base point."""
D = -121665 * pow(121666, P - 2, P) % P
SQRT_MINUS_ONE = pow(2, (P - 1) // 4, P)
Point = tuple[int, int]
IDENTITY: Point = (0, 1)


def add(first: Point, second: Point) -> Point:
    """Return the sum of two points of the curve."""
    (x1, y1), (x2, y2) = first, second
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, P - 2, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, P - 2, P) % P
    return x, y


def multiply(scalar: int, point: Point) -> Point:
    """Return ``scalar`` times ``point``."""
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def x_of(y: int, *, is_odd: bool) -> int | None:
    """Return the x of the point with this y, or None when y is on no point."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_MINUS_ONE % P
    if (x * x - square) % P:
        return None
    return P - x if x and (x & 1) != is_odd else x


_BASE_Y = 4 * pow(5, P - 2, P) % P
_BASE_X = x_of(_BASE_Y, is_odd=False)
assert _BASE_X is not None
BASE: Point = (_BASE_X, _BASE_Y)


def encode_point(point: Point) -> bytes:
    """Return the canonical encoding of a point."""
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def torsion_points() -> list[Point]:
    """Return the eight points whose order divides 8, beginning with the identity."""
    y = 2
    while True:
        x = x_of(y, is_odd=False)
        if x is not None:
            candidate = multiply(L, (x, y))
            if multiply(4, candidate) != IDENTITY:
                return [multiply(number, candidate) for number in range(8)]
        y += 1


def challenge(r: bytes, a: bytes, message: bytes) -> int:
    """Return the scalar that binds R, A and the message."""
    return int.from_bytes(hashlib.sha512(r + a + message).digest(), "little") % L


def forge(r_scalar: int, r_bytes: bytes, a_scalar: int, a_bytes: bytes, message: bytes) -> bytes:
    """Return R || S with S = r + H(R, A, M) * a, whatever R and A encode."""
    s = (r_scalar + challenge(r_bytes, a_bytes, message) * a_scalar) % L
    return r_bytes + s.to_bytes(32, "little")

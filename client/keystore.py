"""Key files: one Ed25519 key each, as an encrypted PKCS#8 PEM file that only its owner can read.

Rules:

* A file holds one private key and nothing else; its role and owner stand on the ledger.
* Files are made with mode 0600, never over an existing file, and a file that others can read is
  not used: whoever could read it could sign.
* Encryption is PBES2 with AES-256-CBC and PBKDF2-HMAC-SHA256 at ``KDF_ITERATIONS``. The library's own
  writer stops at 2,048 iterations, too few for a passphrase that people remember, so the few bytes of
  PKCS#8 around its primitives are written here. OpenSSL reads the result (``openssl pkey -in FILE``).
* A key without encryption is written only when asked for in so many words, and is loaded with the
  same care for its mode.

What it does not decide: where a passphrase comes from (``client.passphrase``), and what a key may sign
(the ledger's rules).
"""

from __future__ import annotations

import base64
import os
import secrets
import stat
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from client.errors import KeyFileError
from client.passphrase import PassphraseSource
from ledger.wire.scalars import PublicKey
from ledger.wire.signing import Sign, public_key_of, signer

KDF_ITERATIONS: Final = 600_000
"""About 0.15 s on one core; OWASP's figure for PBKDF2-HMAC-SHA256."""
PASSPHRASE_BYTES_MIN: Final = 8
KEY_FILE_BYTES_MAX: Final = 16 * 1024
_ENCRYPTED_LABEL: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_PLAIN_LABEL: Final = b"-----BEGIN PRIVATE KEY-----"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that can sign; what it holds is not shown."""

    public: PublicKey
    """The public key, which is also the key's name on the ledger."""
    sign: Sign = field(repr=False)

    def __repr__(self) -> str:
        return f"SigningKey({self.public.hex()})"


def signing_key_of(seed: bytes) -> SigningKey:
    """Return the key of a 32-byte private seed (RFC 8032)."""
    return SigningKey(public_key_of(seed), signer(seed))


def new_seed() -> bytes:
    """Return a fresh private seed from the operating system's generator."""
    return secrets.token_bytes(32)


def write_key_file(
    path: Path,
    seed: bytes,
    passphrase: bytes | None,
    *,
    iterations: int = KDF_ITERATIONS,
) -> PublicKey:
    """Write a private key to a new file with mode 0600 and return its public half.

    Args:
        path: A file that does not exist yet, in a directory that does.
        seed: The 32-byte private seed.
        passphrase: At least ``PASSPHRASE_BYTES_MIN`` bytes. None writes the key without
            encryption: for demonstrations and tests only.
        iterations: Rounds of PBKDF2.

    Raises:
        KeyFileError: The file exists, cannot be written, or the passphrase is too short.
    """
    private = Ed25519PrivateKey.from_private_bytes(seed)
    if passphrase is None:
        data = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    else:
        if len(passphrase) < PASSPHRASE_BYTES_MIN:
            raise KeyFileError(
                path,
                f"the passphrase has {len(passphrase)} characters, at least "
                f"{PASSPHRASE_BYTES_MIN} are needed; four words are better. Nothing was written.",
            )
        plain = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        data = _encrypted_pem(plain, passphrase, iterations)
    try:
        _write_new_private(path, data)
    except FileExistsError as error:
        raise KeyFileError(
            path, "exists already and is never overwritten; name another file."
        ) from error
    except OSError as error:
        raise KeyFileError(path, f"cannot be written: {error.strerror or error}.") from error
    return public_key_of(seed)


def load_seed(path: Path, passphrase: PassphraseSource) -> bytes:
    """Return the private seed in a key file; ask for a passphrase only when it is encrypted.

    Raises:
        KeyFileError: Missing, readable by others, damaged, of another kind, or the passphrase is
            wrong.
        UsageError: A passphrase is needed and there is none.
    """
    data = _read_private(path)
    encrypted = is_encrypted(data)
    if not encrypted and _PLAIN_LABEL not in data:
        raise KeyFileError(
            path,
            "holds no private key in PKCS#8 PEM form (no line "
            "'-----BEGIN ENCRYPTED PRIVATE KEY-----'); make one with `monazite key new`.",
        )
    secret = passphrase(str(path)) if encrypted else None
    try:
        private = load_pem_private_key(data, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # The padding of a wrongly decrypted key is now and then valid: then it is the inner
        # structure that does not parse. Either way the passphrase is the likely cause.
        reason = (
            "the passphrase is wrong, or the file is damaged. Try again, or use a copy."
            if encrypted
            else "the file is damaged; use a copy, or make a new key and register it (AddKey)."
        )
        raise KeyFileError(path, reason) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyFileError(
            path,
            f"holds a key of another kind ({type(private).__name__.removesuffix('PrivateKey')}); "
            "the ledger knows Ed25519 only.",
        )
    return private.private_bytes_raw()


def load_signing_key(path: Path, passphrase: PassphraseSource) -> SigningKey:
    """Return the key in a key file, ready to sign.

    Raises:
        KeyFileError: As ``load_seed``.
        UsageError: A passphrase is needed and there is none.
    """
    return signing_key_of(load_seed(path, passphrase))


def is_encrypted(data: bytes) -> bool:
    """Tell whether the bytes of a key file hold an encrypted key."""
    return _ENCRYPTED_LABEL in data


def is_key_file_encrypted(path: Path) -> bool:
    """Tell whether a key file is encrypted, after the checks of its mode and size.

    Raises:
        KeyFileError: It is missing, readable by others or too large.
    """
    return is_encrypted(_read_private(path))


def _read_private(path: Path) -> bytes:
    try:
        # Without waiting: a pipe in the place of the file must not stop the program.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise KeyFileError(path, f"cannot be read: {error.strerror or error}.") from error
    try:
        _check_private(path, os.fstat(descriptor))
        return os.read(descriptor, KEY_FILE_BYTES_MAX)
    except OSError as error:
        raise KeyFileError(path, f"cannot be read: {error.strerror or error}.") from error
    finally:
        os.close(descriptor)


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyFileError(path, "is not a file.")
    if os.name == "posix" and status.st_mode & 0o077:
        raise KeyFileError(
            path,
            f"has mode {stat.S_IMODE(status.st_mode):04o}: others than its owner can read or "
            f"change it. Run `chmod 600 {path}`; if it lay open on a shared machine, replace "
            "the key.",
        )
    if status.st_size > KEY_FILE_BYTES_MAX:
        raise KeyFileError(
            path, f"has {status.st_size} bytes; a key file has a few hundred. Is it the file?"
        )


def _write_new_private(path: Path, data: bytes) -> None:
    """Write ``data`` to a new file that only its owner can read, durably and whole or not at all."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(descriptor)
    except OSError:
        path.unlink(missing_ok=True)
        raise


# EncryptedPrivateKeyInfo (RFC 5958) with PBES2 (RFC 8018), as DER.

_PBES2: Final = bytes.fromhex("06092a864886f70d01050d")
_PBKDF2: Final = bytes.fromhex("06092a864886f70d01050c")
_HMAC_SHA256: Final = bytes.fromhex("300c06082a864886f70d02090500")
_AES_256_CBC: Final = bytes.fromhex("060960864801650304012a")
_INTEGER, _OCTETS, _SEQUENCE = 0x02, 0x04, 0x30


def _encrypted_pem(plain: bytes, passphrase: bytes, iterations: int) -> bytes:
    salt, start = secrets.token_bytes(16), secrets.token_bytes(16)
    key = PBKDF2HMAC(hashes.SHA256(), 32, salt, iterations).derive(passphrase)
    padder = PKCS7(128).padder()
    padded = padder.update(plain) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(start)).encryptor()
    rounds = iterations.to_bytes(iterations.bit_length() // 8 + 1, "big")
    derivation = _der(
        _SEQUENCE,
        _PBKDF2,
        _der(_SEQUENCE, _der(_OCTETS, salt), _der(_INTEGER, rounds), _HMAC_SHA256),
    )
    encryption = _der(_SEQUENCE, _AES_256_CBC, _der(_OCTETS, start))
    algorithm = _der(_SEQUENCE, _PBES2, _der(_SEQUENCE, derivation, encryption))
    ciphertext = encryptor.update(padded) + encryptor.finalize()
    encoded = base64.b64encode(_der(_SEQUENCE, algorithm, _der(_OCTETS, ciphertext))).decode()
    lines = "\n".join(textwrap.wrap(encoded, 64))
    return (
        f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{lines}\n-----END ENCRYPTED PRIVATE KEY-----\n"
    ).encode()


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    length = bytes([size]) if size < 0x80 else bytes([0x81, size])
    return bytes([tag]) + length + body

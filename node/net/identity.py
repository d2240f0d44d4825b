"""Who is on the line: TLS 1.3 on both sides, bound to the node keys that stand on the ledger.

**What is wanted.** Both ends of a connection learn the Ed25519 node key that the other end holds,
and the ledger says whose key that is and whether it may connect. No certificate authority decides
anything, so none has to be run, trusted, or renewed.

**How.** Python's ``ssl`` asks for a peer certificate only together with a chain to a trusted root.
Every network therefore has a *formal CA*: an Ed25519 key derived from the chain id, which
everybody can compute. Each node issues itself a leaf certificate for its node key under it. Root,
leaf and serial numbers are functions of chain id and key, so there is nothing to distribute.

**Why this is safe.**

* TLS 1.3 makes both sides sign the handshake with the private key of their leaf certificate
  (CertificateVerify, RFC 8446 4.4.3). ``peer_public_key`` returns the key of exactly that
  certificate, hence a key whose private half is at the other end of this very connection.
* Anybody can issue a certificate for anybody's *public* key, since the formal CA is public; but
  cannot complete a handshake with it.
* So a finished handshake means "the other end holds key K" and nothing more. Whether K may connect
  is decided by looking K up among the node keys of the ledger. A caller that leaves this out has
  no authentication at all.
* Sessions are not resumed and there is no early data: every connection proves the key anew.
* The signed handshake is separated from everything else that a node key might sign by TLS's own
  context string; a node key signs nothing but handshakes.

A different chain id gives a different formal CA, so nodes of two networks do not get as far as
comparing keys. Validity dates in the certificates say nothing (1970 to 9999): validity of keys is
the ledger's, and a node whose clock is wrong must still be able to connect.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KEY_BYTES: Final = 32

_CA_DOMAIN: Final = b"monazite/net/formal-ca/1"
_SERIAL_DOMAIN: Final = b"monazite/net/leaf-serial/1"
_VALID_FROM: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_VALID_UNTIL: Final = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)


class PeerIdentityError(Exception):
    """The other end did not show a usable Ed25519 node key."""


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """A node's own key in the forms that connections need."""

    public_key: bytes
    server_context: ssl.SSLContext
    client_context: ssl.SSLContext

    @classmethod
    def build(
        cls, chain_id: bytes, private_key: bytes, scratch: Path | None = None
    ) -> NodeIdentity:
        """Make both TLS contexts for the node key with the 32-byte seed ``private_key``.

        OpenSSL reads key and certificate from files; they exist while this runs, in a private
        folder under ``scratch`` (default: the system's), and only for the owner.

        Raises:
            ValueError: the seed has not 32 bytes.
            OSError: the files could not be written.
        """
        if len(private_key) != KEY_BYTES:
            raise ValueError(f"node key of {len(private_key)} bytes, wanted {KEY_BYTES}")
        key = Ed25519PrivateKey.from_private_bytes(private_key)
        authority = formal_authority(chain_id)
        leaf = issue_leaf(chain_id, key.public_key())
        with tempfile.TemporaryDirectory(prefix="node-tls-", dir=scratch) as folder:
            chain_file = Path(folder) / "leaf-and-key.pem"
            _write_private(chain_file, _pem(leaf) + _private_pem(key))
            contexts = [
                _context(side, chain_file, _pem(authority))
                for side in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT)
            ]
        return cls(key.public_key().public_bytes_raw(), *contexts)


def peer_public_key(connection: ssl.SSLObject | ssl.SSLSocket | None) -> bytes:
    """Return the Ed25519 public key that the other end of ``connection`` has proven to hold.

    Says nothing about who that is: look it up among the node keys of the ledger.

    Raises:
        PeerIdentityError: no TLS 1.3, no certificate, or a key of another kind.
    """
    if connection is None:
        raise PeerIdentityError("the connection is not encrypted; nodes speak TLS 1.3 only")
    if connection.version() != "TLSv1.3":
        raise PeerIdentityError(f"the connection uses {connection.version()}, wanted TLSv1.3")
    encoded = connection.getpeercert(binary_form=True)
    if encoded is None:
        raise PeerIdentityError("the peer showed no certificate")
    try:
        key = x509.load_der_x509_certificate(encoded).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        # Anybody can make OpenSSL accept a certificate that this reader does not.
        raise PeerIdentityError(f"the peer's certificate cannot be read: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise PeerIdentityError(f"the peer's key is {type(key).__name__}, wanted Ed25519")
    return key.public_bytes_raw()


def formal_authority(chain_id: bytes) -> x509.Certificate:
    """Return the root certificate of the network ``chain_id``: the same bytes for everybody."""
    key = _authority_key(chain_id)
    name = _authority_name(chain_id)
    builder = _builder(name, name, key.public_key(), serial=1)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(certificates=True), critical=True)
    return builder.sign(key, algorithm=None)


def issue_leaf(chain_id: bytes, public_key: Ed25519PublicKey) -> x509.Certificate:
    """Return the certificate of ``public_key`` in the network ``chain_id``."""
    raw = public_key.public_bytes_raw()
    authority = _authority_key(chain_id)
    serial = int.from_bytes(hashlib.sha256(_SERIAL_DOMAIN + raw).digest()[:16], "big") | 1
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, raw.hex())])
    builder = _builder(subject, _authority_name(chain_id), public_key, serial)
    for extension, critical in (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(certificates=False), True),
        (x509.SubjectAlternativeName([x509.DNSName(raw.hex())]), False),
        (
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            False,
        ),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), False),
    ):
        builder = builder.add_extension(extension, critical)
    return builder.sign(authority, algorithm=None)


def _authority_key(chain_id: bytes) -> Ed25519PrivateKey:
    """Return the formal CA's private key. No secret: it authenticates nothing."""
    derived = HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=_CA_DOMAIN)
    return Ed25519PrivateKey.from_private_bytes(derived.derive(chain_id))


def _authority_name(chain_id: bytes) -> x509.Name:
    name = f"Monazite formal CA {hashlib.sha256(chain_id).hexdigest()[:16]}"
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Ed25519PublicKey, serial: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(_VALID_FROM)
        .not_valid_after(_VALID_UNTIL)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _context(side: int, chain_file: Path, authority: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.decode("ascii"))
    context.load_cert_chain(chain_file)
    if side == ssl.PROTOCOL_TLS_SERVER:
        # No session tickets: every connection proves the key anew.
        context.num_tickets = 0
    return context


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private_pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)

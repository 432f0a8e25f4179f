"""A certificate that nobody vouches for, so that a phone's browser gives this server its camera.

Browsers give the camera to pages over HTTPS alone. Whoever opens the page has to accept the
certificate once, by its fingerprint, which the log tells.
"""

from __future__ import annotations

import datetime
import ipaddress
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cofeat.cloud.grpc import Tls
from cofeat.errors import InvalidInputError, MissingPackageError

CERTIFICATE, KEY = "certificate.pem", "key.pem"
# Apple's devices take no certificate that is valid for longer than 825 days.
_DAYS = 365
# Of a network that no machine is in: to ask the system which of its addresses others would see.
_ELSEWHERE = ("192.0.2.1", 9)


@contextmanager
def self_signed(folder: str, host: str) -> Iterator[Tls]:
    """Give a certificate and its key, as files.

    Args:
        folder: where they are kept, and looked for until they are out of date; ``""`` for one
            that is gone afterwards.
        host: address that the server listens at.

    Raises:
        InvalidInputError: the folder cannot be written.
        MissingPackageError: the package that makes certificates is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="cofeat-tls-") as scratch:
        place = Path(folder or scratch)
        tls = Tls(place / CERTIFICATE, place / KEY)
        if not (tls.certificate.is_file() and tls.key.is_file()) or _is_over(tls.certificate):
            certificate, key = make_certificate(names_of(host))
            try:
                place.mkdir(parents=True, exist_ok=True)
                tls.certificate.write_bytes(certificate)
                # Nobody else may read the key, from its first byte on.
                tls.key.touch(mode=0o600)
                tls.key.write_bytes(key)
            except OSError as error:
                raise InvalidInputError(
                    f"no certificate can be kept in '{folder}': {error.strerror}"
                ) from None
        yield tls


def _is_over(certificate: Path) -> bool:
    """Whether a certificate that was kept is valid no more; what is none is told of later."""
    try:
        from cryptography import x509

        kept = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (ModuleNotFoundError, ValueError):
        return False
    return kept.not_valid_after_utc < datetime.datetime.now(datetime.UTC)


def names_of(host: str) -> list[str]:
    """Return the names and addresses by which devices reach a server that listens at ``host``."""
    names = ["localhost", "127.0.0.1", "::1", socket.gethostname()]
    if host in ("0.0.0.0", "::"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(_ELSEWHERE)  # sends nothing
                names.append(probe.getsockname()[0])
            except OSError:
                pass  # no network
    else:
        names.append(host)
    return list(dict.fromkeys(names))


def make_certificate(names: list[str]) -> tuple[bytes, bytes]:
    """Return a certificate and its key, in PEM.

    Args:
        names: of hosts, and addresses.

    Raises:
        InvalidInputError: one cannot be a host's.
        MissingPackageError: the package that makes certificates is not installed.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ModuleNotFoundError:
        raise MissingPackageError("cryptography", "tls", "a certificate of one's own") from None

    def named(name: str) -> x509.GeneralName:
        try:
            return x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            pass
        try:
            return x509.DNSName(name.encode("idna").decode("ascii"))
        except UnicodeError:
            raise InvalidInputError(f"a certificate for host '{name}': that is no name") from None

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cofeat")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks of devices differ.
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([named(name) for name in names]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )

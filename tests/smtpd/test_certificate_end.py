"""When the certificate ends, as metrics and status tell it: of a chain, what ends first."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway import gauges
from tests.policy.stranger import DAY, NOW


def certificate(life: timedelta) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gate.example.com")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(NOW).not_valid_after(NOW + life)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_a_chain_ends_with_what_ends_first(tmp_path: Path) -> None:
    path = tmp_path / "fullchain.pem"
    path.write_bytes(certificate(90 * DAY) + certificate(30 * DAY))
    assert gauges.certificate_ends(path) == NOW + 30 * DAY


def test_what_is_no_certificate_has_no_end(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("no certificate")
    with pytest.raises(ValueError, match="PEM"):
        gauges.certificate_ends(tmp_path / "x.pem")

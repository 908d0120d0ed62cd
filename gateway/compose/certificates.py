"""Encryption of what is said to us."""

import ssl

from gateway.settings import Settings
from gateway.smtpd.certificate import Certificate


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """TLS 1.2 and 1.3 with forward secrecy; None when no certificate is set. Raises OSError or ssl.SSLError."""
    certificate, key = settings.tls.certificate, settings.tls.key
    if certificate is None or key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    # A session may be resumed nowhere but where it began: no tickets, and a context for each listener.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.load_cert_chain(certificate, key)
    return context


def certificate(settings: Settings, listeners: int) -> Certificate:
    """What peers are shown, as the files are now and as they will be. Raises OSError or ssl.SSLError."""
    files = [path for path in (settings.tls.certificate, settings.tls.key) if path is not None]
    return Certificate(files, lambda: tls_context(settings), listeners)

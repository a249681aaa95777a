"""A certificate that nobody but its own file vouches for."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SelfSigned:
    """A certificate for 127.0.0.1.

    Attributes:
        context: For a server.
        ca_file: For who trusts it.
    """

    context: ssl.SSLContext
    ca_file: str


def sign_oneself(openssl: str, folder: Path) -> SelfSigned:
    """Make a certificate and its key in a folder."""
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(folder / "key"), "-out", str(folder / "cert")]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert", folder / "key")
    return SelfSigned(context, str(folder / "cert"))

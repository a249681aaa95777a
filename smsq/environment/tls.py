"""TLS in an address: its options read, and used once as a client will use them.

In:  an address, or its options. Out: typed options, or a ValueError that says what to write.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from redis.connection import parse_url


def read_tls(address: str) -> dict[str, Any]:
    """Read the options of TLS in a Redis' address, as redis-py does."""
    options: dict[str, Any] = parse_url(address)  # type: ignore[no-untyped-call]
    return {name: value for name, value in options.items() if name.startswith("ssl_")}


def check_ca_file(path: str) -> None:
    """Read certificates once as a client will.

    Raises:
        ValueError: The client could not use them.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise ValueError("write the path of a PEM file with certificates, readable here") from None


def check_tls(options: Mapping[str, Any]) -> None:
    """Use files and choices of TLS once as a client will.

    Raises:
        ValueError: The client could not use them.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    certificates = [options.get("ssl_ca_certs"), options.get("ssl_ca_path")]
    certificate, key = options.get("ssl_certfile"), options.get("ssl_keyfile")
    what = "ssl_ca_certs: write the path of a PEM file that can be read"
    try:
        if any(certificates):
            context.load_verify_locations(*certificates)
        what = "ssl_certfile: write the path of a PEM file, and with ssl_keyfile that of its key"
        if certificate or key:
            # Without a password of some kind OpenSSL would ask for one on the terminal.
            context.load_cert_chain(certificate or "", key, options.get("ssl_password", ""))
        what = "ssl_min_version: write 771 for TLS 1.2, or 772 for 1.3"
        if "ssl_min_version" in options:
            context.minimum_version = ssl.TLSVersion(options["ssl_min_version"])
        what = "ssl_ciphers: write names that OpenSSL knows"
        context.set_ciphers(options.get("ssl_ciphers", "DEFAULT"))
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise ValueError(what) from None

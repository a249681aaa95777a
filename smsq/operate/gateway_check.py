"""Whether the gateway can be reached and takes the token, as doctor tells it.

In:  settings. Out: a check. Nothing is sent.
"""

from __future__ import annotations

import importlib
from typing import Any
from urllib.parse import urlsplit

from smsq.environment.console import is_console
from smsq.errors import GatewayError
from smsq.operate.checks import Check, Mark
from smsq.settings import Settings

_GATEWAY_TIMEOUT_S = 3.0

#: What an answer that is neither a page nor a refusal of the token may mean.
_ABOUT_MESSAGE_1 = (
    "good if it is about message 1, for whose reports doctor asks; about the token: set "
    "SMSQ_GATEWAY_TOKEN right; 429 or 5xx: try again later"
)

#: A proxy that wants a user and a password.
_PROXY_ASKS = 407


def check_gateway(settings: Settings) -> Check:
    """Ask the gateway for the reports of a message, which sends nothing."""
    if not settings.gateway_url:
        detail = "not asked: its address and token are not in this environment"
        return Check("gateway", Mark.OK, detail, "run this where the workers run")
    if is_console(settings.gateway_url):
        detail = "console: texts are printed by the workers, nothing is sent, all is delivered"
        return Check("gateway", Mark.WARNING, detail, "good for development; else set its address")
    try:
        module: Any = importlib.import_module("smsq.gateway.client")
    except ImportError:
        detail = "not asked: the HTTP client is not installed"
        return Check("gateway", Mark.WARNING, detail, "pip install 'smsq[worker]'")
    timeout_s = min(settings.timeout_s, _GATEWAY_TIMEOUT_S)
    client = module.GatewayClient(
        settings.gateway_url,
        settings.gateway_token,
        timeout_s=timeout_s,
        ca_file=settings.gateway_ca_file,
        proxy=settings.gateway_proxy,
    )
    try:
        detail = client.check()
    except GatewayError as error:
        return Check("gateway", Mark.ERROR, error.reason, _fix_way(error, settings))
    finally:
        client.close()
    if settings.gateway_proxy:
        detail += f", by the proxy {urlsplit(settings.gateway_proxy).hostname}"
    if "token taken" in detail:
        return Check("gateway", Mark.OK, detail)
    return Check("gateway", Mark.WARNING, detail, _ABOUT_MESSAGE_1)


def _fix_way(error: GatewayError, settings: Settings) -> str:
    """Say which settings an unreachable or unwilling gateway may be about."""
    if "TLS" in error.reason:
        return (
            "a CA of your own, or of a firewall that opens TLS: name its PEM file in "
            "SMSQ_GATEWAY_CA_FILE"
        )
    if settings.gateway_proxy and (error.status is None or error.status == _PROXY_ASKS):
        return "see SMSQ_GATEWAY_PROXY: address, user and password; then SMSQ_GATEWAY_URL"
    if error.status is None:
        return "see SMSQ_GATEWAY_URL; where only a proxy leads out, set SMSQ_GATEWAY_PROXY"
    return "see SMSQ_GATEWAY_URL and SMSQ_GATEWAY_TOKEN"

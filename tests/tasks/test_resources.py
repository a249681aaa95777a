"""Resources: what settings say reaches what tasks use."""

from __future__ import annotations

from smsq.settings import Settings
from tasks.resources import Resources
from tests.certificates import SelfSigned
from tests.smsq.gateway.proxy import relay
from tests.smsq.gateway.raw import ACCEPTED, QUICK, answer, answering, raw_server


def test_workers_send_by_the_proxy_and_trust_the_ca_of_the_settings(
    environ: dict[str, str], self_signed: SelfSigned
) -> None:
    accept = answering(answer(200, ACCEPTED))
    with raw_server(accept, self_signed.context) as gateway, raw_server(relay) as proxy:
        more = {
            "SMSQ_GATEWAY_URL": gateway.url,
            "SMSQ_GATEWAY_CA_FILE": self_signed.ca_file,
            "SMSQ_GATEWAY_PROXY": proxy.url,
        }
        resources = Resources.build(Settings.from_env(environ | more, needs_gateway=True))
        sent = resources.gateway.send_quick(QUICK)
        resources.close()

        assert (sent.sms_id, proxy.connections) == (2197871, 1)

"""Resources: what settings say reaches what tasks use."""

from __future__ import annotations

from smsq.gateway.receipts import is_signed
from smsq.models import Kind, OnUnknown
from smsq.records.jobs import Claim
from smsq.settings import Settings
from smsq.steps.resources import Resources
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


def test_while_the_receipts_secret_is_changed_the_new_one_signs(environ: dict[str, str]) -> None:
    new, old = "the new secret of receipts", "the old secret of receipts"
    more = {
        "SMSQ_CALLBACK_URL": "https://web.example",
        "SMSQ_CALLBACK_SECRET": f"{new},{old}",
    }
    resources = Resources.build(Settings.from_env(environ | more, needs_gateway=True))
    claim = Claim(
        job_id="j1",
        kind=Kind.BULK,
        number=1,
        attempts=1,
        on_unknown=OnUnknown.HOLD,
        viber=None,
        messages=(),
        claimed_at_s=1_700_000_000,
    )
    url = resources.callback_url(claim)
    resources.close()

    signature = url.rpartition("/")[2]
    assert is_signed("j1", signature, new, now_s=0)
    assert not is_signed("j1", signature, old, now_s=0)

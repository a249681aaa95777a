"""The webhook: takes the events that `smsq web` posts, and sends a signal for each.

    path("sms-events/", smsq.contrib.django.views.webhook)

In:  a signed post. Out: signals; 204 when all receivers took all events, 500 to have them again.
"""

from __future__ import annotations

import logging

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from smsq.contrib.django.queue import get_queue
from smsq.contrib.django.signals import dispatch
from smsq.errors import WebhookError
from smsq.events.receiving import parse_webhook

log = logging.getLogger("smsq.contrib.django")


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Take a post of `smsq web`, signed with `settings.SMSQ["WEBHOOK_SECRET"]`.

    Answers 204, or 403 where the signature is wrong, 413 where the body is above
    DATA_UPLOAD_MAX_MEMORY_SIZE, 500 where a receiver failed: then all of the post comes again.
    """
    try:
        body = request.body
    except RequestDataTooBig:
        return HttpResponse(status=413)
    try:
        events = parse_webhook(body, request.headers, get_queue().settings.webhook_secret)
    except WebhookError as error:
        return HttpResponse(error.code, status=403, content_type="text/plain")
    failed = [event.id for event in events if dispatch(event) is not None]
    if failed:
        log.error("%d of %d events failed, the first is %s", len(failed), len(events), failed[0])
    return HttpResponse(status=500 if failed else 204)

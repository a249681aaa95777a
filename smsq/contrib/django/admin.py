"""An action for Django's admin: one message to all that are selected.

    @admin.register(Customer)
    class CustomerAdmin(SendSmsMixin, admin.ModelAdmin):
        sms_phone_field = "phone"

In:  selected rows and a text. Out: a campaign, once the text was shown with its costs and sent off.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin import action
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.auth import get_permission_codename
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.formats import localize
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from smsq.contrib.django.campaigns.forms import CampaignForm
from smsq.contrib.django.campaigns.reach import Reach
from smsq.contrib.django.queue import get_queue
from smsq.errors import KeyConflictError, SmsqError
from smsq.ledger.stored_id import StoredId
from smsq.models import BulkMessage
from smsq.text.parts import count_parts

log = logging.getLogger("smsq.contrib.django")

_CHUNK_ROWS = 2000


class SendSmsMixin:
    """Adds the action `send_sms` to a `ModelAdmin`.

    Who may use it has the permission `send_sms_<model>`: write it into the model's
    `Meta.permissions`. Nobody else but superusers has it.

    Attributes:
        sms_phone_field: The field with the phone; `customer__phone` for a related one.
        sms_template: Of the page where the text is written.
    """

    sms_phone_field: ClassVar[str] = "phone"
    sms_template: ClassVar[str] = "admin/smsq/send_sms.html"

    def get_sms_phones(self, queryset: Any) -> Iterable[object]:
        """Read the phones of the selected rows, always in the same order."""
        phones = queryset.order_by("pk").values_list(self.sms_phone_field, flat=True)
        return phones.iterator(chunk_size=_CHUNK_ROWS)  # type: ignore[no-any-return]

    def has_send_sms_permission(self: Any, request: HttpRequest) -> bool:
        """Say whether who asks may send."""
        codename = get_permission_codename("send_sms", self.opts)
        return bool(request.user.has_perm(f"{self.opts.app_label}.{codename}"))

    def get_actions(self: Any, request: HttpRequest) -> dict[str, Any]:
        """Add the action for those who may use it, whatever `actions` has beside it."""
        actions: dict[str, Any] = super().get_actions(request)  # type: ignore[misc]
        is_shown = self.actions is not None and IS_POPUP_VAR not in request.GET
        if is_shown and self.has_send_sms_permission(request):
            actions["send_sms"] = self.get_action("send_sms")
        return actions

    @action(description=_("Send an SMS to selected %(verbose_name_plural)s"))
    def send_sms(self: Any, request: HttpRequest, queryset: Any) -> HttpResponse:
        """Ask for the text, show what it costs, and send it when that is confirmed."""
        if not self.has_send_sms_permission(request):
            raise PermissionDenied
        if "text" not in request.POST:
            name = f"{self.opts.verbose_name_plural} {localtime():%Y-%m-%d %H:%M}"
            return _ask(self, request, queryset, CampaignForm(initial={"name": name}))
        form = CampaignForm(request.POST)
        if not form.is_valid() or "send" not in request.POST or not form.is_previewed:
            return _ask(self, request, queryset, form)
        return _send(self, request, queryset, form)


def _ask(admin: Any, request: HttpRequest, queryset: Any, form: CampaignForm) -> TemplateResponse:
    """Show the form; with what is to be sent, and to how many, where there is a text."""
    preview = None
    if form.is_bound and form.is_valid():
        preview = _preview(admin, queryset, form.cleaned_data["text"])
        form.note_preview()
    selected = request.POST.getlist(ACTION_CHECKBOX_NAME)
    across = request.POST.get("select_across", "0")
    context = {
        **admin.admin_site.each_context(request),
        "title": gettext("Send an SMS"),
        "opts": admin.opts,
        "media": admin.media,
        "form": form,
        "preview": preview,
        # All rows need no list of them: the same filter finds them again.
        "selected": selected[:1] if across == "1" else selected,
        "select_across": across,
        "checkbox_name": ACTION_CHECKBOX_NAME,
    }
    request.current_app = admin.admin_site.name
    return TemplateResponse(request, admin.sms_template, context)


def _preview(admin: Any, queryset: Any, text: str) -> dict[str, Any]:
    settings, reach, parts = get_queue().settings, Reach(), count_parts(text)
    for _phone in reach.read(admin.get_sms_phones(queryset), settings):
        continue
    all_parts = parts.count * reach.recipients
    price = settings.price_per_part
    return {
        "parts": parts,
        "all_parts": all_parts,
        "reach": reach,
        "cost": None if price is None else localize(price * all_parts),
    }


def _send(admin: Any, request: HttpRequest, queryset: Any, form: CampaignForm) -> HttpResponse:
    """Send; a second click finds the first one's key, and sends nothing more."""
    reach, queue, told = Reach(), get_queue(), form.cleaned_data
    phones = reach.read(admin.get_sms_phones(queryset), queue.settings)
    message = BulkMessage(name=told["name"], text=told["text"], phones=phones)
    try:
        campaign = queue.send_bulk([message], key=f"admin {told['once']}")
    except KeyConflictError:
        said = gettext("This was sent already, with another text or to others.")
        admin.message_user(request, said, messages.WARNING)
        return HttpResponseRedirect(request.get_full_path())
    except SmsqError as error:
        admin.message_user(request, _say_failure(error), messages.ERROR)
        return _ask(admin, request, queryset, form)
    _tell(admin, request, campaign, reach)
    if campaign.is_new:
        _write_down(admin, request, campaign, told["name"], reach)
    return HttpResponseRedirect(request.get_full_path())


def _say_failure(error: SmsqError) -> str:
    again = gettext("Press Send again: nobody gets it twice.")
    return f"{error} {again}"


def _tell(admin: Any, request: HttpRequest, campaign: StoredId, reach: Reach) -> None:
    if not campaign.is_new:
        said = gettext("This was sent already: campaign %(id)s.") % {"id": campaign}
        admin.message_user(request, said, messages.WARNING)
        return
    said = ngettext(
        "Campaign %(id)s: a message to %(count)d recipient is queued.",
        "Campaign %(id)s: messages to %(count)d recipients are queued.",
        reach.recipients,
    ) % {"id": campaign, "count": reach.recipients}
    admin.message_user(request, said, messages.SUCCESS)
    if reach.left_out:
        said = gettext(
            "Left out: %(invalid)d with an invalid phone, %(empty)d without one, %(twice)d whose "
            "phone occurs twice. %(shown)s"
        ) % {
            "invalid": reach.invalid,
            "empty": reach.empty,
            "twice": reach.twice,
            "shown": ", ".join(reach.shown),
        }
        admin.message_user(request, said, messages.WARNING)


def _write_down(
    admin: Any, request: HttpRequest, campaign: StoredId, name: str, reach: Reach
) -> None:
    """Have the admin's log say who sent what to how many."""
    LogEntry.objects.create(
        user_id=request.user.pk,
        content_type=ContentType.objects.get_for_model(admin.model),
        object_repr=name[:200],
        action_flag=CHANGE,
        change_message=f"SMS campaign {campaign}: {reach.recipients} recipients",
    )

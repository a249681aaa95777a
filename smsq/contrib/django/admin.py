"""An action for Django's admin: one message to all that are selected.

    @admin.register(Customer)
    class CustomerAdmin(SendSmsMixin, admin.ModelAdmin):
        sms_phone_field = "phone"

In:  selected rows and a text. Out: a campaign, once the text was shown with its costs and sent off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from smsq.contrib.django.queue import get_queue
from smsq.errors import InvalidMessageError, KeyConflictError, SmsqError
from smsq.ledger.stored_id import StoredCampaign
from smsq.mistakes import Mistake
from smsq.models import BulkMessage
from smsq.options import BulkOptions
from smsq.text.parts import count_parts

_CHUNK_ROWS = 2000

#: What becomes of rows that cannot be sent to; so many of them are shown.
_SKIP: BulkOptions = {"on_invalid": "skip", "on_duplicate": "first"}
_MOST_SHOWN = 5


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
        preview = _preview(admin, queryset, form)
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


def _make_message(admin: Any, queryset: Any, form: CampaignForm) -> BulkMessage:
    told = form.cleaned_data
    phones: Iterable[Any] = admin.get_sms_phones(queryset)
    return BulkMessage(name=told["name"], text=told["text"], phones=phones)


def _preview(admin: Any, queryset: Any, form: CampaignForm) -> dict[str, Any] | None:
    queue = get_queue()
    try:
        reach = queue.check_bulk([_make_message(admin, queryset, form)], **_SKIP)
    except SmsqError as error:
        form.add_error(None, str(error))
        return None
    parts, price = count_parts(form.cleaned_data["text"]), queue.settings.price_per_part
    all_parts = parts.count * reach.recipients
    return {
        "reach": reach,
        "left_out": _show(reach.rejected),
        "parts": parts,
        "all_parts": all_parts,
        "cost": None if price is None else localize(price * all_parts),
    }


def _send(admin: Any, request: HttpRequest, queryset: Any, form: CampaignForm) -> HttpResponse:
    """Send; a second click finds the first one's key, and sends nothing more."""
    message, key = _make_message(admin, queryset, form), f"admin {form.cleaned_data['once']}"
    options: BulkOptions = {**_SKIP, "key": key}
    try:
        campaign = get_queue().send_bulk([message], **options)
    except KeyConflictError:
        said = gettext("This was sent already, with another text or to others.")
        admin.message_user(request, said, messages.WARNING)
        return HttpResponseRedirect(request.get_full_path())
    except SmsqError as error:
        admin.message_user(request, _say_failure(error), messages.ERROR)
        return _ask(admin, request, queryset, form)
    _tell(admin, request, campaign)
    if campaign.is_new:
        _write_down(admin, request, campaign, str(message.name))
    return HttpResponseRedirect(request.get_full_path())


def _say_failure(error: SmsqError) -> str:
    if isinstance(error, InvalidMessageError):
        return str(error)
    again = gettext("Press Send again: nobody gets it twice.")
    return f"{error} {again}"


def _tell(admin: Any, request: HttpRequest, campaign: StoredCampaign) -> None:
    if not campaign.is_new:
        said = gettext("This was sent already: campaign %(id)s.") % {"id": campaign}
        admin.message_user(request, said, messages.WARNING)
        return
    said = ngettext(
        "Campaign %(id)s: a message to %(count)d recipient is queued.",
        "Campaign %(id)s: messages to %(count)d recipients are queued.",
        campaign.accepted,
    ) % {"id": campaign, "count": campaign.accepted}
    admin.message_user(request, said, messages.SUCCESS)
    if campaign.rejected_count:
        shown = "; ".join(_show(campaign.rejected))
        said = gettext("Left out: %(count)d. %(shown)s") % {
            "count": campaign.rejected_count,
            "shown": shown,
        }
        admin.message_user(request, said, messages.WARNING)


def _show(rejected: Sequence[Mistake]) -> Sequence[str]:
    """Say of the first rows that are left out why, with masked phones."""
    return [mistake.message for mistake in rejected[:_MOST_SHOWN]]


def _write_down(admin: Any, request: HttpRequest, campaign: StoredCampaign, name: str) -> None:
    """Have the admin's log say who sent what to how many."""
    LogEntry.objects.create(
        user_id=request.user.pk,
        content_type=ContentType.objects.get_for_model(admin.model),
        object_repr=name,
        action_flag=CHANGE,
        change_message=f"SMS campaign {campaign}: {campaign.accepted} recipients",
    )

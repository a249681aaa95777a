"""The outbox in Django's admin: what waits, and what somebody has to look at.

In:  rows. Out: a page without texts and full phones, and a way to try failed ones again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from smsq.contrib.django.outbox.models import OutboxMessage
from smsq.contrib.django.outbox.table import DjangoTable


@admin.register(OutboxMessage)
class OutboxAdmin(admin.ModelAdmin):
    """Read only, but for the actions."""

    list_display = ("id", "masked_phone", "state", "code", "created_at", "tries", "job_id")
    list_filter = ("state", "code")
    search_fields = ("id", "job_id")
    fields = ("id", "masked_phone", "state", "code", "reason", "created_at", "tries", "job_id")
    readonly_fields = fields
    ordering = ("-waiting_since_ms",)
    actions = ("retry",)

    @admin.display(description="created at (UTC)", ordering="created_at_ms")
    def created_at(self, row: OutboxMessage) -> datetime:
        """Say when it was written."""
        return datetime.fromtimestamp(row.created_at_ms / 1000, UTC)

    @admin.action(description="Try failed ones again", permissions=["change"])
    def retry(self, request: HttpRequest, rows: Any) -> None:
        """Have the failed ones among these tried again."""
        table = DjangoTable(rows.db)
        ids = list(rows.values_list("id", flat=True))
        count = table.retry(ids, now_ms=table.now_ms())
        self.message_user(request, f"{count} to be tried again")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: messages are written with an app's own rows."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Nobody: one that waits would be lost. `smsq_relay --drop` is for those that failed."""
        return False

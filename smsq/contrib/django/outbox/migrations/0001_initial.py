"""The outbox' table."""

import uuid
from typing import Any, ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Create it."""

    initial = True

    dependencies: ClassVar[list[Any]] = []

    operations: ClassVar[list[Any]] = [
        migrations.CreateModel(
            name="OutboxMessage",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("state", models.CharField(default="waiting", max_length=10)),
                ("rank", models.SmallIntegerField()),
                ("created_at_ms", models.BigIntegerField()),
                ("waiting_since_ms", models.BigIntegerField()),
                ("not_before_ms", models.BigIntegerField()),
                ("ended_at_ms", models.BigIntegerField(null=True)),
                ("claim", models.CharField(default="", max_length=32)),
                ("tries", models.IntegerField(default=0)),
                ("phone", models.CharField(max_length=40)),
                ("text", models.TextField()),
                ("options", models.TextField()),
                ("job_id", models.CharField(default="", max_length=80)),
                ("code", models.CharField(default="", max_length=40)),
                ("reason", models.TextField(default="")),
            ],
            options={
                "verbose_name": "SMS",
                "verbose_name_plural": "SMS",
                "db_table": "smsq_outbox",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["rank", "waiting_since_ms"],
                        name="smsq_outbox_waiting",
                    ),
                    models.Index(
                        condition=models.Q(("state", "failed")),
                        fields=["ended_at_ms"],
                        name="smsq_outbox_failed",
                    ),
                    models.Index(fields=["ended_at_ms"], name="smsq_outbox_ended"),
                ],
            },
        ),
    ]

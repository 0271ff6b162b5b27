"""Whether a notice has a way back, by which a delivery report finds it; lists of notices by day, and those not read."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notices", "0006_notice_walls")]
    operations = [
        migrations.AddField("notice", "returns", models.BooleanField(default=False, db_default=False)),
        migrations.AddIndex("notice", models.Index(fields=["written_on", "id"], name="notice_by_day")),
        migrations.AddIndex(
            "notice",
            models.Index(
                fields=["state", "written_on", "id"],
                condition=models.Q(state__in=["owed", "bounced", "dropped"]),
                name="notice_in_trouble",
            ),
        ),
        migrations.AddIndex(
            "notice",
            models.Index(
                fields=["account_id"],
                condition=models.Q(account_id__isnull=False, read_at__isnull=True),
                name="notice_not_read",
            ),
        ),
        migrations.AddIndex(
            "notice",
            models.Index(
                fields=["organisation_id", "written_on", "id"],
                condition=models.Q(organisation_id__isnull=False),
                name="notice_by_organisation",
            ),
        ),
        migrations.AddIndex(
            "notice",
            models.Index(
                fields=["customer_id"], condition=models.Q(state="bounced"), name="notice_bounced_by_customer"
            ),
        ),
    ]

"""The check role reads the job engine's tables too: no key may stand in a job's arguments (S1)."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES
TABLES = "procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers, procrastinate_workers"


class Migration(migrations.Migration):
    dependencies = [
        ("closing", "0001_reversal"),
        ("procrastinate", "0041_post_retry_failed_job"),
        ("redemption", "0002_walls"),
    ]
    operations = [
        migrations.RunSQL(f"GRANT SELECT ON {TABLES} TO {R}_check;", f"REVOKE SELECT ON {TABLES} FROM {R}_check;"),
    ]

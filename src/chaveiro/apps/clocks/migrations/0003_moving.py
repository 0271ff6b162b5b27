"""A clock knows that it is moving, and to which day."""

from django.conf import settings
from django.db import migrations, models

R = settings.DATABASE_ROLES

# Locking a row needs the right to change one column: a clock that somebody goes onto must not be ended meanwhile.
FORWARD = f"GRANT UPDATE (ended_at) ON clocks_clock TO {R}_keeper;"
BACKWARD = f"REVOKE UPDATE (ended_at) ON clocks_clock FROM {R}_keeper;"


class Migration(migrations.Migration):
    dependencies = [("clocks", "0002_walls")]
    operations = [
        migrations.AddField("clock", "moving_to", models.DateField(null=True)),
        migrations.AddField("clock", "operation_id", models.UUIDField(null=True)),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]

"""A letter may go to an address that no account stands behind: who left a redemption, the people who give help."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notices", "0003_depths")]
    operations = [migrations.AlterField("letter", "account_id", models.UUIDField(null=True))]

"""Who had a role until its customer closed is found without reading every role."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0011_clock_in_sight"),
    ]
    operations = [
        migrations.AddIndex(
            model_name="role",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", False)), fields=["person"], name="role_that_ended"
            ),
        ),
    ]

"""A product can be retired: no further keys are ordered, what was sold stays good. Its versions still never change."""

from django.conf import settings
from django.db import migrations, models

R = settings.DATABASE_ROLES

FORWARD = f"""
GRANT UPDATE (retired_at) ON catalog_product TO {R}_web;
CREATE POLICY web_retires ON catalog_product FOR UPDATE TO {R}_web
    USING (scope_kind() = 'operator') WITH CHECK (scope_kind() = 'operator');
"""

BACKWARD = f"""
DROP POLICY web_retires ON catalog_product;
REVOKE UPDATE (retired_at) ON catalog_product FROM {R}_web;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0002_walls"),
    ]
    operations = [
        migrations.AddField(
            model_name="product",
            name="retired_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]

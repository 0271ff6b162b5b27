"""Tax numbers are compared by their letters and digits, within a country, among the organisations that stand."""

from django.db import migrations, models

FORM = """
-- `PT501234567` for `501 234 567`, `501.234.567` and `pt 501234567` of PT: the country once, then letters and digits.
-- Collation C, so that what an index keeps never depends on a server's locale.
CREATE FUNCTION customers_tax_number_form(country text, number text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
    SELECT regexp_replace(regexp_replace(upper((country || number) COLLATE "C"), '[^0-9A-Z]', '', 'g'),
        '^(..)\\1(?=.)', '\\1')
$body$;
"""

FORWARD = """
-- Told to whoever opens an organisation: that there is another, and nothing of it.
CREATE FUNCTION customers_tax_number_is_known(of_country text, number text) RETURNS boolean
LANGUAGE sql STABLE AS $body$
    SELECT EXISTS (SELECT FROM customers_customer c
        WHERE customers_tax_number_form(c.country, c.tax_number) = customers_tax_number_form(of_country, number)
        AND NOT c.tax_number = '' AND c.closed_at IS NULL)
$body$;
CALL house_keep('customers_tax_number_is_known(text, text)');
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0002_walls")]
    operations = [
        migrations.RunSQL(FORM, "DROP FUNCTION customers_tax_number_form(text, text);"),
        migrations.RemoveIndex(model_name="customer", name="customer_by_tax_number"),
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(
                models.Func("country", "tax_number", function="customers_tax_number_form"),
                condition=~models.Q(tax_number="") & models.Q(closed_at=None),
                name="customer_by_tax_number",
            ),
        ),
        migrations.RunSQL(FORWARD, "DROP FUNCTION customers_tax_number_is_known(text, text);"),
    ]

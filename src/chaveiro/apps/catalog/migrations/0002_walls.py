"""What is sold is public; a published version never changes."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('catalog_policy', 'catalog_product', 'catalog_productversion');
CALL house_keeper('SELECT', 'catalog_policy', 'catalog_product', 'catalog_productversion');

GRANT SELECT, INSERT ON catalog_policy, catalog_product, catalog_productversion TO {R}_web;
CREATE POLICY web_reads ON catalog_policy FOR SELECT TO {R}_web USING (scope_kind() <> '');
CREATE POLICY web_reads ON catalog_product FOR SELECT TO {R}_web USING (scope_kind() <> '');
CREATE POLICY web_reads ON catalog_productversion FOR SELECT TO {R}_web USING (scope_kind() <> '');
CREATE POLICY web_adds ON catalog_policy FOR INSERT TO {R}_web WITH CHECK (scope_kind() = 'operator');
CREATE POLICY web_adds ON catalog_product FOR INSERT TO {R}_web WITH CHECK (scope_kind() = 'operator');
CREATE POLICY web_adds ON catalog_productversion FOR INSERT TO {R}_web WITH CHECK (scope_kind() = 'operator');

CREATE FUNCTION house_immutable() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION '% rows never change', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $body$;
CREATE TRIGGER never_changes BEFORE UPDATE OR DELETE ON catalog_policy FOR EACH ROW EXECUTE FUNCTION house_immutable();
CREATE TRIGGER never_changes BEFORE UPDATE OR DELETE ON catalog_productversion
    FOR EACH ROW EXECUTE FUNCTION house_immutable();
"""

BACKWARD = f"""
DROP TRIGGER never_changes ON catalog_productversion;
DROP TRIGGER never_changes ON catalog_policy;
DROP FUNCTION house_immutable();
DROP POLICY house_system ON catalog_policy;
DROP POLICY house_check ON catalog_policy;
DROP POLICY house_keeper ON catalog_policy;
DROP POLICY web_reads ON catalog_policy;
DROP POLICY web_adds ON catalog_policy;
REVOKE ALL ON catalog_policy FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE catalog_policy NO FORCE ROW LEVEL SECURITY;
ALTER TABLE catalog_policy DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON catalog_product;
DROP POLICY house_check ON catalog_product;
DROP POLICY house_keeper ON catalog_product;
DROP POLICY web_reads ON catalog_product;
DROP POLICY web_adds ON catalog_product;
REVOKE ALL ON catalog_product FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE catalog_product NO FORCE ROW LEVEL SECURITY;
ALTER TABLE catalog_product DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON catalog_productversion;
DROP POLICY house_check ON catalog_productversion;
DROP POLICY house_keeper ON catalog_productversion;
DROP POLICY web_reads ON catalog_productversion;
DROP POLICY web_adds ON catalog_productversion;
REVOKE ALL ON catalog_productversion FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE catalog_productversion NO FORCE ROW LEVEL SECURITY;
ALTER TABLE catalog_productversion DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0001_rows"),
        ("journal", "0001_house"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

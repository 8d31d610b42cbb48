from django.db import migrations

# Settings, modes and resets are told in the audit log; what the breaker does by itself is not, nor the row
# that reliability makes when it first meets a service.
AUDITED = """
CREATE TRIGGER breaker_in_audit_log AFTER UPDATE OR DELETE ON circuit_breakers
  FOR EACH ROW EXECUTE FUNCTION audit_change('breaker', 'name',
    'state kind cause generation wait_seconds opened_at retry_at version created_at updated_at');
"""


class Migration(migrations.Migration):
    dependencies = [("reliability", "0003_breakers"), ("governance", "0010_permissions")]
    operations = [migrations.RunSQL(AUDITED, "DROP TRIGGER breaker_in_audit_log ON circuit_breakers")]

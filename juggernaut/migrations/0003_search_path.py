from django.db import migrations

from governance.db.operations.search_path import pin

PINNED = (
    "audit_name",
    "audit_given",
    "audit_password",
)


class Migration(migrations.Migration):
    dependencies = [("juggernaut", "0002_people_are_audited"), ("governance", "0028_search_path")]
    operations = [pin(PINNED)]

from django.db import migrations

from governance.db.operations.search_path import pin

PINNED = (
    "breaker_versioned",
    "breaker_changed",
    "breaker_audited",
)


class Migration(migrations.Migration):
    dependencies = [("reliability", "0004_breakers_audited"), ("governance", "0028_search_path")]
    operations = [pin(PINNED)]

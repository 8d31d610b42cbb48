from django.db import migrations

# RFC 9562, version 7: 48 bits of Unix milliseconds, version, 74 random bits. PostgreSQL has its own
# from version 18 on; this one serves 15 to 17 as well, so that there is one name everywhere.
UUID7 = """
CREATE FUNCTION juggernaut_uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid())
              PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
              FROM 1 FOR 6),
      52, 1), 53, 1), 'hex')::uuid
$$
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [migrations.RunSQL(UUID7, "DROP FUNCTION juggernaut_uuid7()")]

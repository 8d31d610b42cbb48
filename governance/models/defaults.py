"""Defaults that live in the database, so that a row typed into `psql` is as good as any other."""

from django.db.models import CharField, DateTimeField, Func, JSONField, UUIDField, Value


class TimeOrderedId(Func):
    """`juggernaut_uuid7()`: a version 7 UUID (RFC 9562), so that new rows sit together in every index."""

    function = "juggernaut_uuid7"
    arity = 0
    output_field = UUIDField()


class SqlUser(Func):
    """`'sql:' || current_user`: who typed the row in, when no other actor is named."""

    template = "('sql:' || current_user)"
    arity = 0
    output_field = CharField()


class StatementTime(Func):
    """`statement_timestamp()`: the time itself, where `now()` would be when the transaction began."""

    function = "statement_timestamp"
    arity = 0
    output_field = DateTimeField()


EMPTY_OBJECT = Value({}, output_field=JSONField())

"""The database schema as a document: what the server says there is, with the purpose that the models give."""

from juggernaut.schema.document import PATH, text

__all__ = ["PATH", "text"]

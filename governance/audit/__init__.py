"""The audit log, and the redaction of secrets."""

"""Pages of permissions, approvals, calls, the audit log, users and tokens."""

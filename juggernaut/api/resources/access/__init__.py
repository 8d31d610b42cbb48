"""Endpoints of permissions, approvals, recorded calls, rate limits, audit, tokens."""

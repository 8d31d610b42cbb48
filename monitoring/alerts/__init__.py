"""Alerts: found by the watchdog's sweep, stored as rows, delivered to people.

`rules` look, `book` keeps what they find, `post` tells it, `verbs` are what people do about it.
"""

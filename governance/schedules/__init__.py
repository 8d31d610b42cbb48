"""Recurring tasks: what is submitted again and again, by cron or at an interval.

`verbs` change them, `firing` submits what is due, `questions` tell of them, `clock` knows the times.
Who looks whether something is due is the watchdog (`reliability.watchdog.schedules`).
"""

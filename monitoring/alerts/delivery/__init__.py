"""Delivery of alerts: outbox, channels, sender, and the thread that sends."""

"""Asking providers of models, and HTTP to the outside world."""

"""Addresses that belong to nobody in particular."""

from django.test import Client


def test_the_bare_address_leads_to_the_console():
    answer = Client().get("/")

    assert answer.status_code == 302
    assert answer["Location"] == "/admin/"

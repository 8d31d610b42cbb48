"""`/api/workers`: who works here, and in which processes."""

from django.http import HttpResponse
from rest_framework.request import Request

from governance import selectors
from governance.api.resource import Resource, answer


class Workers(Resource):
    """`/api/workers`."""

    def get(self, request: Request) -> HttpResponse:
        return answer({"workers": selectors.workers(actor=self.actor)})

"""The public page of the programme."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from booking.catalogue.programme import programme_context
from booking.site.caching import same_for_everyone


@same_for_everyone(seconds=1)
def programme(request: HttpRequest) -> HttpResponse:
    """What is coming up, as a list or as a month, searched and filtered."""
    headers = request.headers
    only_results = "HX-Request" in headers and "HX-History-Restore-Request" not in headers
    context = programme_context(request.GET, now=timezone.now())
    context["only_results"] = only_results
    template = "catalogue/programme.html"
    response = render(request, f"{template}#results" if only_results else template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response

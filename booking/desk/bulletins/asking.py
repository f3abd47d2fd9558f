"""The page that asks before something of a bulletin, or of the diary, is lost."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

SURE = "sure"


def asks(request: HttpRequest, name: str, *, heading: str, lost: str, back: str) -> HttpResponse:
    """Ask whether they are `SURE`; the answer is sent under the name that was pressed before."""
    context = {"name": name, "sure": SURE, "heading": heading, "lost": lost, "back": back}
    return render(request, "desk/bulletins/asks.html", context)

"""The two pages."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from gemini.faults import as_text, read_faults


def index(request: HttpRequest) -> HttpResponse:
    """Return the integrated page, with the faults of `?fault=…` or of the setting `INDEX_FAULTS`."""
    faults = read_faults(request.GET.get("fault", settings.INDEX_FAULTS))
    return render(request, "gemini/index.html", {"faults": faults, "faults_text": as_text(faults)})


def continuous_voice(request: HttpRequest) -> HttpResponse:
    """Return the healthy page."""
    return render(request, "gemini/continuous_voice.html")

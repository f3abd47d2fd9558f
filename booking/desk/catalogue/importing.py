"""Coordinators’ page to import the files of a programme, and to export them.

First press: the files are uploaded and the worker reads them, while the page says how far it is.
Second press: all of what the page then shows is written, or nothing.
"""

import io
import zipfile
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.models import AccessRecord
from accounts.views import signed_in
from booking.catalogue.importing import uploads
from booking.catalogue.importing.export import programme_file
from booking.catalogue.importing.programme import FILES, Given
from booking.catalogue.models import ProgrammeUpload
from booking.site.form_kit import Form
from booking.site.refusals import Refused
from booking.site.web import page, posted

_PER_PAGE = 100
# In the order in which somebody looks at them, and what each is called.
SHOWN = {
    "wrong": "Wrong",
    "letters": "Letters to check",
    "changed": "Changed",
    "new": "New",
    "unchanged": "Unchanged",
}
_ALL = "programme.zip"
# Seconds after which a browser asks again how far it is, also without scripts.
_REFRESH = "2"


class _ManyFiles(forms.FileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files, each with its bytes. Raises `ValidationError` for what is far too large."""

    def clean(self, data: Any, initial: Any = None) -> list[Given]:
        """The files, none of which is empty."""
        chosen = data if isinstance(data, list) else [data]
        for each in filter(None, chosen):
            if not each.size:
                raise forms.ValidationError(f"{_shown_name(each.name)} is empty. Choose another.")
        read = [super(FilesField, self).clean(each, initial) for each in chosen or [None]]
        if sum(each.size for each in read) > uploads.MOST_BYTES:
            most = uploads.MOST_BYTES // 1_000_000
            raise forms.ValidationError(
                f"Together the files are larger than {most} MB. Upload them one at a time, or"
                " divide them."
            )
        return [Given(_shown_name(each.name), each.read()) for each in read]


def _shown_name(name: str) -> str:
    """The name of a file as pages show it."""
    return "".join(letter for letter in name if letter.isprintable())[-100:] or "file"


class FilesForm(Form):
    """The files to import."""

    files = FilesField(  # type: ignore[assignment]
        label="Files to import",
        help_text=f"CSV files of any spreadsheet, together or one at a time: {', '.join(FILES)}."
        " Each is known by its columns, whatever it is called.",
        widget=_ManyFiles(attrs={"accept": ".csv,.txt,.tsv,text/csv"}),
        error_messages={
            "required": "Choose one file or more.",
            "invalid": "Choose one file or more.",
            "max_length": "Give the file a shorter name.",
        },
    )


@desk(post=20)
def files(request: HttpRequest) -> HttpResponse:
    """What can be uploaded and downloaded; how far the worker is; what it would write; or wrote."""
    by, now = signed_in(request), timezone.now()
    typed = posted(request)
    form = FilesForm(typed, None if typed is None else request.FILES)
    if form.is_valid():
        try:
            refused = uploads.add_files(files=form.cleaned_data["files"], by=by, now=now)
            if not refused:
                return redirect("manage_files")
            for sentence in refused:
                form.add_error("files", sentence)
        except Refused as refusal:
            form.add_error(None, refusal.sentence)
    upload = uploads.upload_of(by, now=now)
    context: dict[str, Any] = {"form": form, "upload": upload, "kinds": list(FILES), "all": _ALL}
    if upload is not None and upload.state == ProgrammeUpload.State.SHOWN:
        context |= _shown(request, upload)
    if upload is not None and upload.preview:
        rows = len(context.get("page_obj", ())) + len(upload.preview["notes"])
        looked_at(None, by=by, what="files to import", rows=rows)
    if upload is not None and upload.state in ProgrammeUpload.DUE:
        context["progress"] = uploads.progress_of(upload)
    response = page(request, "desk/catalogue/files.html", context)
    if upload is not None and upload.state in ProgrammeUpload.DUE and typed is None:
        response.headers["Refresh"] = _REFRESH
    return response


def _shown(request: HttpRequest, upload: ProgrammeUpload) -> dict[str, Any]:
    rows = upload.preview["rows"]
    counts = {status: sum(row[3] == status for row in rows) for status in SHOWN}
    first = next((status for status in SHOWN if counts[status]), "unchanged")
    show = request.GET.get("show", "")
    show = show if show in SHOWN else first
    chosen = [row for row in rows if row[3] == show]
    return {
        "show": show,
        "words": SHOWN[show],
        "filters": [(status, words, counts[status]) for status, words in SHOWN.items()],
        "page_obj": Paginator(chosen, _PER_PAGE).get_page(request.GET.get("page")),
        "writes": counts["new"] + counts["changed"],
    }


@desk(post=20, only_post=True, proof=True)
def import_shown(request: HttpRequest) -> HttpResponse:
    """Have everything written that was shown: after a proof of who asks."""
    digest = request.POST.get("digest", "")
    return _acted(
        request, lambda: uploads.confirm(by=signed_in(request), digest=digest, now=timezone.now())
    )


@desk(post=20, only_post=True)
def discard(request: HttpRequest) -> HttpResponse:
    """Forget what was uploaded, or that it was imported."""
    return _acted(request, lambda: uploads.discard(by=signed_in(request)))


def _acted(request: HttpRequest, act: Callable[[], None]) -> HttpResponse:
    try:
        act()
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    return redirect("manage_files")


@desk(proof=True)
def export(request: HttpRequest, file: str) -> HttpResponse:
    """One of the files as it stands, or all of them: after a proof of who asks."""
    if file not in FILES and file != _ALL:
        raise Http404
    made = {name: programme_file(name) for name in (FILES if file == _ALL else [file])}
    rows = sum(number for _, number in made.values())
    form = AccessRecord.Form.FILE if file == _ALL else AccessRecord.Form.CSV
    looked_at(None, by=signed_in(request), what=f"export of {file}", rows=rows, form=form)
    if file != _ALL:
        content, kept_type = made[file][0], "text/csv; charset=utf-8"
    else:
        packed, kept_type = io.BytesIO(), "application/zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, (each, _) in made.items():
                archive.writestr(name, each)
        content = packed.getvalue()
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    return HttpResponse(content, content_type=kept_type, headers=headers)

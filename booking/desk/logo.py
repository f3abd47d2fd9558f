"""The logo that coordinators choose: it is sent along until the rest of its form is right too."""

import base64
import contextlib
from typing import Any, cast

from django import forms
from django.http import QueryDict

from booking.partnership.pictures import MOST_BYTES, Picture, PictureRefused, picture_of
from booking.site.form_kit import Form


class LogoForm(Form):
    """A new logo, or none."""

    chosen_logo = forms.CharField(widget=forms.HiddenInput, required=False)
    logo = forms.FileField(
        label="New logo (optional)",
        required=False,
        help_text=f"A PNG, JPEG or WebP picture of {MOST_BYTES // 1000} kB or less. It is shown on"
        " white, about 50 pixels high.",
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
        error_messages={"invalid": "Choose a file for the logo."},
    )
    remove_logo = forms.BooleanField(label="Show no logo of our own", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.picture: Picture | None = None
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        """A picture that can be shown, or none, and not both."""
        cleaned: dict[str, Any] = super().clean() or {}
        again = cast(QueryDict, self.data).copy()
        try:
            self.picture = self._chosen(cleaned)
        except PictureRefused as refused:
            self.add_error("logo", refused.sentence)
            with contextlib.suppress(PictureRefused):
                self.picture = self._chosen_before(cleaned)
        if self.picture and cleaned.get("remove_logo"):
            self.add_error("remove_logo", "Choose a new logo or none, not both.")
        again["chosen_logo"] = self.picture_text
        self.data = again
        return cleaned

    def _chosen(self, cleaned: dict[str, Any]) -> Picture | None:
        """The picture that was uploaded now, or else before. Raises `PictureRefused`."""
        if upload := cleaned.get("logo"):
            # One byte more than may be, so that too much is told without reading all of it.
            return picture_of(upload.read(MOST_BYTES + 1))
        return self._chosen_before(cleaned)

    def _chosen_before(self, cleaned: dict[str, Any]) -> Picture | None:
        """The picture that was uploaded before something else was corrected, unless given up."""
        if cleaned.get("remove_logo") or not cleaned.get("chosen_logo"):
            return None
        try:
            return picture_of(base64.b64decode(cleaned["chosen_logo"], validate=True))
        except ValueError:
            return None

    @property
    def picture_text(self) -> str:
        """The chosen logo as text that a form and a `data:` address can carry; empty if none."""
        return base64.b64encode(self.picture.content).decode() if self.picture else ""

    @property
    def logo_values(self) -> dict[str, object]:
        """The columns to write, once all is valid; none if the logo stays."""
        if not self.picture and not self.cleaned_data["remove_logo"]:
            return {}
        picture = self.picture or Picture(b"", "", 0, 0)
        return {
            "logo": picture.content,
            "logo_type": picture.content_type,
            "logo_width": picture.width,
            "logo_height": picture.height,
            "logo_digest": picture.digest if picture.content else "",
        }

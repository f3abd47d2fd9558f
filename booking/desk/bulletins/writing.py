"""Coordinators' pages on which a bulletin is written: its head, articles and blocks."""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.datastructures import MultiValueDict

from accounts.access import desk
from booking.bulletins.blocks import BlockKind, filters_of
from booking.bulletins.models import Bulletin, BulletinPart
from booking.bulletins.writing import (
    Article,
    NoDraft,
    add_article,
    begin_bulletin,
    change_article,
    change_bulletin,
    discard_bulletin,
    move_part_up,
    put_block,
    remove_part,
)
from booking.catalogue.models import Topic
from booking.desk.bulletins.asking import SURE, asks
from booking.desk.bulletins.blocks import ASKED
from booking.desk.questions import small_boxes
from booking.partnership.pictures import MOST_BYTES, Picture, PictureRefused, picture_of
from booking.site.form_kit import Form, PageQuestion
from booking.site.human_order import HumanOrder
from booking.site.web import done, page, paged, posted, refusals_shown
from booking.site.wording import counted

_PER_PAGE = 30
_ARTICLE_LENGTH = 20_000


class HeadForm(Form):
    """What a bulletin is called, how it begins, and whom it is for."""

    title = forms.CharField(
        label="Title", max_length=150, help_text="Also the subject of the mail."
    )
    opening = forms.CharField(
        label="Opening (optional)",
        max_length=4000,
        required=False,
        help_text="A sentence or two before the first article.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    topics = forms.ModelMultipleChoiceField(
        label="Topics (optional)",
        help_text="With topics it goes only to people who chose one of them, or who chose none.",
        queryset=Topic.objects.order_by(HumanOrder("name")),
        required=False,
        widget=small_boxes(),
    )


class ArticleForm(Form):
    """An article. A picture that is stored stays, unless another is chosen or it is taken out."""

    heading = forms.CharField(label="Heading", max_length=150)
    text = forms.CharField(
        label="Text",
        max_length=_ARTICLE_LENGTH,
        help_text="An empty line parts paragraphs. Lines that begin with - are a list, **bold** is"
        " bold, and [words](https://address) is a link.",
        widget=forms.Textarea(attrs={"rows": 14}),
    )
    link = PageQuestion("Link to more (optional)", example="https://www.example.org/news")
    link_words = forms.CharField(
        label="Words of the link (optional)",
        max_length=150,
        required=False,
        help_text="What it leads to, such as “Read the full update”.",
    )
    picture = forms.FileField(
        label="Picture (optional)",
        required=False,
        help_text=f"A PNG, JPEG or WebP picture of {MOST_BYTES // 1000} kB or less.",
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
    )
    picture_says = forms.CharField(
        label="What the picture shows (if there is one)",
        max_length=250,
        required=False,
        help_text="For people who cannot see it, and where pictures are not loaded.",
    )
    without_picture = forms.BooleanField(label="Take the picture out", required=False)

    def __init__(
        self,
        typed: QueryDict | None,
        files: MultiValueDict[str, Any] | None,
        *,
        stored: BulletinPart | None,
    ) -> None:
        self.stored = stored
        self.chosen: Picture | None = None
        names = ("heading", "text", "link", "link_words", "picture_says")
        initial = {name: getattr(stored, name) for name in names} if stored else {}
        super().__init__(typed, files, initial=initial)
        if not (stored and stored.picture_digest):
            del self.fields["without_picture"]

    def clean_picture(self) -> None:
        """A picture that is whole."""
        if upload := self.cleaned_data["picture"]:
            try:
                self.chosen = picture_of(upload.read(MOST_BYTES + 1))
            except PictureRefused as refused:
                sentence = refused.sentence.replace("The logo", "The picture")
                raise forms.ValidationError(sentence) from refused

    def clean(self) -> dict[str, Any]:
        """Every picture says what it shows."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        stays = self.stored and self.stored.picture_digest and not cleaned.get("without_picture")
        if (self.chosen or stays) and not cleaned.get("picture_says"):
            self.add_error("picture_says", "Say what the picture shows.")
        return cleaned

    @property
    def article(self) -> Article:
        """What was typed, once valid."""
        said = {name: it for name, it in self.cleaned_data.items() if name != "picture"}
        return Article(**said, picture=self.chosen)


@desk()
def bulletins(request: HttpRequest) -> HttpResponse:
    """Every bulletin, the newest first."""
    context = {"page_obj": paged(request, Bulletin.objects.all(), per_page=_PER_PAGE)}
    return render(request, "desk/bulletins/bulletins.html", context)


@desk(post=60)
def new(request: HttpRequest) -> HttpResponse:
    """Begin a bulletin."""
    form = HeadForm(posted(request))
    if form.is_valid():
        made = begin_bulletin(**form.cleaned_data, now=timezone.now())
        return redirect("manage_bulletin", made.pk)
    return page(request, "desk/bulletins/new.html", {"form": form})


@desk(post=120)
def bulletin(request: HttpRequest, bulletin_id: int) -> HttpResponse:
    """One bulletin: its head and what stands in it, in order."""
    found = get_object_or_404(Bulletin, pk=bulletin_id)
    initial = {
        "title": found.title,
        "opening": found.opening,
        "topics": list(found.topics.values_list("pk", flat=True)),
    }
    context: dict[str, Any] = {"bulletin": found, "parts": found.parts.defer("picture")}
    context["kinds"] = BlockKind.choices
    if "discard" in request.POST:
        if found.can_change and request.POST["discard"] != SURE:
            return asks(
                request,
                "discard",
                heading=f"Throw {found.title} away?",
                lost=f"{counted(found.parts.count(), 'article or block', 'articles and blocks')}"
                " will be lost with it.",
                back=request.path,
            )
        with refusals_shown(context):
            discard_bulletin(bulletin=found)
            return done(request, f"{found.title} is thrown away.", "manage_bulletins")
    form = HeadForm(None if "discard" in request.POST else posted(request), initial=initial)
    if form.is_valid():
        with refusals_shown(context):
            change_bulletin(bulletin=found, **form.cleaned_data)
            return done(request, "Saved.", "manage_bulletin", found.pk)
    return page(request, "desk/bulletins/bulletin.html", context | {"form": form})


@desk(post=120)
def article(request: HttpRequest, bulletin_id: int) -> HttpResponse:
    """A new article, at the end."""
    found = get_object_or_404(Bulletin, pk=bulletin_id)
    return _article(request, found, None)


@desk(post=120)
def block(request: HttpRequest, bulletin_id: int, block: str) -> HttpResponse:
    """A new block, at the end."""
    found = get_object_or_404(Bulletin, pk=bulletin_id)
    if block not in BlockKind.values:
        raise Http404
    return _block(request, found, BlockKind(block), None)


@desk(post=120)
def part(request: HttpRequest, part_id: int) -> HttpResponse:
    """An article or a block that stands there already; it can be removed."""
    parts = BulletinPart.objects.select_related("bulletin").defer("picture")
    found = get_object_or_404(parts, pk=part_id)
    if "remove" in request.POST:
        if found.bulletin.can_change and request.POST["remove"] != SURE:
            lost = "What it says, and its picture, will be lost."
            if not found.is_article:
                lost = "What it is narrowed by will be lost."
            heading = f"Take “{found}” out?"
            return asks(request, "remove", heading=heading, lost=lost, back=request.path)
        try:
            remove_part(part=found)
        except NoDraft as refused:
            return done(request, refused.sentence, "manage_bulletin", found.bulletin_id)
        return done(request, f"“{found}” is taken out.", "manage_bulletin", found.bulletin_id)
    if found.is_article:
        return _article(request, found.bulletin, found)
    return _block(request, found.bulletin, BlockKind(found.kind), found)


@desk(post=120, only_post=True)
def part_up(request: HttpRequest, part_id: int) -> HttpResponse:
    """Let a part stand one place earlier."""
    found = get_object_or_404(BulletinPart.objects.select_related("bulletin"), pk=part_id)
    try:
        move_part_up(part=found)
    except NoDraft as refused:
        return done(request, refused.sentence, "manage_bulletin", found.bulletin_id)
    return redirect("manage_bulletin", found.bulletin_id)


def _article(request: HttpRequest, found: Bulletin, stored: BulletinPart | None) -> HttpResponse:
    typed = posted(request)
    form = ArticleForm(typed, None if typed is None else request.FILES, stored=stored)
    context: dict[str, Any] = {"form": form, "bulletin": found, "part": stored}
    if form.is_valid():
        with refusals_shown(context):
            if stored:
                change_article(part=stored, article=form.article)
            else:
                add_article(bulletin=found, article=form.article)
            return done(request, "Saved.", "manage_bulletin", found.pk)
    return page(request, "desk/bulletins/article.html", context)


def _block(
    request: HttpRequest, found: Bulletin, kind: BlockKind, stored: BulletinPart | None
) -> HttpResponse:
    said = request.POST if request.method == "POST" else stored.asks if stored else QueryDict()
    filters = filters_of(said, now=timezone.now())
    form = filters.form
    context: dict[str, Any] = {
        "form": form,
        "fields": [form[name] for name in ASKED[kind]],
        "heading": kind.label,
        "bulletin": found,
        "part": stored,
    }
    if request.method == "POST" and form.is_valid():
        asked = filters.understood()
        for name in [name for name in asked if name not in ASKED[kind]]:
            del asked[name]
        with refusals_shown(context):
            put_block(bulletin=found, kind=kind, query=asked.urlencode(), part=stored)
            return done(request, "Saved.", "manage_bulletin", found.pk)
    return page(request, "desk/bulletins/block.html", context)

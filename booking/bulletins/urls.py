"""Addresses of blocks and bulletins."""

from django.urls import path, re_path

from booking.bulletins import embed, pages
from booking.bulletins.blocks import BlockKind

_BLOCK = f"(?P<block>{'|'.join(BlockKind.values)})"

urlpatterns = [
    re_path(rf"^embed/{_BLOCK}/$", embed.embed, name="embed"),
    re_path(rf"^embed/{_BLOCK}\.json$", embed.embed_json, name="embed_json"),
    re_path(rf"^embed/{_BLOCK}\.atom$", embed.embed_atom, name="embed_atom"),
    path("bulletins/", pages.bulletins, name="bulletins"),
    path("bulletins/<key:bulletin_id>/", pages.bulletin, name="bulletin"),
    path("bulletins/ask/", pages.ask_for_bulletins, name="ask_for_bulletins"),
    path("bulletins/choices/", pages.bulletin_choices, name="bulletin_choices"),
    path("bulletins/confirm/<str:token>/", pages.confirm_subscription, name="confirm_subscription"),
    path("bulletins/stop/<str:token>/", pages.unsubscribe, name="unsubscribe"),
    re_path(
        r"^bulletins/pictures/(?P<digest>[0-9a-f]{16})$", pages.picture, name="bulletin_picture"
    ),
]

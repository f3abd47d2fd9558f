"""Addresses of blocks and bulletins."""

from django.urls import re_path

from booking.bulletins import embed
from booking.bulletins.blocks import BlockKind

_BLOCK = f"(?P<block>{'|'.join(BlockKind.values)})"

urlpatterns = [
    re_path(rf"^embed/{_BLOCK}/$", embed.embed, name="embed"),
    re_path(rf"^embed/{_BLOCK}\.json$", embed.embed_json, name="embed_json"),
    re_path(rf"^embed/{_BLOCK}\.atom$", embed.embed_atom, name="embed_atom"),
]

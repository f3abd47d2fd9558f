"""A block as it is copied into a newsletter: HTML of tables for mail programs, and plain text."""

from dataclasses import dataclass

from django.template.loader import render_to_string

from booking.bulletins.blocks import Block
from booking.partnership.kept import the_partnership
from booking.site.plain_text import plain_text


@dataclass(frozen=True)
class Copied:
    """What is pasted into a newsletter tool, the whole page to look at, and the text."""

    html: str
    page: str
    text: str


def copied(block: Block) -> Copied:
    """The block for another tool: 600 pixels wide, every style in its element."""
    context = {"block": block, "partnership": the_partnership()}
    page = render_to_string("bulletins/copied.html", context)
    body = page.partition("<body")[2].partition(">")[2].rpartition("</body>")[0]
    return Copied(html=body.strip(), page=page, text=plain_text(page))

"""What the layout of our emails needs."""

import css_inline
from django import template
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

# Rules for dark mode and narrow screens cannot be inlined, so they stay where they are.
_INLINER = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


@register.filter(is_safe=True)
def inline_css(html: str) -> SafeString:
    """{% filter inline_css %}: the page with its style sheet written into the elements.

    Several mail programs drop style sheets, but keep the styles of single elements.
    """
    return mark_safe(_INLINER.inline(html))  # noqa: S308 -- the page was escaped when rendered

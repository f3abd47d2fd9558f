"""The text of a mail is made from its page, word for word."""

import pytest
from django.template import Context, Template

from booking.site.plain_text import plain_text


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>One\n   sentence.</p>\n  <p>Another.</p>", "One sentence.\n\nAnother."),
        ("<h1>Title</h1><h2>What next</h2><p>Wait.</p>", "Title\n\nWhat next\nWait."),
        ("<h2>One</h2><h2>Two</h2><p>Text.</p>", "One\n\nTwo\nText."),
        ("<p>Dates</p><ul><li>One</li> <li>Two</li></ul><p>End.</p>",
         "Dates\n\n- One\n- Two\n\nEnd."),
        ("<ol><li>One</li><li><p>Two</p><ul><li>A</li></ul></li><li>Three</li></ol><h3>Next</h3>"
         "<p>End.</p>", "1. One\n2. Two\n- A\n3. Three\n\nNext\nEnd."),
        ('<ol start="4"><li>Four</li><li></li></ol><pre><code>End.</code></pre>',
         "4. Four\n\nEnd."),
        ('<div class="panel"><p class="lead">Who</p><p>Ada</p><p>Leeds</p>'
         '<p class="lead">When</p><ul><li>Now</li></ul></div><p>End.</p>',
         "Who\nAda\nLeeds\n\nWhen\n- Now\n\nEnd."),
        ('<div class="panel"><p>One</p></div><div class="panel"><p>Two</p></div>', "One\n\nTwo"),
        ("<p>Before:<br>After</p>", "Before:\nAfter"),
        ("<p>One<br><br><br><br>Two</p>", "One\n\nTwo"),
        ("<p>Tom &amp; Ada &lt;b&gt; &quot;&#x27;&nbsp;x</p>", "Tom & Ada <b> \"'\xa0x"),
        ('<p>Please <a href="https://a.example/?x=1&amp;y=2">answer</a></p>',
         "Please answer: https://a.example/?x=1&y=2"),
        ('<p>Or: <a href="https://a.example/">https://a.example/</a></p>', "Or: https://a.example/"),
        ('<p>Write to <a href="mailto:a@b.example">a@b.example</a>.</p>', "Write to a@b.example."),
        ("<p>Seen</p><div data-html-only><p>Not<br>seen</p></div><p>Too</p>", "Seen\n\nToo"),
        ("<head><style>p {}</style></head><body><p> </p><p>Words</p></body>", "Words"),
        ('<p class="lead" style="color: #000">A <a href="https://a.example/" style="x">b</a></p>',
         "A b: https://a.example/"),
        ("<p>Type &lt;p style=&quot;x&quot;&gt; or style=\"y\" here</p>",
         "Type <p style=\"x\"> or style=\"y\" here"),
        ('<p>See <a class="x" href="https://a.example/data-html-only">this</a></p>',
         "See this: https://a.example/data-html-only"),
        ('<p>As <a href="https://a.example/?a>b">it</a> is<!-- <p>not</p> --> 1 < 2</p>',
         "As it: https://a.example/?a>b is 1 < 2"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_page_becomes_text(page: str, text: str) -> None:
    assert plain_text(page) == f"{text}\n"


@pytest.mark.parametrize(
    "typed",
    [
        "Read https://guide.example/é first.",
        "Ask a@b.example, or https://x.example/?a=1&b=<2>.",
        "Ask training+room@b.example or o'neil&co@münchen.example.",
    ],
)
def test_a_link_made_of_what_somebody_typed_stays_as_typed(typed: str) -> None:
    page = Template("<p>{{ typed|urlize|linebreaksbr }}</p>").render(Context({"typed": typed}))
    assert "<a " in page
    assert plain_text(page) == f"{typed}\n"

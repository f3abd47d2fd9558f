"""Plain text: of an email, made from its page so that its words stand in one place; of one line."""

import re
from html import unescape

# Control and format characters that have no place in a header or that could reorder how it is
# read, line and paragraph separators, and lone surrogates, which are no text at all.
_NOT_FOR_HEADERS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_ADDRESS = re.compile(r"""(?:"[^"]*"|[^\s"'<>()\[\],;:]+)@[^\s"'<>()\[\],;:]+""")
_SPACES = re.compile(r"[ \t\n\r\f]+")
# A comment; a tag: its stroke, its name and its attributes; or words. So our pages are written,
# where an attribute stands in double quotes and nothing else is a sign of HTML. The parser of the
# standard library, which reads what anybody writes, takes nearly twice as long.
_PIECE = re.compile(r'<!--.*?-->|<(/?)([A-Za-z]\w*)((?:[^"<>]|"[^"]*")*)>|([^<]+|<)', re.DOTALL)
_QUOTED = re.compile(r'"[^"]*"')
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
_EMPTY_LINES = re.compile(r"\n{3,}")
_HEADINGS = frozenset({"h2", "h3", "h4", "h5", "h6"})
_BLOCKS = frozenset({"h1", *_HEADINGS, "p", "li", "ol", "ul", "pre", "div"})
_VOID = frozenset({"br", "hr", "img", "meta"})


def one_line(text: str) -> str:
    """The text as one line that is safe in a header: no controls, single spaces."""
    return " ".join(_NOT_FOR_HEADERS.sub(" ", text).split())


def without_addresses(text: str) -> str:
    """The text with no email address in it."""
    return _ADDRESS.sub("(an address)", text)


def plain_text(page: str) -> str:
    """What the body of a page of ours says, as text.

    An empty line stands between blocks; but a heading stands on its text, and the lines of a list
    or a panel together. A list keeps its numbers. A link's address follows its words, unless the
    words are the address. What is marked `data-html-only` is left out.
    """
    reader = _Reader()
    for stroke, tag, attributes, words in _PIECE.findall(page.partition("</head>")[2] or page):
        if words:
            reader.read_words(unescape(words))
        elif stroke:
            reader.end_tag(tag)
        elif tag:
            reader.begin_tag(tag, attributes)
    reader.end_block()
    return "".join(reader.text) + "\n"


class _Reader:
    def __init__(self) -> None:
        self.text: list[str] = []
        self._block: list[str] = []
        # What kind of block this is and which was before it: "h1", "h2", "p", "lead" or "li".
        self._kind = self._before = ""
        # Which panel this block is in, and the one before it was; 0 is none.
        self._panel = self._panel_before = self._panels = 0
        # Where the words of an open link begin, and the address that is to follow them.
        self._link_begins, self._address = 0, ""
        self._left_out = 0
        # What the next line of each open list is numbered, the innermost last; None has no numbers.
        self._numbers: list[int | None] = []
        self._mark = ""

    def begin_tag(self, tag: str, written: str) -> None:
        # Not as a part of an address, say.
        if self._left_out or "data-html-only" in _QUOTED.sub("", written):
            self._left_out += tag not in _VOID
        elif tag == "br":
            self._block.append("\n")
        elif tag == "a":
            attributes = dict(_ATTRIBUTE.findall(written))
            self._link_begins = len(self._block)
            # What a person typed and `urlize` made a link stays as it was typed.
            is_typed = attributes.get("rel") == "nofollow"
            self._address = "" if is_typed else unescape(attributes.get("href", ""))
        elif tag in _BLOCKS:
            self.end_block()
            attributes = dict(_ATTRIBUTE.findall(written))
            kind = attributes.get("class")
            self._kind = "lead" if kind == "lead" else tag
            if tag in ("ol", "ul"):
                self._numbers.append(int(attributes.get("start", 1)) if tag == "ol" else None)
            elif tag == "li":
                self._mark = self._next_mark()
            if kind == "panel":
                self._panels += 1
                self._panel = self._panels

    def end_tag(self, tag: str) -> None:
        if self._left_out:
            self._left_out -= 1
        elif tag == "a":
            words = "".join(self._block[self._link_begins :])
            # `urlize` encodes what is odd in an email address, so the two are not compared.
            says_mail_address = self._address.startswith("mailto:") and "@" in words
            if self._address not in ("", words) and not says_mail_address:
                self._block.append(f": {self._address}")
        elif tag in _BLOCKS:
            self.end_block()
            if tag == "div":
                self._panel = 0
            elif tag == "li":
                self._mark = ""
            elif tag in ("ol", "ul") and self._numbers:
                self._numbers.pop()

    def _next_mark(self) -> str:
        number = self._numbers[-1] if self._numbers else None
        if number is None:
            return "- "
        self._numbers[-1] = number + 1
        return f"{number}. "

    def read_words(self, words: str) -> None:
        if not self._left_out:
            self._block.append(_SPACES.sub(" ", words))

    def end_block(self) -> None:
        """Add the block that was read, if it says anything."""
        lines = [re.sub(" +", " ", line).strip(" ") for line in "".join(self._block).split("\n")]
        words = _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip("\n")
        self._block = []
        if not words:
            return
        if self._mark:
            self._kind = "li"
        if self.text:
            self.text.append("\n" if self._stands_close() else "\n\n")
        self.text.append(f"{self._mark}{words}")
        self._mark = ""
        self._before, self._panel_before = self._kind, self._panel

    def _stands_close(self) -> bool:
        """Whether no empty line parts this block from the one before it."""
        if self._before in _HEADINGS:
            return self._kind not in ("h1", *_HEADINGS)
        if self._panel and self._panel == self._panel_before:
            return self._kind != "lead" or self._before == "lead"
        return self._kind == self._before == "li"

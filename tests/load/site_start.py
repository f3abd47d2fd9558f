"""The site as an installation starts it, which has nothing but `requirements.txt`.

structlog loads rich where it is there; here it comes with the tools that check the code
(`tests/site/test_starting.py` sees to it that no installation has it).
"""

import sys

sys.modules["rich"] = None  # type: ignore[assignment]

from booking.site.wsgi import application  # noqa: E402

__all__ = ["application"]

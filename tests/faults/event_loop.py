"""One event loop in a thread, for the proxies and the mail server that the faults are made with."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Self

_PATIENCE_SECONDS = 30.0


class EventLoopThread:
    """An event loop that runs for as long as the context lasts."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self.loop.run_forever, name="faults event loop", daemon=True
        )

    def do[Result](self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run the coroutine on the loop and return what it returns. Raises what it raises."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(_PATIENCE_SECONDS)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *trouble: object) -> None:
        self.do(_cancel_the_rest())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _cancel_the_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)

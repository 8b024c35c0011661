"""Files to download that last: a press downloads, however often the page runs before the browser comes for the file.

Streamlit forgets a file two runs after it was made, and what would make it as soon as a run of any session ends while
the page is being drawn anew. A page that shows progress runs several times a second, and a press then ended in
"Failed to generate file" or in a file that was gone. Here both stay for a while after nothing shows them any more.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamlit.runtime import get_instance
from streamlit.runtime.media_file_manager import MediaFileManager

#: How long a browser may take from the press of a button to its question for the file.
LASTING_SECONDS = 30.0


class LastingFiles(MediaFileManager):
    """Streamlit's files, of which nothing goes before it was out of sight for LASTING_SECONDS."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._unseen_since: dict[str, float] = {}

    def _get_inactive_file_ids(self) -> set[str]:
        inactive = super()._get_inactive_file_ids()
        now = time.monotonic()
        known = inactive | (self._deferred_callables.keys() - self._shown())
        self._unseen_since = {name: self._unseen_since.get(name, now) for name in known}
        return {name for name in inactive if self._is_old(name)}

    def _remove_orphaned_deferred_callables(self) -> None:
        for name in self._deferred_callables.keys() - self._shown():
            if self._is_old(name):
                self._drop_deferred_id(name)

    def _shown(self) -> set[str]:
        """What the pages of all sessions show."""
        return {name for shown in self._files_by_session_and_coord.values() for name in shown.values()}

    def _is_old(self, name: str) -> bool:
        return time.monotonic() - self._unseen_since.get(name, time.monotonic()) > LASTING_SECONDS


@asynccontextmanager
async def lasting_files(app: object) -> AsyncIterator[None]:
    """Let the server's files last; for the `lifespan` of `st.App`."""
    runtime = get_instance()
    runtime._media_file_mgr = LastingFiles(storage=runtime.media_file_mgr._storage)
    yield

"""Files to download stay for a while after nothing shows them, and go then."""

import time

import pytest
from streamlit.runtime.media_file_storage import MediaFileStorageError
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from pages.components.shell import lasting
from pages.components.shell.lasting import LastingFiles


@pytest.fixture
def storage() -> MemoryMediaFileStorage:
    return MemoryMediaFileStorage("/media")


@pytest.fixture
def files(storage: MemoryMediaFileStorage) -> LastingFiles:
    return LastingFiles(storage=storage)


def run_page(files: LastingFiles) -> str:
    """What a run of a page with one button to download does; the number of what the button would make."""
    files.clear_session_refs()
    number = files.add_deferred(lambda: b"charges", "text/csv", "place", "charges.csv")
    files.remove_orphaned_files()
    return number


def test_a_file_outlives_runs_of_the_page_and_goes_later(
    files: LastingFiles, storage: MemoryMediaFileStorage, monkeypatch: pytest.MonkeyPatch
):
    name = files.execute_deferred(run_page(files)).rpartition("/")[2]
    for _ in range(5):
        run_page(files)
    assert storage.get_file(name).content == b"charges"
    monkeypatch.setattr(lasting, "LASTING_SECONDS", 0.0)
    time.sleep(0.01)
    for _ in range(2):
        run_page(files)
    with pytest.raises(MediaFileStorageError):
        storage.get_file(name)


def test_a_button_of_the_run_before_still_makes_its_file(files: LastingFiles, monkeypatch: pytest.MonkeyPatch):
    number = run_page(files)
    # Another session's run ends while this one's page is being drawn anew, and then the page has another button.
    files.clear_session_refs()
    files.remove_orphaned_files()
    run_page(files)
    assert files.execute_deferred(number)
    monkeypatch.setattr(lasting, "LASTING_SECONDS", 0.0)
    time.sleep(0.01)
    shown = run_page(files)
    with pytest.raises(MediaFileStorageError):
        files.execute_deferred(number)
    assert files.execute_deferred(shown)
    assert list(files._deferred_callables) == [shown]

"""The app in Streamlit's own test runner: the real script, the real model, no browser."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.components.widgets import molecule_set
from pages.components.widgets.methods import energy_cache

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 120
#: Files that are no molecule the app takes: name, text, and a word of the sentence that says why.
BAD_FILES = [
    ("noH.xyz", "3\n\nC 0 0 0\nO 0 0 1.42\nH 0 0.9 1.75\n", "hydrogen"),
    ("near.xyz", "3\n\nO 0 0 0\nH 0 0 0.96\nH 0 0.1 0.96\n", "apart"),
    ("silane.xyz", "5\n\nSi 0 0 0\nH 1 1 0\nH 0 1 1\nH 1 0 1\nH 2 2 2\n", "element"),
    ("empty.sdf", "", ""),
    ("text.sdf", "this is no SDF\n", ""),
]


@pytest.fixture
def app() -> AppTest:
    """A fresh session, not yet run, in a server that has computed neither energies nor parameters yet."""
    energy_cache.clear()
    molecule_set.store.clear()
    return AppTest.from_file(str(ROOT / "main.py"), default_timeout=TIMEOUT_SECONDS)


def open_way(app: AppTest, name: str) -> AppTest:
    """Open the file, the editor or the examples below the line of the molecule input."""
    app.session_state["input_way"] = name
    return app.run()


def enter_smiles(app: AppTest, smiles: str) -> AppTest:
    """Type SMILES into the line, as a user does."""
    app.run()
    return app.text_input(key="smiles_text").set_value(smiles).run()


def open_tab(app: AppTest, name: str, tabs: str = "force_field_view") -> AppTest:
    """Open a tab, by the key of its row, which the address names too where there is a browser."""
    app.query_params.pop(tabs, None)
    app.session_state[tabs] = name
    return app.run()


def upload(app: AppTest, name: str, text: str) -> AppTest:
    """Upload a file with this text."""
    open_way(app, "File")
    return app.file_uploader(key="uploader").set_value((name, text.encode(), "text/plain")).run()


def finish(app: AppTest) -> AppTest:
    """Wait until the session's work in the background has ended, and run the page again, as a browser does."""
    handles = app.session_state.get("background_jobs", {})
    for handle in handles.values():
        assert handle.job.ended.wait(TIMEOUT_SECONDS), f"{handle.job.title} has not ended"
    return app.run() if handles else app

"""What the library's tests share."""

from pathlib import Path

import pytest

from tests.virialff.sample_models import make_model
from virialff.benchmarks.psi4_databases import psi4_data_folder
from virialff.errors import EvaluationSetError
from virialff.settings import MODELS_VARIABLE


@pytest.fixture(scope="session")
def psi4_data() -> Path:
    """The reference sets of psi4-data; where they are not installed the test is skipped (and fails on CI)."""
    try:
        return psi4_data_folder()
    except EvaluationSetError as error:
        pytest.skip(str(error))


@pytest.fixture
def models(tmp_path, monkeypatch) -> Path:
    """An empty folder for the user's own models, not made yet."""
    folder: Path = tmp_path / "share" / "models"
    monkeypatch.setenv(MODELS_VARIABLE, str(folder))
    return folder


@pytest.fixture
def model(tmp_path) -> Path:
    """A model folder as somebody may have sent it."""
    return make_model(tmp_path / "elsewhere" / "received")

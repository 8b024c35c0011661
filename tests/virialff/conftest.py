"""What the library's tests share."""

from pathlib import Path

import pytest

from virialff.datasets.psi4_databases import psi4_data_folder
from virialff.errors import EvaluationSetError


@pytest.fixture(scope="session")
def psi4_data() -> Path:
    """The reference sets of psi4-data; where they are not installed the test is skipped (and fails on CI)."""
    try:
        return psi4_data_folder()
    except EvaluationSetError as error:
        pytest.skip(str(error))

"""Old names of modules go on working for one release."""

import importlib
import subprocess
import sys

import pytest

from virialff.moved import MOVED


@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_means_the_module_at_its_new_place(old):
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} is now {MOVED[old]}"):
        module = importlib.import_module(old)
    assert module is importlib.import_module(MOVED[old])
    assert module.__spec__.name == MOVED[old]


def test_documented_imports_of_the_last_release_work():
    code = """
from virialff import registry
from virialff.conformers import generate
from virialff.crest import read_ensemble
from virialff.dipole import point_charge_dipole
from virialff.datasets.splits import split_of
registry.registered_models(), generate, read_ensemble, point_charge_dipole, split_of
"""
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_what_never_was_is_not_found():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("virialff.datasets.nothing")

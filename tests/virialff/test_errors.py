"""Errors say which record, and survive the way through a worker process."""

import ast
import pickle
import re
from pathlib import Path

import pytest

import virialff
from virialff import cli
from virialff.commands import ExitCode
from virialff.errors import MoleculeError, NetChargeError, RegistryError, VirialffError
from virialff.models import registry

ROOT = Path(virialff.__file__).resolve().parent.parent


def test_message_names_the_record_first():
    error = NetChargeError("it has the net charge +1", atom=4)
    assert str(error) == "it has the net charge +1"
    named = error.in_record("3 (aspirin)")
    assert str(named) == "record 3 (aspirin): it has the net charge +1"
    assert (type(named), named.record, named.atom, named.message) == (NetChargeError, "3 (aspirin)", 4, error.message)


def test_every_molecule_error_is_caught_as_one():
    with pytest.raises(VirialffError):
        raise NetChargeError("x")
    assert issubclass(NetChargeError, MoleculeError)


def test_error_is_the_same_after_pickling():
    error = pickle.loads(pickle.dumps(NetChargeError("it is charged", record="2", atom=1)))
    assert type(error) is NetChargeError
    assert (str(error), error.atom) == ("record 2: it is charged", 1)


def test_sentences_of_the_library_name_no_option_of_the_command_line():
    """They are shown by the app and in Python too; a command adds its option by `VirialffError.setting`."""
    at_fault = []
    for file in sorted([*(ROOT / "virialff").rglob("*.py"), *(ROOT / "training").rglob("*.py")]):
        place = file.relative_to(ROOT).as_posix()
        if "/commands/" in place or place == "virialff/cli.py" or place.startswith("training/studies/"):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Raise):
                texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
                named = [text for text in texts if isinstance(text, str) and re.search(r"(^|[\s(`'])--[a-z]", text)]
                at_fault += [f"{place}:{node.lineno}: {text}" for text in named]
    # Psi4's own option, of which nobody is told to use it.
    assert [line for line in at_fault if "--psiapi-path" not in line] == []


def test_a_setting_is_said_by_the_command_that_has_it(capsys, tmp_path, models, model):
    assert cli.main(["models", "add", str(model), "--name", "default"]) == ExitCode.UNAVAILABLE
    told = capsys.readouterr().err
    assert told.startswith("virialff: argument --name: 'default' is the name of a model that ships with virialff; ")
    with pytest.raises(RegistryError) as found:
        registry.check_new_name("default")
    assert found.value.setting == "name"
    assert "--" not in str(found.value)
    with pytest.raises(RegistryError) as found:
        registry.check_new_name("a b")
    assert found.value.setting == "name"

"""Errors say which record, and survive the way through a worker process."""

import pickle

import pytest

from virialff.errors import MoleculeError, NetChargeError, VirialffError


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

"""Energies part by part: sums, stopping, failures and the cache."""

import pickle
from itertools import islice

import numpy as np
import pytest

from virialff.conformers.generation import generate
from virialff.engines import get_engine
from virialff.errors import EngineError, MissingCoordinatesError, ShapeError
from virialff.methods.runs import EnergyCache, MethodEnergies, already_known, energies_in_parts, energies_of
from virialff.molecules.molecule import Molecule

H2 = Molecule.from_smiles("[H][H]")
DISTANCES = np.linspace(0.6, 1.2, 7)
ENSEMBLE = H2.with_positions(np.array([[[0, 0, 0], [0, 0, r]] for r in DISTANCES]))


class Spring:
    """A method of its own: a spring of 300 kcal/mol/A^2 about 0.74 A, broken beyond `limit`."""

    name, level = "spring", "spring"

    def __init__(self, limit=10.0):
        self.limit = limit
        self.asked = []

    def available(self):
        return None

    def unsupported(self, molecule):
        return None if molecule.n_atoms == 2 else "a spring has two ends"

    def energy(self, molecule, positions, *, progress=None):
        r = np.linalg.norm(positions[:, 1] - positions[:, 0], axis=-1)
        self.asked += r.tolist()
        if (r > self.limit).any():
            raise EngineError("the spring is broken", conformer=int(np.argmax(r > self.limit)) + 1)
        return 300.0 * (r - 0.74) ** 2


def expected(distances=DISTANCES):
    return 300.0 * (distances - 0.74) ** 2


def test_parts_add_up_to_the_whole():
    *_, last = energies_in_parts(Spring(), ENSEMBLE)
    assert last.n_left == 0
    np.testing.assert_allclose(last.values, expected())
    assert last.failures == {}
    assert np.isnan(last.atomization_energies).all()
    np.testing.assert_array_equal(last.values, energies_of(Spring(), ENSEMBLE).values)


def test_first_part_is_one_conformer_and_is_not_timed():
    first, second = islice(energies_in_parts(Spring(), ENSEMBLE), 2)
    assert (first.n_done, first.timed) == (1, 1)
    assert np.isfinite(first.values).tolist() == [True] + [False] * 6
    assert second.timed == second.n_done - 1
    assert second.seconds_per_conformer


def test_stopped_run_goes_on_where_it_was():
    spring = Spring()
    stopped = list(islice(energies_in_parts(spring, ENSEMBLE), 2))[-1]
    received = pickle.loads(pickle.dumps(stopped))
    *_, last = energies_in_parts(spring, ENSEMBLE, received)
    assert last.n_left == 0
    assert spring.asked == pytest.approx(DISTANCES.tolist())
    assert list(energies_in_parts(spring, ENSEMBLE, last)) == []
    assert len(spring.asked) == 7


def test_one_failed_conformer_does_not_take_the_others_with_it():
    positions = ENSEMBLE.positions.copy()
    positions[3, 1, 2] = 2.0
    calls = []
    result = energies_of(
        Spring(limit=1.5), H2.with_positions(positions), name="mine", progress=lambda *n: calls.append(n)
    )
    assert result.name == "mine"
    assert result.failures == {4: "the spring is broken"}
    assert list(np.flatnonzero(np.isnan(result.values))) == [3]
    np.testing.assert_allclose(np.delete(result.values, 3), expected(np.delete(DISTANCES, 3)))


def test_progress_counts_all_conformers_and_its_exception_stops():
    molecule = generate(Molecule.from_smiles("CCCO"), 4)
    calls = []
    energies_of(get_engine("gfn2"), molecule, progress=lambda *n: calls.append(n))
    assert calls == [(k, molecule.n_conformers) for k in range(1, molecule.n_conformers + 1)]

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        energies_of(get_engine("gfn2"), molecule, progress=stop)


def test_what_cannot_be_computed_says_why():
    with pytest.raises(EngineError, match="a spring has two ends"):
        energies_of(Spring(), generate(Molecule.from_smiles("O"), 1))
    with pytest.raises(MissingCoordinatesError):
        energies_of(Spring(), H2)


def test_other_errors_are_not_swallowed(monkeypatch):
    monkeypatch.setattr(Spring, "energy", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        next(energies_in_parts(Spring(), ENSEMBLE))
    monkeypatch.setattr(Spring, "energy", lambda *_, **__: np.zeros((1, 2)))
    with pytest.raises(ShapeError, match=r"the method spring gave energies of shape \(1, 2\), expected \(7,\)"):
        energies_of(Spring(), ENSEMBLE)


def test_cache_drops_what_was_used_longest_ago():
    def fresh():
        return MethodEnergies("a", "level", np.full(3, np.nan), n_left=3)

    cache = EnergyCache(max_entries=2)
    cache.put(("a",), fresh())
    cache.put(("b",), fresh())
    assert cache.get(("a",)) is not None
    cache.put(("c",), fresh())
    assert cache.get(("b",)) is None
    assert cache.get(("a",)) is not None
    assert len(cache) == 2


def test_what_relaxing_gave_is_a_whole_run():
    run = already_known(Spring(), ENSEMBLE, expected(), name="mine")
    assert (run.name, run.n_left, run.seconds_per_conformer) == ("mine", 0, None)
    np.testing.assert_array_equal(run.values, expected())
    with pytest.raises(ShapeError):
        already_known(Spring(), ENSEMBLE, expected()[1:])


def test_energies_of_some_conformers_keep_their_failures():
    positions = np.array([[[0, 0, 0], [0, 0, r]] for r in (0.7, 2.0, 0.8)])
    whole = energies_of(Spring(limit=1.5), H2.with_positions(positions))
    some = whole.of([2, 1])
    np.testing.assert_array_equal(some.values, whole.values[[2, 1]])
    assert some.failures == {2: whole.failures[2]}

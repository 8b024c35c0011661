from itertools import islice

import numpy as np
import pytest

from virialff.errors import EngineError
from virialff.methods.runs import EnergyCache, EnergyRun, continue_run

POSITIONS = np.arange(7 * 2 * 3, dtype=float).reshape(7, 2, 3)


def energy(positions):
    return positions.sum(axis=(1, 2))


def fresh(n=7):
    return EnergyRun(n, np.empty(0))


def test_parts_add_up_to_the_whole():
    *_, last = continue_run(fresh(), POSITIONS, energy)
    assert last.complete
    np.testing.assert_array_equal(last.energies, energy(POSITIONS))
    assert last.failures == {}
    assert last.seconds_left == 0


def test_first_part_is_one_conformer_and_is_not_timed():
    first, second = islice(continue_run(fresh(), POSITIONS, energy), 2)
    assert first.n_done == 1
    assert first.timed == 0
    assert second.timed == second.n_done - 1


def test_stopped_run_goes_on_where_it_was():
    asked = []

    def counting(positions):
        asked.extend(positions[:, 0, 0])
        return energy(positions)

    stopped = list(islice(continue_run(fresh(), POSITIONS, counting), 2))[-1]
    *_, last = continue_run(stopped, POSITIONS, counting)
    assert last.complete
    assert asked == list(POSITIONS[:, 0, 0])


def test_one_failed_conformer_does_not_take_the_others_with_it():
    def failing(positions):
        if (positions[:, 0, 0] == POSITIONS[3, 0, 0]).any():
            raise EngineError("conformer 1: no convergence")
        return energy(positions)

    *_, last = continue_run(fresh(), POSITIONS, failing)
    assert last.complete
    assert last.failures == {4: "no convergence"}
    assert list(np.flatnonzero(np.isnan(last.energies))) == [3]


def test_other_errors_are_not_swallowed():
    def broken(positions):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        next(continue_run(fresh(), POSITIONS, broken))


def test_time_left_is_unknown_before_the_first_part():
    assert fresh().seconds_left is None
    assert fresh().seconds_per_conformer is None


def test_cache_drops_what_was_used_longest_ago():
    cache = EnergyCache(max_entries=2)
    cache.put(("a",), fresh())
    cache.put(("b",), fresh())
    assert cache.get(("a",)) is not None
    cache.put(("c",), fresh())
    assert cache.get(("b",)) is None
    assert cache.get(("a",)) is not None
    assert len(cache) == 2

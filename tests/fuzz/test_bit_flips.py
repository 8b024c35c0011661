"""A few dozen flips of single bits of each kind of file; `python -m tests.fuzz.bit_flips` makes 600."""

import pytest

from tests.fuzz.bit_flips import KINDS, flips


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_is_named_or_harmless(kind):
    outcomes = list(flips(kind, 30, seed=7))
    wrong = [outcome for outcome in outcomes if outcome.what not in ("named", "harmless")]
    assert not wrong, wrong[0]
    assert sum(outcome.what == "named" for outcome in outcomes) >= 20
    assert all(outcome.words for outcome in outcomes if outcome.what == "named")

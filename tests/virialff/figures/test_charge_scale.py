import numpy as np
import pytest

from virialff.figures.charge_scale import NEGATIVE, NEUTRAL, POSITIVE, ChargeScale


def test_ends_and_middle_have_the_scale_s_colours():
    scale = ChargeScale(0.5)
    assert scale.rgb(-0.5) == NEGATIVE
    assert scale.rgb(0.0) == NEUTRAL
    assert scale.rgb(0.5) == POSITIVE
    assert scale.rgb(9.0) == POSITIVE


@pytest.mark.parametrize(("largest", "limit"), [(0.0, 0.1), (0.02, 0.1), (0.3, 0.3), (0.31, 0.4), (1.234, 1.3)])
def test_limit_is_rounded_up_to_a_tenth(largest, limit):
    assert ChargeScale.fitting(np.array([0.0, -largest])).limit == pytest.approx(limit)


def test_text_is_legible_on_its_colour():
    scale = ChargeScale(0.5)
    assert scale.text_hex(-0.5) == "#ffffff"
    assert scale.text_hex(0.5) == "#ffffff"
    assert scale.text_hex(0.0) == "#111111"


def test_no_atoms_give_the_smallest_scale():
    assert ChargeScale.fitting(np.array([])).limit == pytest.approx(0.1)

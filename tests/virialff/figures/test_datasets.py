"""The figures of a data set: every number of the statistics, with units and a legend."""

import numpy as np
import pytest

from tests.virialff.labels.test_statistics import ALL_TRAIN, SAMPLE, label
from virialff.elements import ELEMENTS
from virialff.figures.datasets import element_count_figure, energy_per_atom_figure, molecule_size_figure
from virialff.figures.style import OKABE_ITO
from virialff.labels.statistics import dataset_statistics

LEVEL = "wB97X-D/def2-SVP"


@pytest.fixture(scope="module")
def statistics():
    labels = [label("C" * n, -10.0 * n * n, level=LEVEL) for n in range(1, 20)]
    return dataset_statistics(labels, seed=2)[LEVEL]


@pytest.mark.parametrize("draw", [element_count_figure, molecule_size_figure, energy_per_atom_figure])
def test_every_split_is_in_the_legend_once_with_its_own_colour_and_dash(statistics, draw):
    figure = draw(statistics)
    named = [trace for trace in figure.data if trace.showlegend is not False]
    assert [trace.name.split()[0] for trace in named] == ["train", "validation", "test"]
    assert [trace.line.color for trace in named] == list(OKABE_ITO[:3])
    assert len({trace.line.dash for trace in named}) == 3


@pytest.mark.parametrize("draw", [molecule_size_figure, energy_per_atom_figure])
def test_shares_add_up_to_all(statistics, draw):
    for trace in draw(statistics).data:
        assert sum(trace.y) == pytest.approx(100.0)


def test_elements_have_a_plot_each_and_shares_that_add_up(statistics):
    figure = element_count_figure(statistics)
    assert [annotation.text for annotation in figure.layout.annotations] == list(ELEMENTS)
    assert len(figure.data) == 3 * len(ELEMENTS)
    for trace in figure.data:
        assert sum(trace.y) == pytest.approx(100.0)


def test_axes_carry_units(statistics):
    assert molecule_size_figure(statistics).layout.xaxis.title.text == "atoms per molecule"
    assert energy_per_atom_figure(statistics).layout.xaxis.title.text == (f"total energy per atom, {LEVEL} (kcal/mol)")
    assert energy_per_atom_figure(statistics).layout.yaxis.title.text == "conformers (%)"
    elements = element_count_figure(statistics).layout
    assert (elements.yaxis.title.text, elements.xaxis8.title.text) == (
        "molecules (%)",
        "atoms of the element per molecule",
    )


def test_a_known_set_is_drawn_as_it_is():
    (found,) = dataset_statistics(SAMPLE, fractions=ALL_TRAIN).values()
    train = molecule_size_figure(found).data[0]
    np.testing.assert_array_equal(train.x, range(3, 10))
    np.testing.assert_allclose(train.y, np.array([1, 0, 1, 0, 0, 0, 1]) * 100 / 3)
    hydrogen = element_count_figure(found).data[0]
    np.testing.assert_allclose(hydrogen.y, np.array([0, 0, 2, 0, 0, 0, 1]) * 100 / 3)
    assert "3 molecules" in train.name

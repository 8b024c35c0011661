"""Plotly figures from typed results; every axis carries its unit."""

from virialff.figures.datasets import element_count_figure, energy_per_atom_figure, molecule_size_figure
from virialff.figures.distributions import TYPICAL_VALUES, TypicalValue, pair_parameter_histogram
from virialff.figures.energies import (
    conformer_energy_figure,
    population_figure,
    rank_change_figure,
    relative_energy_scatter,
    scan_figure,
)
from virialff.figures.pairs import TERM_LABELS, pair_curve_figure
from virialff.figures.training import loss_figure

__all__ = [
    "TERM_LABELS",
    "TYPICAL_VALUES",
    "TypicalValue",
    "conformer_energy_figure",
    "element_count_figure",
    "energy_per_atom_figure",
    "loss_figure",
    "molecule_size_figure",
    "pair_curve_figure",
    "pair_parameter_histogram",
    "population_figure",
    "rank_change_figure",
    "relative_energy_scatter",
    "scan_figure",
]

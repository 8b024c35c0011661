"""Interaction energies, computed in a worker process. Imports no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pages.components.shell.worker import Report
from virialff.interactions.complexes import ComplexInteractions, complex_interactions
from virialff.interactions.dissociation import DissociationCurve, centre_separation, dissociation_curve
from virialff.methods.method import get_method, with_forces
from virialff.molecules.molecule import Molecule

#: How far the molecules of an approach are pushed together and pulled apart, Angstrom.
_INWARDS, _OUTWARDS, _POINTS = 0.8, 4.0, 49


def interactions(report: Report, molecule: Molecule, methods: Mapping[str, str], relax: bool) -> ComplexInteractions:
    """E_int of one complex, vertical and, where asked for, relaxed with GFN2-xTB; `methods`: label to name."""
    report(0, 0, "loading the methods")
    return complex_interactions(
        molecule,
        {label: get_method(name) for label, name in methods.items()},
        with_forces(get_method("gfn2")) if relax else None,
        progress=report,
    )


def approach(report: Report, molecule: Molecule, methods: Mapping[str, str]) -> tuple[DissociationCurve, ...]:
    """E_int of two molecules along the line between their centres, a curve a method that can compute them."""
    positions = molecule.positions[0]
    start, _ = centre_separation(molecule, positions)
    separations = np.linspace(max(start - _INWARDS, 0.2), start + _OUTWARDS, _POINTS)
    curves = []
    for done, (label, name) in enumerate(methods.items()):
        report(done, len(methods), label)
        method = get_method(name)
        if method.available() is None and method.unsupported(molecule) is None:
            curves.append(dissociation_curve(molecule, positions, separations, {label: method}))
    return tuple(curves)

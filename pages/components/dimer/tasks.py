"""Interaction energies, computed in a worker process. Imports no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pages.components.shell.worker import Report
from virialff.benchmarks.noncovalent import InteractionResult, reference_comparison
from virialff.benchmarks.reference_data import Geometry, load_references
from virialff.interactions.complexes import ComplexInteractions, complex_interactions
from virialff.interactions.dissociation import DissociationCurve, centre_separation, dissociation_curve
from virialff.methods.method import get_method, with_forces
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule
from virialff.text import counted

#: How far the molecules of an approach are pushed together and pulled apart, Angstrom.
_INWARDS, _OUTWARDS, _POINTS = 0.8, 4.0, 49


def interactions(report: Report, molecule: Molecule, methods: Mapping[str, str], relax: bool) -> ComplexInteractions:
    """E_int of one complex, vertical and, where asked for, relaxed with GFN2-xTB; `methods`: label to name."""
    report(0, 0, "loading the methods")
    return _one(report, molecule, methods, relax, "", 0, 1)


def _one(
    report: Report,
    molecule: Molecule,
    methods: Mapping[str, str],
    relax: bool,
    what: str,
    place: int,
    places: int,
) -> ComplexInteractions:
    return complex_interactions(
        molecule,
        {label: get_method(name) for label, name in methods.items()},
        with_forces(get_method("gfn2")) if relax else None,
        progress=lambda done, total, step: report(place * total + done, places * total, f"{what}{step}"),
    )


def base_pairs(
    report: Report, complexes: tuple[tuple[str, Molecule], ...], methods: Mapping[str, str]
) -> dict[str, ComplexInteractions]:
    """E_int of several named complexes, vertical and relaxed."""
    report(0, 0, "loading the methods")
    return {
        name: _one(report, molecule, methods, True, f"{name}, ", place, len(complexes))
        for place, (name, molecule) in enumerate(complexes)
    }


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


def compare_references(report: Report, path: str, folder: str, geometry: Geometry) -> InteractionResult:
    """The reference dimers by a model, beside what the references hold."""
    report(0, 0, "reading the references")
    return reference_comparison(
        load_references(path),
        load_model(folder + "/"),
        geometry,
        progress=lambda done, total: report(done, total, f"{done} of {counted(total, 'dimer')}"),
    )

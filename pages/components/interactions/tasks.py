"""Interaction energies, computed in a worker process. Imports no Streamlit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pages.components.shell.worker import Report
from virialff.benchmarks.noncovalent import InteractionResult, reference_comparison
from virialff.benchmarks.reference_data import Geometry, load_references
from virialff.engines import Engine, get_engine
from virialff.interactions.complexes import ComplexInteractions, complex_interactions
from virialff.interactions.dissociation import DissociationCurve, centre_separation, dissociation_curve
from virialff.methods.energy_methods import energy_engine
from virialff.models.force_field import Model
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule

#: How far the molecules of an approach are pushed together and pulled apart, Angstrom.
_INWARDS, _OUTWARDS, _POINTS = 0.8, 4.0, 49


@dataclass(frozen=True)
class MethodSource:
    """A method by its label: the folder of a model, or the name of an engine."""

    label: str
    folder: str = ""
    engine: str = ""

    def open(self) -> Engine | Model:
        """The model or the engine itself."""
        return load_model(self.folder + "/") if self.folder else energy_engine(self.engine)


def interactions(
    report: Report, molecule: Molecule, sources: tuple[MethodSource, ...], relax: bool
) -> ComplexInteractions:
    """E_int of one complex, vertical and, where asked for, relaxed with GFN2-xTB."""
    report(0, 0, "loading the methods")
    return _one(report, molecule, sources, relax, "", 0, 1)


def _one(
    report: Report,
    molecule: Molecule,
    sources: tuple[MethodSource, ...],
    relax: bool,
    label: str,
    place: int,
    places: int,
) -> ComplexInteractions:
    return complex_interactions(
        molecule,
        {source.label: source.open() for source in sources},
        get_engine("gfn2") if relax else None,
        progress=lambda done, total, what: report(place * total + done, places * total, f"{label}{what}"),
    )


def base_pairs(
    report: Report, complexes: tuple[tuple[str, Molecule], ...], sources: tuple[MethodSource, ...]
) -> dict[str, ComplexInteractions]:
    """E_int of several named complexes, vertical and relaxed."""
    report(0, 0, "loading the methods")
    return {
        name: _one(report, molecule, sources, True, f"{name}, ", place, len(complexes))
        for place, (name, molecule) in enumerate(complexes)
    }


def approach(report: Report, molecule: Molecule, sources: tuple[MethodSource, ...]) -> tuple[DissociationCurve, ...]:
    """E_int of two molecules along the line between their centres, a curve a method that can compute them."""
    positions = molecule.positions[0]
    start, _ = centre_separation(molecule, positions)
    separations = np.linspace(max(start - _INWARDS, 0.2), start + _OUTWARDS, _POINTS)
    curves = []
    for done, source in enumerate(sources):
        report(done, len(sources), source.label)
        method = source.open()
        if not isinstance(method, Model) and (method.available() or method.unsupported(molecule)):
            continue
        curves.append(dissociation_curve(molecule, positions, separations, {source.label: method}))
    return tuple(curves)


def compare_references(report: Report, path: str, folder: str, geometry: Geometry) -> InteractionResult:
    """The reference dimers by a model, beside what the references hold."""
    report(0, 0, "reading the references")
    return reference_comparison(
        load_references(path),
        load_model(folder + "/"),
        geometry,
        progress=lambda done, total: report(done, total, f"{done} of {total} dimers"),
    )

"""What the page Conformers computes in worker processes. Imports no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pages.components.shell.worker import Report
from pages.components.widgets.tasks import Chosen, Uploaded
from virialff.conformers.free_energies import wave_numbers
from virialff.errors import EngineError, MoleculeError
from virialff.io.uploads import read_upload
from virialff.methods.comparison import Comparison
from virialff.methods.method import Method, get_method, with_forces
from virialff.methods.runs import MethodEnergies, energies_of
from virialff.methods.tables import ensemble_table
from virialff.molecules.molecule import Molecule
from virialff.text import counted

#: The vibrations of a conformer by its number (from 0): wave numbers (n_modes,), 1/cm.
Waves = tuple[int, np.ndarray]


def vibrations(report: Report, molecule: Molecule, method: str, known: frozenset[int]) -> None:
    """Wave numbers of all conformers but the known ones; every one is reported as Waves."""
    by = with_forces(get_method(method))
    n, done = molecule.n_conformers, len(known)
    for number in (number for number in range(n) if number not in known):
        report(done, n, f"{done} of {counted(n, 'conformer')}")
        waves = wave_numbers(molecule, by, molecule.positions[number])
        done += 1
        report(done, n, f"{done} of {counted(n, 'conformer')}", (number, waves))


#: Of many molecules: rows of the ranking table, or a sentence on what could not be used.
Ranked = tuple[int, list[dict[str, object]], list[str]]


def rank_many(report: Report, source: Uploaded, methods: tuple[Chosen, ...], temperature: float, start: int) -> None:
    """Every molecule of a file with its conformers ranked by each method, from molecule `start` on, as Ranked."""
    report(0, 0, "reading the file")
    upload = read_upload(
        source.data,
        source.file_name,
        max_records=source.most_records,
        progress=lambda count: report(0, 0, f"{counted(count, 'record')} read"),
    )
    opened = {method.label: get_method(method.name) for method in methods}
    n = len(upload.molecules)
    if not start:
        problems = [str(error) for error in upload.errors]
        if upload.truncated:
            problems.append(f"the file has more than {source.most_records:,} records; the first were read")
        report(0, n, "", (0, [], problems))
    for number, molecule in enumerate(upload.molecules[start:], start=start + 1):
        rows, problems = _ranked(number, molecule, opened, temperature)
        report(number, n, f"{number} of {counted(n, 'molecule')}", (number, rows, problems))


def _ranked(
    number: int, molecule: Molecule, methods: Mapping[str, Method], temperature: float
) -> tuple[list[dict[str, object]], list[str]]:
    name = molecule.name or molecule.formula
    found: list[MethodEnergies] = []
    problems: list[str] = []
    for label, method in methods.items():
        try:
            run = energies_of(method, molecule, name=label)
        except (EngineError, MoleculeError) as error:
            problems.append(f"molecule {number} ({name}), {label}: {error}")
            continue
        problems += [f"molecule {number} ({name}), {label}: conformer {k}: {why}" for k, why in run.failures.items()]
        if run.succeeded:
            found.append(run)
    if not found:
        return [], problems
    table = ensemble_table(Comparison(molecule, tuple(found)), temperature)
    first = {"molecule": number, "name": molecule.name, "SMILES": molecule.smiles}
    return [{**first, **row} for row in table.to_dict("records")], problems

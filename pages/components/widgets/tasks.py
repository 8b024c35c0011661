"""What the app computes in worker processes: library functions with their progress. Imports no Streamlit."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pages.components.shell.worker import Report
from virialff.conformers import ensembles
from virialff.conformers import relax as relaxation
from virialff.conformers.crest import CrestEnsemble, read_ensemble
from virialff.conformers.folders import ensemble_file
from virialff.conformers.generation import ConformerSearch, search
from virialff.conformers.relax import Relaxation
from virialff.export.project import Project, read_project
from virialff.io.read import table_columns
from virialff.io.uploads import Upload, read_upload
from virialff.labels.formats.entry import fields_of
from virialff.labels.molecule_samples import Contents, draw_molecules
from virialff.labels.splits import Fractions, Split
from virialff.methods.charge_schemes import AtomCharges, charges_by
from virialff.methods.method import get_method, with_forces
from virialff.methods.runs import MethodEnergies, already_known, energies_in_parts
from virialff.models.registry import load_model
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule
from virialff.parameters.samples import MAX_PAIRS, ParameterSample, sample_parts
from virialff.text import counted


@dataclass(frozen=True)
class Chosen:
    """A method that pages offer for one molecule: `get_method(name)` opens it, here and in another process.

    `key` names method and parameters for caches; `pace` is how long a conformer takes: next to nothing, well below a
    second, or minutes.
    """

    name: str
    label: str
    level: str
    key: str
    pace: Literal["instant", "quick", "slow"] = "quick"


@dataclass(frozen=True)
class PartialEnergies:
    """What the method with this key has computed so far; of these geometries, where the asker cannot know them."""

    key: str
    run: MethodEnergies
    geometries: str = ""


def read_columns(report: Report, data: bytes) -> list[str]:
    """`table_columns` of an uploaded file."""
    return table_columns(io.BytesIO(data))


def read_file(
    report: Report, data: bytes, file_name: str, add_hydrogens: bool, complete_geometries: bool, column: str | None
) -> Upload:
    """`uploads.read_upload` of a file for one molecule."""
    return read_upload(
        data,
        file_name,
        add_hydrogens=add_hydrogens,
        complete_geometries=complete_geometries,
        column=column,
        progress=lambda count: report(0, 0, f"{counted(count, 'record')} read"),
    )


def read_ensemble_files(report: Report, files: dict[str, bytes], molecule: Molecule) -> tuple[str, CrestEnsemble]:
    """`crest.read_ensemble` of what was uploaded, and the name of the file that it is in."""
    name, data = ensemble_file(files)
    file = io.BytesIO(data)
    file.name = name
    return name, read_ensemble(file, molecule)


def read_project_file(report: Report, data: bytes) -> Project:
    """`project.read_project` of an uploaded file."""
    return read_project(data)


def energy_fields(report: Report, name: str, head: bytes) -> list[str]:
    """`fields_of` of the beginning of a file with reference energies."""
    return fields_of(name, head)


def generate(report: Report, molecule: Molecule, count: int, seed: int, relax: bool) -> tuple[ConformerSearch, int]:
    """`conformers.search` and the seed it had."""
    minimize: Literal["mmff"] | None = "mmff" if relax else None
    report(0, 0, "embedding")
    found = search(
        molecule,
        count,
        seed,
        minimize,
        progress=lambda done, total: report(
            done, total, f"{done} of {counted(total, 'geometry', 'geometries')} relaxed"
        ),
    )
    return found, seed


def energies(report: Report, methods: Sequence[tuple[Chosen, MethodEnergies]], ensemble: Molecule) -> None:
    """Compute what is missing of each method's energies; every part is reported as PartialEnergies."""
    for index, (chosen, known) in enumerate(methods):
        report(index, len(methods), f"{chosen.label}, starting")
        for run in energies_in_parts(get_method(chosen.name), ensemble, known):
            share = run.n_done / len(run.values)
            text = f"{chosen.label}, {run.n_done} of {counted(len(run.values), 'geometry', 'geometries')}"
            report(index + share, len(methods), text, PartialEnergies(chosen.key, run))


def relax(report: Report, molecule: Molecule, method: str, positions: np.ndarray, key: str = "") -> Relaxation:
    """`relaxation.relax` by the method of this name; with its key the energies are reported as PartialEnergies too."""
    n = len(positions)
    report(0, n, "first conformer")
    by = with_forces(get_method(method))
    found = relaxation.relax(
        molecule,
        by,
        positions,
        progress=lambda done, total: report(done, total, f"{done} of {counted(total, 'conformer')}"),
    )
    if key:
        run = already_known(by, found.molecule, [conformer.energy for conformer in found.conformers])
        report(n, n, "", PartialEnergies(key, run, keys.geometry_key(found.molecule)))
    return found


def charges(report: Report, scheme: str, molecule: Molecule, positions: np.ndarray) -> AtomCharges:
    """`charges_by` a scheme."""
    report(0, 0, "computing")
    return charges_by(scheme, molecule, positions)


def prune(
    report: Report, molecule: Molecule, energies: np.ndarray, rmsd: float, energy_window: float
) -> ensembles.Pruning:
    """`ensembles.prune` with its progress."""
    return ensembles.prune(
        molecule,
        energies,
        rmsd=rmsd,
        energy_window=energy_window,
        progress=lambda done, total: report(done, total, f"{done} of {counted(total, 'conformer')}"),
    )


@dataclass(frozen=True)
class Drawn:
    """A draw from a label store, as `draw_molecules` takes it."""

    path: str
    count: int
    split: Split | None
    contents: Contents
    seed: int
    split_seed: int
    fractions: Fractions


@dataclass(frozen=True)
class Uploaded:
    """A file of the user's."""

    data: bytes
    file_name: str
    most_records: int


@dataclass(frozen=True)
class ModelTask:
    """A model by its sha256 and folder, and how many molecules of the set it has already done."""

    key: str
    label: str
    folder: str
    n_done: int


@dataclass(frozen=True)
class Contained:
    """What a source holds: molecules in all, their names, what could not be read, and a remark for people."""

    n_molecules: int
    names: tuple[str, ...]
    failures: tuple[str, ...]
    remark: str


@dataclass(frozen=True)
class Part:
    """Some molecules' parameters by one model, from the molecule `start` of the set on.

    `last` where the model is through, `cut` where it ended at MAX_PAIRS.
    """

    key: str
    start: int
    sample: ParameterSample
    last: bool
    cut: bool = False


def predict(report: Report, source: Drawn | Uploaded, tasks: tuple[ModelTask, ...]) -> None:
    """Read the molecules, then compute what is missing of each model; Contained and every Part are reported."""
    report(0, 0, "reading the molecules")
    molecules, contained = _read(report, source)
    report(0, 0, "loading the model", contained)
    for index, task in enumerate(tasks):
        model = load_model(task.folder + "/")
        rest = molecules[task.n_done :]
        done, n_pairs = task.n_done, 0
        parts = sample_parts(model, rest)
        for part in parts:
            start = done
            done += part.n_molecules + len(part.failures)
            n_pairs += part.n_pairs
            last = done >= len(molecules) or n_pairs >= MAX_PAIRS
            text = f"{task.label}, {done} of {counted(len(molecules), 'molecule')}"
            found = Part(task.key, start, part, last, last and done < len(molecules))
            report(index * len(molecules) + done, len(molecules) * len(tasks), text, found)


def _read(report: Report, source: Drawn | Uploaded) -> tuple[list[Molecule], Contained]:
    if isinstance(source, Drawn):
        draw = draw_molecules(
            source.path,
            source.count,
            split=source.split,
            contents=source.contents,
            seed=source.seed,
            split_seed=source.split_seed,
            fractions=source.fractions,
        )
        molecules = []
        for smiles in draw.smiles:
            molecules.append(Molecule.from_smiles(smiles))
            report(0, 0, f"{len(molecules):,} of {counted(len(draw.smiles), 'molecule')} read")
        remark = f"{len(molecules):,} of {draw.n_available:,} {source.contents}, drawn with the seed {source.seed}"
        return molecules, Contained(len(molecules), ("",) * len(molecules), (), remark)
    upload = read_upload(
        source.data,
        source.file_name,
        add_hydrogens=True,
        max_records=source.most_records,
        progress=lambda count: report(0, 0, f"{counted(count, 'record')} read"),
    )
    remark = counted(len(upload.molecules), "molecule")
    if upload.truncated:
        remark += f"; the file has more than {source.most_records:,} records, and the first were read"
    names = tuple(molecule.name for molecule in upload.molecules)
    errors = tuple(str(error) for error in upload.errors)
    return list(upload.molecules), Contained(len(upload.molecules), names, errors, remark)

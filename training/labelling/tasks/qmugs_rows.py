"""The level of QMugs at geometries of our own: rows of its summary joined to conformers relaxed at GFN2-xTB.

QMugs (Isert, Atz, Jiménez-Luna, Schneider, Sci. Data 2022, 9, 273) gives GFN2-xTB and wB97X-D/def2-SVP energies of each
conformer. A row without its geometry still says how the two levels differ for the molecule. Where a conformer of ours
has the row's GFN2-xTB energy and rotational constants, and its nuclei repel each other as in the row's DFT calculation,
it is the row's own geometry and has its DFT energy. Elsewhere the energy is GFN2-xTB of our geometry plus the row's
difference of the levels.
"""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from training.labelling.config import CampaignConfig
from training.labelling.structures.geometries import embed, seed_of
from training.labelling.structures.pools import clean
from training.labelling.tasks.gfn2 import gfn2_rows, refuse_evaluation
from training.labelling.tasks.relaxations import add_failure, add_relaxation
from training.labelling.tasks.single_points import gfn2_level
from virialff.conformers.relax import Minimum
from virialff.engines.dft import LEVEL_OF_THEORY, QMUGS
from virialff.errors import ConfigError, MoleculeError, VirialffError
from virialff.labels.evaluation_sets import evaluation_reason
from virialff.labels.imports.qmugs.rows import nuclear_repulsion, rotational_constants
from virialff.labels.schema import Label
from virialff.molecules.molecule import Molecule
from virialff.text import counted
from virialff.units import HARTREE_IN_KCAL_MOL

SOURCE = "qmugs"
#: A minimum with this energy (Eh), these rotational constants and this nuclear repulsion (relative) of the row is the
#: row's geometry. The repulsion is the sharpest of them: other conformers of a molecule differ by 1e-3 or more.
SAME_ENERGY, SAME_ROTATION, SAME_REPULSION = 3e-4, 0.01, 2e-4
#: How the DFT energy of a minimum came about.
MATCHED = "minimum_gfn2_matched"
ADDITIVE = "minimum_gfn2_additive"
_COLUMNS = (
    "chembl_id", "smiles_qmugs", "rotatable_bonds", "GFN2_TOTAL_ENERGY", "DFT_TOTAL_ENERGY", "GFN2_ROT_CONSTANT_A",
    "GFN2_ROT_CONSTANT_B", "GFN2_ROT_CONSTANT_C", "DFT_NUCLEAR_REPULSION_ENERGY",
)  # fmt: skip


@dataclass(frozen=True)
class QmugsRowTask:
    """One row of the summary: energies and nuclear repulsion in Eh, rotational constants A, B, C in cm^-1."""

    inchikey: str
    smiles: str
    chembl_id: str
    rotatable_bonds: int
    gfn2_energy: float
    dft_energy: float
    rotation: tuple[float, float, float]
    repulsion: float

    @property
    def key(self) -> str:
        """Identifies the task within its campaign."""
        return f"qmugs_row/{self.chembl_id}"


def draw_qmugs_rows(
    config: CampaignConfig, refused: list[tuple[str, str]], say: Callable[[str], None] = print
) -> list[QmugsRowTask]:
    """The rows of the file whose molecules can be labelled: the rigid ones, then the others in a random order.

    Raises ConfigError for a file that is not there or lacks a column.
    """
    settings = config.qmugs_rows
    if settings is None:
        return []
    tasks: dict[str, QmugsRowTask] = {}
    for row in _read(settings.file):
        cleaned = clean(row["smiles_qmugs"], SOURCE, max_heavy=settings.max_heavy)
        reason = str(cleaned) if isinstance(cleaned, MoleculeError) else evaluation_reason(cleaned.inchikey)
        if reason or isinstance(cleaned, MoleculeError):
            refused.append((row["smiles_qmugs"], str(reason)))
            continue
        constants = tuple(float(row[f"GFN2_ROT_CONSTANT_{axis}"]) for axis in "ABC")
        task = QmugsRowTask(
            cleaned.inchikey,
            cleaned.smiles,
            row["chembl_id"],
            int(float(row["rotatable_bonds"])),
            float(row["GFN2_TOTAL_ENERGY"]),
            float(row["DFT_TOTAL_ENERGY"]),
            (constants[0], constants[1], constants[2]),
            float(row["DFT_NUCLEAR_REPULSION_ENERGY"]),
        )
        tasks.setdefault(task.key, task)
    say(f"{counted(len(tasks), 'row')} of QMugs")
    return sorted(
        tasks.values(),
        key=lambda task: (min(task.rotatable_bonds, settings.rigid + 1), seed_of(config.seed, task.key)),
    )


def _read(path: Path) -> Iterator[dict[str, str]]:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ConfigError(f"The rows of QMugs {path} lack the column {missing[0]}: docs/data.md says which.")
            yield from reader
    except OSError as error:
        raise ConfigError(
            f"The rows of QMugs {path} cannot be read ({error.strerror}): put them there, docs/data.md says which."
        ) from error


def label_qmugs_row(task: QmugsRowTask, config: CampaignConfig) -> list[Label]:
    """GFN2-xTB along the relaxation of each conformer, and one row of DFT: at the row's geometry or the nearest one.

    The nearest is the minimum with the GFN2-xTB energy least far from the row's.
    """
    settings, seed = config.qmugs_rows, seed_of(config.seed, task.key)
    assert settings is not None
    try:
        refuse_evaluation([task.inchikey])
        molecule = Molecule.from_smiles(task.smiles)
        n_conformers = settings.n_conformers if task.rotatable_bonds <= settings.rigid else 1
        starts = embed(molecule, n_conformers, seed).positions
    except VirialffError as error:
        return [failed_qmugs_row(task, config, str(error))]
    rows = gfn2_rows(task.key, molecule, SOURCE)
    minima: list[Minimum] = []
    for start in starts:
        minimum = add_relaxation(rows, molecule, start, settings, settings.kept_steps)
        if minimum is not None:
            minima.append(minimum)
            if _is_of_row(molecule, minimum, task):
                break
    if not minima:
        return rows.labels
    nearest = min(minima, key=lambda minimum: abs(minimum.energy - task.gfn2_energy * HARTREE_IN_KCAL_MOL))
    matched = _is_of_row(molecule, nearest, task)
    energy = task.dft_energy * HARTREE_IN_KCAL_MOL
    program = "Psi4 (QMugs)"
    if not matched:
        energy += nearest.energy - task.gfn2_energy * HARTREE_IN_KCAL_MOL
        program = f"{gfn2_level()['program']} + Psi4 (QMugs) - xtb (QMugs)"
    rows.put(
        kind="minimum",
        detail=MATCHED if matched else ADDITIVE,
        positions=nearest.positions,
        level_of_theory=LEVEL_OF_THEORY,
        program=program,
        settings=json.dumps(asdict(QMUGS), sort_keys=True),
        energy=energy,
        seconds=0.0,
    )
    return rows.labels


def _is_of_row(molecule: Molecule, minimum: Minimum, task: QmugsRowTask) -> bool:
    if abs(minimum.energy / HARTREE_IN_KCAL_MOL - task.gfn2_energy) > SAME_ENERGY:
        return False
    if abs(nuclear_repulsion(molecule.numbers, minimum.positions) / task.repulsion - 1.0) > SAME_REPULSION:
        return False
    constants = rotational_constants(molecule.numbers, minimum.positions)
    return bool(np.allclose(constants, task.rotation, rtol=SAME_ROTATION, atol=0.0))


def failed_qmugs_row(task: QmugsRowTask, config: CampaignConfig, reason: str) -> Label:
    """The row of a molecule that has no label at all."""
    rows = gfn2_rows(task.key, Molecule.from_smiles(task.smiles), SOURCE)
    add_failure(rows, reason)
    return rows.labels[0]

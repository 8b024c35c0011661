"""Molecules that a chemist looks at first: barriers, the more stable form, charges; each with what counts as right.

Geometries are minima of GFN2-xTB. Scans are rigid: the bond is turned in its minimum and nothing else moves, so that
every method has the same geometries. `QUESTIONS` is the one table of molecules and criteria.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rdkit import Chem

from virialff.conformers.generation import generate
from virialff.conformers.relax import relax
from virialff.conformers.scans import scan, with_value
from virialff.engines.base import Progress
from virialff.engines.xtb import Gfn2Engine, single_point
from virialff.errors import EngineError, MoleculeError
from virialff.methods.method import ForceMethod, require
from virialff.molecules.molecule import Molecule

FloatArray = NDArray[np.float64]
#: Degrees between the points of a scan.
STEP = 15
GFN2 = "GFN2-xTB"
_N_TYROSINE = 30
#: Right in a barrier: within this share of GFN2-xTB's.
_SHARE = 0.25


@dataclass(frozen=True)
class Question:
    """One quantity of one molecule.

    measure: the value by a method, in the unit that `quantity` names. criterion: in words; holds: the same of the value
    and of GFN2-xTB's.
    """

    molecule: str
    quantity: str
    measure: Callable[[ForceMethod], float]
    criterion: str
    holds: Callable[[float, float], bool]


@dataclass(frozen=True)
class Answer:
    """What the methods make of one question; `right` for each that is measured, None where it has no value."""

    question: Question
    values: Mapping[str, float]
    right: Mapping[str, bool | None]


@dataclass(frozen=True)
class NamedResult:
    """Answers in the order of QUESTIONS; reasons: why a method has none, by (method, molecule)."""

    answers: tuple[Answer, ...] = ()
    reasons: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def as_records(self) -> list[dict[str, Any]]:
        """Plain values for JSON and model cards; a value that is missing is None."""
        return [
            {
                "molecule": answer.question.molecule,
                "quantity": answer.question.quantity,
                "criterion": answer.question.criterion,
                "values": {name: round(v, 4) if np.isfinite(v) else None for name, v in answer.values.items()},
                "right": dict(answer.right),
            }
            for answer in self.answers
        ]


def named_table(records: list[dict[str, Any]]) -> pd.DataFrame:
    """The records of a `NamedResult` as text: a column a method, a model's value with whether it is right."""
    rows = []
    for record in records:
        row = {"molecule": record["molecule"], "quantity": record["quantity"]}
        for name, value in record["values"].items():
            answer = record["right"].get(name)
            mark = "" if answer is None or name == GFN2 else (", right" if answer else ", wrong")
            row[name] = "" if value is None else f"{value:.2f}{mark}"
        rows.append(row | {"right is": record["criterion"]})
    return pd.DataFrame(rows)


def check_named(
    models: Mapping[str, ForceMethod],
    questions: tuple[Question, ...] | None = None,
    *,
    progress: Progress | None = None,
) -> NamedResult:
    """Every question to every model, and to GFN2-xTB beside them.

    A model that cannot compute a molecule has NaN and a reason. Raises EngineError without GFN2-xTB.
    """
    engine = Gfn2Engine()
    require(engine)
    asked = QUESTIONS if questions is None else questions
    answers, reasons = [], {}
    for number, question in enumerate(asked, start=1):
        values = {}
        for name, method in {**models, GFN2: engine}.items():
            try:
                values[name] = question.measure(method)
            except (EngineError, MoleculeError) as error:
                values[name] = np.nan
                reasons[name, question.molecule] = str(error)
        right = {
            name: question.holds(value, values[GFN2]) if np.isfinite(value) else None for name, value in values.items()
        }
        answers.append(Answer(question, values, right))
        if progress is not None:
            progress(number, len(asked))
    return NamedResult(tuple(answers), reasons)


@cache
def minimum(smiles: str, torsions: tuple[tuple[str, float], ...] = (), n_conformers: int = 1) -> Molecule:
    """The lowest GFN2-xTB minimum below some conformers; `torsions` (SMARTS of four atoms, degrees) are set before.

    Raises EngineError where the relaxation fails or changes the molecule.
    """
    molecule = generate(Molecule.from_smiles(smiles), n_conformers)
    geometries = molecule.positions
    for pattern, angle in torsions:
        for atoms in _matches(molecule, pattern):
            geometries = np.array([with_value(molecule, one, "torsion", atoms, angle) for one in geometries])
    relaxed = relax(molecule, Gfn2Engine(), geometries)
    kept = [one for one in relaxed.conformers if not one.changes]
    if not kept:
        raise EngineError(f"GFN2-xTB changes {smiles} while it relaxes: {relaxed.conformers[0].changes[0]}")
    return molecule.with_positions(min(kept, key=lambda one: one.energy).positions[None])


@cache
def _turned(smiles: str, pattern: str, n_conformers: int) -> Molecule:
    """Geometries of a rigid scan, in steps of STEP degrees from 0."""
    start = minimum(smiles, n_conformers=n_conformers)
    return scan(start, _matches(start, pattern)[0], np.arange(0, 360, STEP)).molecule


def _matches(molecule: Molecule, pattern: str) -> list[tuple[int, int, int, int]]:
    """Atoms 1 to 4 of a SMARTS, once for each bond 2-3."""
    query = Chem.MolFromSmarts(pattern)
    place = {atom.GetAtomMapNum(): atom.GetIdx() for atom in query.GetAtoms() if atom.GetAtomMapNum()}
    mol = molecule.to_rdkit()
    found: dict[frozenset[int], tuple[int, int, int, int]] = {}
    for match in mol.GetSubstructMatches(query, uniquify=False):
        i, j, k, m = (match[place[number]] for number in (1, 2, 3, 4))
        found.setdefault(frozenset((j, k)), (i, j, k, m))
    return list(found.values())


@dataclass(frozen=True)
class Profile:
    """The energies of a rigid scan about a torsion, SMARTS with the atoms 1 to 4."""

    smiles: str
    pattern: str
    n_conformers: int = 1

    def energies(self, method: ForceMethod) -> FloatArray:
        """kcal/mol above the lowest point, (360 / STEP,); the first is at 0 degrees."""
        turned = _turned(self.smiles, self.pattern, self.n_conformers)
        require(method, turned)
        found = method.energy(turned, turned.positions)
        return np.asarray(found - found.min())

    def barrier(self, method: ForceMethod) -> float:
        """The highest point above the lowest."""
        return float(self.energies(method).max())

    def lowest(self, method: ForceMethod) -> float:
        """Degrees from 0 to 180 at the lowest point."""
        angle = float(np.argmin(self.energies(method)) * STEP)
        return min(angle, 360.0 - angle)

    def between(self, first: float, second: float) -> Callable[[ForceMethod], float]:
        """E(first) - E(second), angles in degrees; of either sense of turning the lower."""

        def measure(method: ForceMethod) -> float:
            energies = self.energies(method)
            at = [min(energies[round(a / STEP)], energies[round((360 - a) % 360 / STEP)]) for a in (first, second)]
            return float(at[0] - at[1])

        return measure


def _difference(first: Callable[[], Molecule], second: Callable[[], Molecule]) -> Callable[[ForceMethod], float]:
    """E(first) - E(second) at the minima of GFN2-xTB."""

    def measure(method: ForceMethod) -> float:
        energies = []
        for make in (first, second):
            molecule = make()
            require(method, molecule)
            energies.append(float(method.energy(molecule, molecule.positions)[0]))
        return energies[0] - energies[1]

    return measure


@cache
def _tyrosine() -> tuple[Molecule, FloatArray]:
    """Conformers of tyrosine at GFN2-xTB minima, and their energies."""
    molecule = generate(Molecule.from_smiles("N[C@@H](Cc1ccc(O)cc1)C(=O)O"), _N_TYROSINE)
    relaxed = relax(molecule, Gfn2Engine()).conformers
    kept = [one for one in relaxed if not one.changes]
    return molecule.with_positions(np.array([one.positions for one in kept])), np.array([one.energy for one in kept])


def _tyrosine_correlation(*, relaxed: bool) -> Callable[[ForceMethod], float]:
    """Correlation of the energies with GFN2-xTB's, at GFN2-xTB's minima or after relaxing by the method itself."""

    def measure(method: ForceMethod) -> float:
        molecule, known = _tyrosine()
        require(method, molecule)
        if relaxed:
            found = np.array([one.energy for one in relax(molecule, method).conformers])
        else:
            found = method.energy(molecule, molecule.positions)
        return float(np.corrcoef(found, known)[0, 1])

    return measure


def _disulfide_bond(method: ForceMethod) -> float:
    """S-S of dimethyl disulfide after relaxing by the method, Angstrom."""
    start = minimum("CSSC")
    sulfur = np.flatnonzero(start.numbers == 16)
    first, second = relax(start, method).conformers[0].positions[sulfur]
    return float(np.linalg.norm(first - second))


def _charges(method: ForceMethod, smiles: str) -> tuple[Molecule, FloatArray]:
    """Charges of the atoms (e): a model's own, or GFN2-xTB's of Mulliken at one conformer."""
    molecule = Molecule.from_smiles(smiles)
    if (force_field := getattr(method, "force_field", None)) is not None:
        return molecule, force_field(molecule).charges
    if not isinstance(method, Gfn2Engine) or smiles != _CYCLODEXTRIN:
        raise EngineError("charges are compared of models, and of alpha-cyclodextrin with GFN2-xTB")
    return molecule, _gfn2_charges(smiles)


@cache
def _gfn2_charges(smiles: str) -> FloatArray:
    molecule = generate(Molecule.from_smiles(smiles), 1)
    return single_point(molecule.numbers, molecule.positions[0]).charges


def _oxygen(smiles: str, choose: Callable[[FloatArray], float]) -> Callable[[ForceMethod], float]:
    def measure(method: ForceMethod) -> float:
        molecule, charges = _charges(method, smiles)
        return float(choose(charges[molecule.numbers == 8]))

    return measure


def _largest_charge(smiles: str) -> Callable[[ForceMethod], float]:
    return lambda method: float(np.abs(_charges(method, smiles)[1]).max())


def _cycloparaphenylene(units: int) -> str:
    """SMILES of so many benzene rings joined 1,4 to a ring."""
    return "c1cc%10ccc1-" + "c1ccc(cc1)-" * (units - 2) + "c1ccc-%10cc1"


_CYCLODEXTRIN = "C1%10OC(CO)C(C(O)C1O)O" + 5 * "C1OC(CO)C(C(O)C1O)O" + "%10"


def _near_gfn2(value: float, known: float) -> bool:
    return abs(value - known) <= _SHARE * abs(known)


def _barrier(molecule: str, bond: str, profile: Profile) -> Question:
    return Question(
        molecule,
        f"barrier about {bond} (kcal/mol)",
        profile.barrier,
        f"within {100 * _SHARE:.0f} % of GFN2-xTB",
        _near_gfn2,
    )


def _above(molecule: str, quantity: str, measure: Callable[[ForceMethod], float], least: float = 0.0) -> Question:
    return Question(molecule, f"{quantity} (kcal/mol)", measure, f"above {least:g}", lambda value, _: value > least)


_AMIDE = "[#1,#6;!$(*=*):1][NX3:2][CX3:3]=[O,S:4]"
_ACID = Profile("CC(=O)O", "[#1:1][OX2:2][CX3:3]=[O:4]", 2)
_ANISOLE = Profile("COc1ccccc1", "[CX4:1][O:2][c:3][c:4]")
_FCCF = Profile("FCCF", "[F:1][CX4:2][CX4:3][F:4]", 3)
_BUTANE = Profile("CCCC", "[CH3:1][CH2:2][CH2:3][CH3:4]", 3)
_ACROLEIN = Profile("C=CC=O", "[CH2:1]=[CH:2][CH:3]=[O:4]", 2)
_BUTADIENE = Profile("C=CC=C", "[CH2:1]=[CH:2][CH:3]=[CH2:4]", 2)
_DISULFIDE = Profile("CSSC", "[C:1][S:2][S:3][C:4]", 2)
_ACETAL = "[C:1][O:2][CX4;H2:3][O:4]"

QUESTIONS = (
    _barrier("formamide", "C-N", Profile("NC=O", _AMIDE)),
    _barrier("N-methylacetamide", "C-N", Profile("CNC(C)=O", _AMIDE, 2)),
    _barrier("N,N-dimethylformamide", "C-N", Profile("CN(C)C=O", _AMIDE)),
    _barrier("thioformamide", "C-N", Profile("NC=S", _AMIDE)),
    _barrier("methyl carbamate", "C-N", Profile("COC(N)=O", _AMIDE, 2)),
    _above("acrolein", "s-cis above s-trans", _ACROLEIN.between(0, 180)),
    _above("butadiene", "s-cis above s-trans", _BUTADIENE.between(0, 180)),
    Question(
        "dimethyl disulfide", "lowest at C-S-S-C of (degrees)", _DISULFIDE.lowest, "90 +- 15",
        lambda value, _: abs(value - 90.0) <= 15.0,
    ),
    Question(
        "dimethyl disulfide", "S-S after relaxing with the method (Angstrom)", _disulfide_bond,
        "within 0.15 of GFN2-xTB", lambda value, known: abs(value - known) <= 0.15,
    ),
    Question(
        "acetic acid", "E above Z (kcal/mol)", _ACID.between(180, 0), "4 to 9", lambda value, _: 4.0 <= value <= 9.0
    ),
    _above("acetic acid", "E lies below its neighbour at 150 degrees by", _ACID.between(150, 180)),
    Question(
        "anisole", "lowest at C-O-C-C of, in plane 0 or 180 (degrees)", _ANISOLE.lowest, "within 15 of the plane",
        lambda value, _: min(value, 180.0 - value) <= 15.0,
    ),
    _above("anisole", "perpendicular above planar", _ANISOLE.between(90, 0), 1.0),
    Question(
        "1,2-difluoroethane", "gauche above anti (kcal/mol)", _FCCF.between(75, 180),
        "at most 0, as measured, or not above GFN2-xTB", lambda value, known: value <= max(0.0, known),
    ),
    _barrier("ethane", "C-C", Profile("CC", "[#1:1][CX4:2][CX4:3][#1:4]")),
    Question(
        "butane", "120 degrees above anti (kcal/mol)", _BUTANE.between(120, 180), "within 25 % of GFN2-xTB", _near_gfn2
    ),
    _above("butane", "gauche above anti", _BUTANE.between(60, 180)),
    _above(
        "stilbene", "cis above trans",
        _difference(lambda: minimum(r"C(=C\c1ccccc1)\c1ccccc1"), lambda: minimum(r"C(=C/c1ccccc1)\c1ccccc1")),
    ),
    _above(
        "acetylacetone", "keto above enol",
        _difference(
            lambda: minimum("CC(=O)CC(C)=O", n_conformers=4), lambda: minimum(r"CC(=O)/C=C(/C)O", n_conformers=4)
        ),
    ),
    _above(
        "dimethoxymethane", "both anti above both gauche (anomeric effect)",
        _difference(
            lambda: minimum("COCOC", ((_ACETAL, 180.0),)), lambda: minimum("COCOC", ((_ACETAL, 65.0),))
        ),
        3.0,
    ),
    Question(
        "tyrosine", f"correlation with GFN2-xTB, {_N_TYROSINE} conformers at its minima",
        _tyrosine_correlation(relaxed=False), "0.7 or more", lambda value, _: value >= 0.7,
    ),
    Question(
        "tyrosine", "the same after relaxing with the method",
        _tyrosine_correlation(relaxed=True), "0.7 or more", lambda value, _: value >= 0.7,
    ),
    Question(
        "alpha-cyclodextrin", "most negative charge of an oxygen (e)", _oxygen(_CYCLODEXTRIN, np.min),
        "-0.6 or more", lambda value, _: value >= -0.6,
    ),
    Question(
        "alpha-cyclodextrin", "least negative charge of an oxygen (e)", _oxygen(_CYCLODEXTRIN, np.max),
        "-0.2 or less", lambda value, _: value <= -0.2,
    ),
    *(
        Question(
            f"[{units}]cycloparaphenylene", "largest charge of an atom, its size (e)",
            _largest_charge(_cycloparaphenylene(units)), "0.3 or less", lambda value, _: value <= 0.3,
        )
        for units in (6, 12)
    ),
)  # fmt: skip

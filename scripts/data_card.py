"""Write assets/data/README.md, the card of the shipped labels, from the files themselves; --check only compares."""

import argparse
import hashlib
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

import pandas as pd

from training.labelling.config import DftConfig, load_campaign
from training.labelling.structures.geometries import MINIMUM_GFN2
from training.labelling.tasks.qmugs_rows import ADDITIVE, MATCHED
from virialff.elements import ELEMENTS
from virialff.engines.dft import LEVEL_OF_THEORY
from virialff.labels.schema import KINDS
from virialff.labels.splits import split_of
from virialff.labels.summary import LevelSummary, summarise

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "assets" / "data"
CARD = FOLDER / "README.md"
DFT_PLANS = [ROOT / "training" / "presets" / name for name in ("labels_dft.yaml", "labels_dft_small.yaml")]
#: Heavy atoms of a drug-sized molecule.
DRUG_SIZED = 25
#: What each file is, and the command that makes it again.
FILES = {
    "gfn2.parquet": (
        "GFN2-xTB energies and forces of molecules at and off their minima, and of complexes",
        "virialff label training/presets/labels_gfn2.yaml",
        "Positions are kept to 0.001 Angstrom and forces to 0.1 kcal/mol/Angstrom; the campaign's own store has them "
        "in full. Rows whose time is 0 were computed before times were kept, so the hours are too few.",
    ),
    "gfn2_pushed.parquet": (
        "GFN2-xTB energies and forces of complexes pushed together to half of their contact, and of molecules for them",
        "virialff label training/presets/labels_gfn2_pushed.yaml",
        "Positions are kept to 0.001 Angstrom and forces to 0.1 kcal/mol/Angstrom.",
    ),
    "gfn2_small.parquet": (
        "GFN2-xTB energies and forces of small molecules, in which every kind of bond is a large part of the energy",
        "virialff label training/presets/labels_gfn2_small.yaml",
        "Positions are kept to 0.001 Angstrom and forces to 0.1 kcal/mol/Angstrom.",
    ),
    "gfn2_torsions.parquet": (
        "GFN2-xTB energies and forces along torsions: every kind of rotatable bond of the pools and a written list, "
        "relaxed with the torsion held, displaced from there, and turned rigidly",
        "virialff label training/presets/labels_torsions.yaml",
        "Positions are kept to 0.001 Angstrom and forces to 0.1 kcal/mol/Angstrom. The campaign is not finished; "
        "the same command goes on from here.",
    ),
    "gfn2_torsions_2.parquet": (
        "The same of further bonds, computed later",
        "virialff label training/presets/labels_torsions.yaml",
        "As above.",
    ),
    "gfn2_torsions_3.parquet": (
        "The same of further bonds, computed later",
        "virialff label training/presets/labels_torsions.yaml",
        "As above.",
    ),
    "gfn2_torsions_4.parquet": (
        "The same of further bonds, computed later; no shipped model has seen them",
        "virialff label training/presets/labels_torsions.yaml",
        "As above.",
    ),
    "gfn2_contacts.parquet": (
        "GFN2-xTB energies, forces and interaction energies of halogen, chalcogen and pnictogen bonds, of hydrogen "
        "bonds to P=O, N-oxides and S=O, of acids and amides, stacks, alkanes and repulsive contacts",
        "virialff label training/presets/labels_contacts.yaml",
        "Positions are kept to 0.001 Angstrom and forces to 0.1 kcal/mol/Angstrom. The campaign is not finished; "
        "the same command goes on from here.",
    ),
    "gfn2_flexible.parquet": (
        "GFN2-xTB energies and forces of flexible molecules from folded to extended, along short relaxations",
        "virialff label training/presets/labels_flexible.yaml",
        "Positions are kept to 0.001 Angstrom and forces to 0.1 kcal/mol/Angstrom. The campaign is not finished; "
        "the same command goes on from here.",
    ),
    "gfn2_relaxed.parquet": (
        "GFN2-xTB energies and forces at minima of GFN2-xTB of drug-sized molecules, and on the way there",
        "virialff label training/presets/labels_relaxed.yaml",
        "Positions are kept to 0.001 Angstrom and forces to 0.1 kcal/mol/Angstrom. The campaign is not finished; "
        "the same command goes on from here.",
    ),
    "gfn2_relaxed_2.parquet": (
        "The same of further molecules, computed later",
        "virialff label training/presets/labels_relaxed.yaml",
        "As above.",
    ),
    "gfn2_chembl.parquet": (
        "GFN2-xTB energies and forces of drug-sized molecules of ChEMBL at minima of MMFF94s; no shipped model has "
        "seen them",
        "virialff label training/presets/labels_chembl.yaml",
        "**Licence: CC BY-SA 3.0**, other than the rest, as its molecules are drugs and samples of ChEMBL "
        "(https://www.ebi.ac.uk/chembl). Positions are kept to 0.001 Angstrom and forces to 0.1 kcal/mol/Angstrom.",
    ),
    "gfn2_relaxed_3.parquet": (
        "The same of further molecules, computed later; no shipped model has seen them",
        "virialff label training/presets/labels_relaxed.yaml",
        "As above.",
    ),
    "dft_torsions.parquet": (
        "wB97X-D/def2-SVP energies at every second point of torsions of small molecules, and GFN2-xTB at the same "
        "geometries",
        "virialff label training/presets/labels_dft_torsions.yaml",
        "Positions are kept to 0.001 Angstrom. The campaign is not finished; the same command goes on from here.",
    ),
    "dft_contacts.parquet": (
        "Counterpoise-corrected wB97X-D/def2-SVP interaction energies of the smallest contacts, and GFN2-xTB at the "
        "same geometries",
        "virialff label training/presets/labels_dft_contacts.yaml",
        "The campaign is not finished; the same command goes on from here.",
    ),
    "dft_conformers.parquet": (
        "wB97X-D/def2-SVP energies of several conformers of small and drug-like molecules at minima of GFN2-xTB, and "
        "GFN2-xTB energies and forces there; no shipped model has seen them",
        "virialff label training/presets/labels_dft_conformers.yaml",
        "The campaign is not finished; the same command goes on from here.",
    ),
    "qmugs.parquet": (
        "wB97X-D/def2-SVP energies of drug-sized molecules from rows of QMugs at conformers of our own, and GFN2-xTB "
        "energies and forces along the relaxations that lead there",
        "virialff label training/presets/labels_qmugs.yaml",
        "**Licence: CC BY-SA 3.0**, other than the rest, as derived from QMugs (C. Isert, K. Atz, J. Jiménez-Luna, "
        "G. Schneider, Sci. Data 2022, 9, 273; ETH Research Collection, doi 10.3929/ethz-b-000482129), whose "
        "molecules are from ChEMBL. Positions are kept to 0.001 Angstrom and forces to 0.1 kcal/mol/Angstrom. The "
        "campaign is not finished; the same command goes on from here.",
    ),
    "dft.parquet": (
        "wB97X-D/def2-SVP energies, dipoles, Löwdin charges and kinetic energies by atom and bond at GFN2-xTB minima, "
        "counterpoise-corrected interaction energies of complexes, and GFN2-xTB at the same geometries",
        "virialff label training/presets/labels_dft.yaml",
        "The smallest molecules are of `virialff label training/presets/labels_dft_small.yaml`; `virialff data merge` "
        "joined the stores.",
    ),
    "references.parquet": (
        "The evaluation sets, for measuring alone: S66, A-T and G-C, vertical and relaxed, and the conformer set, "
        "at wB97X-D/def2-SVP, GFN2-xTB and ANI",
        "virialff label training/presets/labels_references.yaml",
        "All of its 137 dimers and 40 molecules are there, and further conformers of a third of the molecules.",
    ),
}
HOW = """\
Each row is a conformer at one level of theory; docs/labels.md explains the columns, docs/data.md how molecules and
geometries were chosen, docs/dft.md the settings of the DFT. `virialff data info assets/data` counts the rows,
`virialff data check assets/data` verifies them.

Molecules come from RDKit's NCI file, MOSES, QM9, enumerated phosphorus compounds and pairs of functional
groups, and our own lists: small monomers, torsions, contacts, flexible molecules. Those of qmugs.parquet and
gfn2_chembl.parquet are from ChEMBL, and these files have a licence of their own.
Training refuses what is on the frozen list of evaluation sets (docs/evaluation.md), whatever file it comes from.
Test sets of our own, such as torsions.parquet, lie in assets/evaluation, where no recipe looks (the same page).
"""


def data_card(folder: Path) -> str:
    """The card of the Parquet files in `folder`."""
    lines = ["# The shipped labels", "", "Written by `python -m scripts.data_card`.", "", HOW]
    for path in sorted(folder.glob("*.parquet")):
        what, command, note = FILES[path.name]
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        lines += [f"## {path.name}", "", f"{what}.", ""]
        lines += [
            f"{path.stat().st_size / 1e6:.1f} MB, sha256 `{digest[:16]}`, made by `{command}`. {note}".rstrip(),
            "",
        ]
        lines += [line for level in summarise(path).levels for line in _level(level)]
        if path.name == "dft.parquet":
            lines += _progress(path)
            lines += _differences(interaction_differences(path))
        if path.name == "dft_contacts.parquet":
            lines += _differences(interaction_differences(path))
        if path.name == "qmugs.parquet":
            lines += _qmugs(path, folder / "dft.parquet")
    return "\n".join(lines).rstrip() + "\n"


def _level(level: LevelSummary) -> list[str]:
    kinds = [kind for kind in KINDS if kind in level.kinds]
    lines = [
        f"### {level.level_of_theory}",
        "",
        f"{level.rows:,} rows of {level.systems:,} molecules and complexes, {level.with_forces:,} with forces, "
        f"{level.with_kinetic_terms:,} with kinetic energies by atom and bond; {level.failed:,} failures; "
        f"{level.hours:.1f} hours on one core.",
        "",
        f"| {' | '.join(['rows by kind', *kinds])} |",
        f"| {' | '.join(['---'] * (len(kinds) + 1))} |",
        f"| | {' | '.join(f'{level.kinds[kind]:,}' for kind in kinds)} |",
        "",
        f"| {' | '.join(['rows with the element', *ELEMENTS])} |",
        f"| {' | '.join(['---'] * (len(ELEMENTS) + 1))} |",
        f"| | {' | '.join(f'{level.elements[symbol]:,}' for symbol in ELEMENTS)} |",
        "",
    ]
    for reason, count in level.failures.most_common():
        lines.append(f"- failed {count:,}: {reason}")
    return [*lines, ""] if level.failures else lines


def _progress(path: Path) -> list[str]:
    """How far the DFT campaigns are: what their plans name and what the file holds."""
    rounds = [settings for plan in DFT_PLANS for settings in load_campaign(plan).dft_rounds]
    windows = [window for settings in rounds for window in settings.sizes]
    planned = sum(window.count for window in windows)
    planned_large = sum(window.count for window in windows if window.min_heavy >= DRUG_SIZED)
    planned_complexes = sum(sum(settings.complexes.model_dump().values()) for settings in rounds)
    rows = pd.read_parquet(path, columns=["inchikeys", "task", "kind", "level_of_theory", "numbers", "failure"])
    rows = rows[(rows["level_of_theory"] == LEVEL_OF_THEORY) & rows["failure"].isna()]
    complexes = rows["kind"] == "complex"
    minima = rows[~complexes]
    n_heavy = minima["numbers"].map(lambda numbers: int((numbers > 1).sum()))
    molecules = n_heavy.groupby(minima["inchikeys"].str[0]).agg(["size", "first"])
    by_size = molecules["first"].value_counts().sort_index()
    return [
        f"The plans have {planned:,} molecules ({planned_large} drug-sized, of {DRUG_SIZED} heavy atoms or more, for "
        f"testing alone) and {planned_complexes} complexes. Here are {len(molecules):,} molecules "
        f"({(molecules['first'] >= DRUG_SIZED).sum()} drug-sized; {(molecules['size'] > 1).sum()} with several "
        f"conformers) and {rows['task'][complexes].nunique()} complexes at {complexes.sum()} geometries.",
        "",
        f"| {' | '.join(['heavy atoms', *map(str, by_size.index)])} |",
        f"| {' | '.join(['---'] * (len(by_size) + 1))} |",
        f"| molecules | {' | '.join(f'{count:,}' for count in by_size)} |",
        "",
    ]


def interaction_differences(path: Path) -> pd.DataFrame:
    """Interaction energies (kcal/mol) of the complexes that have both levels: detail, GFN2-xTB, DFT, difference."""
    energy = "interaction_energy_kcal_mol"  # The files hold it as E(1) + E(2) - E(12).
    rows = pd.read_parquet(path, columns=["task", "detail", "kind", "level_of_theory", energy])
    rows = rows[rows["kind"] == "complex"]
    # Of every geometry of a pair there is a row of each level.
    rows = rows.assign(geometry=rows.groupby(["task", "level_of_theory"]).cumcount())
    table = rows.pivot(index=["task", "geometry", "detail"], columns="level_of_theory", values=energy).dropna()
    table["difference"] = table[LEVEL_OF_THEORY] - table["GFN2-xTB"]
    return table.reset_index()


def _differences(table: pd.DataFrame) -> list[str]:
    def row(name: str, values: pd.Series) -> str:
        cells = (
            f"{values.mean():+.2f}",
            f"{values.abs().median():.2f}",
            f"{values.abs().mean():.2f}",
            f"{max(values, key=abs):+.2f}",
        )
        return f"| {name} | {len(values)} | {' | '.join(cells)} |"

    return [
        "### Interaction energies: GFN2-xTB minus wB97X-D/def2-SVP (kcal/mol)",
        "",
        "At the same geometries, DFT with counterpoise correction; negative: GFN2-xTB binds more strongly.",
        "",
        "| arrangement | complexes | mean | median of sizes | mean of sizes | largest |",
        "| --- | --- | --- | --- | --- | --- |",
        *(row(str(name), group["difference"]) for name, group in table.groupby("detail")),
        row("all", table["difference"]),
        "",
    ]


def _qmugs(path: Path, dft: Path) -> list[str]:
    """How many rows are at QMugs' own geometries, and what it costs that the others are not."""
    rows = pd.read_parquet(path, columns=["inchikeys", "level_of_theory", "detail", "numbers"])
    rows = rows[rows["level_of_theory"] == LEVEL_OF_THEORY]
    n_heavy = rows["numbers"].map(lambda numbers: int((numbers > 1).sum()))
    recipe = DftConfig()
    split = Counter(split_of(keys[0], seed=recipe.split_seed, fractions=recipe.fractions) for keys in rows["inchikeys"])
    differences = level_differences(dft)
    return [
        f"{(rows['detail'] == MATCHED).sum():,} molecules are at the geometry of their row of QMugs, "
        f"{(rows['detail'] == ADDITIVE).sum():,} at another, with GFN2-xTB there plus the row's difference of the "
        f"levels; {n_heavy.min()} to {n_heavy.max()} heavy atoms, {n_heavy.median():.0f} in the median. By the split "
        f"of the recipes {split['train']:,} are for training, {split['validation']:,} for validation and "
        f"{split['test']:,} for testing.",
        "",
        f"What the sum costs: in dft.parquet the difference of the levels differs between two conformers of a molecule "
        f"by {differences.mean():.2f} kcal/mol in the mean and {differences.median():.2f} in the median "
        f"({len(differences)} molecules of up to 14 heavy atoms).",
        "",
    ]


def level_differences(path: Path) -> pd.Series:
    """By molecule: how far DFT minus GFN2-xTB of two of its minima lie apart in the mean, kcal/mol."""
    energy = "energy_kcal_mol"
    rows = pd.read_parquet(path, columns=["task", "detail", "level_of_theory", "failure", "positions_angstrom", energy])
    rows = rows[(rows["detail"] == MINIMUM_GFN2) & rows["failure"].isna()]
    rows = rows.assign(geometry=rows["positions_angstrom"].map(lambda positions: positions.tobytes()))
    table = rows.pivot(index=["task", "geometry"], columns="level_of_theory", values=energy).dropna()
    molecules = (table[LEVEL_OF_THEORY] - table["GFN2-xTB"]).groupby("task")
    pairs = molecules.apply(lambda values: [abs(a - b) for a, b in combinations(values, 2)])
    return pairs[pairs.map(bool)].map(lambda values: sum(values) / len(values)).astype(float)


def main() -> int:
    """Write the card, or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit with 1 if the card is not that of the files")
    text = data_card(FOLDER)
    if not parser.parse_args().check:
        CARD.write_text(text, encoding="utf-8")
        return 0
    if CARD.read_text(encoding="utf-8") == text:
        return 0
    print("assets/data/README.md is not the card of the files there: run python -m scripts.data_card", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

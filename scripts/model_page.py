"""Write docs/model.md, and the figures in README.md and other pages, from the card of the shipped model.

--check only compares.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from virialff.benchmarks.named import named_table
from virialff.benchmarks.report import NAMED, OWN_SETS
from virialff.models.card import SIDE_BY_SIDE, error_table, side_by_side_table

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "assets" / "models"
START, START_LEVEL = "foundation-gfn2", "GFN2-xTB"
PAGE = ROOT / "docs" / "model.md"
README, ACCURACY, LIMITS = ROOT / "README.md", ROOT / "docs" / "accuracy.md", ROOT / "docs" / "when_to_use.md"
BEGIN, END = "<!-- made by scripts/model_page.py -->\n", "<!-- end -->\n"


def model_page(card: dict[str, Any]) -> str:
    """The whole card as a page for people."""
    counts = card["data"]
    lines = [
        f"# The shipped model: {card['name']}",
        "",
        f"Made on {card['date']} at the level of {card['level_of_theory']}; "
        f"{card['n_parameters']:,} parameters, {card['recipe']['steps_done']:,} steps. This page is written by "
        "`python -m scripts.model_page` from `assets/models/default/card.json`.",
        "",
        "## What it cannot do",
        "",
        *[f"- {limitation}" for limitation in card["limitations"]],
        "",
        "## Data",
        "",
        "| | train | validation | test |",
        "| --- | --- | --- | --- |",
    ]
    for kind in ("molecules", "complexes"):
        cells = [f"{counts[kind][part]['records']:,}" for part in ("train", "validation", "test")]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
        cells = [f"{counts[kind][part]['geometries']:,}" for part in ("train", "validation", "test")]
        lines.append(f"| their geometries | {' | '.join(cells)} |")
    lines += ["", f"Split by {card['split']['by']}, seed {card['split']['seed']}.", ""]
    for entry in counts["history"]:
        lines.append(
            f"- from step {entry['from_step']:,}: {entry['molecules']['train']['records']:,} molecules and "
            f"{entry['complexes']['train']['records']:,} complexes for training"
        )
    lines += ["", "## Errors on data never trained on", "", *_markdown(error_table(card["metrics"]))]
    lines += [*_named(card), *_own_sets(card), *_side_by_side(card), *_physics(card), *_spread(card), *_intervals(card)]
    interactions = card["metrics"].get("interactions")
    if isinstance(interactions, dict):
        lines += ["", "## Complexes in detail", "", "| | | | |", "| --- | --- | --- | --- |"]
        for pair in interactions["base pairs vertical (kcal/mol)"]:
            lines.append(
                f"| {pair['pair']} ({pair['geometry']}) | E_int {pair['model']:.2f} kcal/mol | "
                f"reference {pair['reference']:.2f} kcal/mol | vertical |"
            )
        for dimer in interactions["dimers"]:
            lines.append(
                f"| {dimer['dimer']} | minimum at {dimer['distance (Angstrom)']:.2f} A | "
                f"depth {dimer['well depth (kcal/mol)']:.2f} kcal/mol | "
                f"E_int at 10 A {dimer['E_int at 10 Angstrom (kcal/mol)']:.3f} kcal/mol |"
            )
        collapsing = interactions["S66 dimers bound more strongly behind the wall"]
        lines += ["", f"S66 dimers bound more strongly when pushed together: {len(collapsing)} of 66."]
    return "\n".join(lines) + "\n"


def _named(card: dict[str, Any]) -> list[str]:
    """Single molecules beside GFN2-xTB, each with whether it is right."""
    records = card["metrics"].get(SIDE_BY_SIDE, {}).get(NAMED)
    if not records:
        return []
    right = [record["right"].get(card["name"]) for record in records]
    return [
        "",
        "## Named molecules",
        "",
        f"{right.count(True)} of {len(right)} are right (docs/evaluation.md). Scans are rigid, at minima of GFN2-xTB. "
        "Made by `virialff evaluate default paper foundation-gfn2 --only named --card`.",
        "",
        *_markdown(named_table(records)),
    ]


def _own_sets(card: dict[str, Any]) -> list[str]:
    """Figures of our own test sets, a table for each set and quantity."""
    rows = card["metrics"].get(SIDE_BY_SIDE, {}).get(OWN_SETS)
    lines = [
        "",
        "## Our own test sets",
        "",
        "Molecules that no model trained on (docs/evaluation.md). `n`: molecules, scans or pairs; 95 % intervals.",
    ]
    table = side_by_side_table(rows or [], "value")
    for place, part in table.groupby("set", sort=False) if len(table) else []:
        shown = part.drop(columns="set").rename(columns={"sizes": "class"})
        lines += ["", f"### {place}", "", *_markdown(shown[[c for c in shown.columns if (shown[c] != "").any()]])]
    return lines if rows else []


def _side_by_side(card: dict[str, Any]) -> list[str]:
    """Errors beside other methods, a table for each set; a method that a set has not has no column."""
    found = card["metrics"].get(SIDE_BY_SIDE)
    if not found:
        return []
    lines = ["", "## Beside other methods", ""]
    lines += [f"- {note}" for note in found["notes"]]
    levels = [f"{name}: {level}" for name, level in found["levels of theory"].items() if name != level]
    lines += [
        "",
        f"Models by their level: {'; '.join(levels)}. `n` is the number of values, 95 % intervals in brackets.",
    ]
    for title, statistic in (("Mean absolute errors", "mae"), ("Root mean square errors", "rmse")):
        table = side_by_side_table(found["errors"], statistic)
        for place, part in table.groupby("set", sort=False) if len(table) else []:
            shown = part.drop(columns="set")
            shown = shown[[name for name in shown.columns if (shown[name] != "").any()]]
            lines += ["", f"### {title}: {place}", "", *_markdown(shown)]
    pairs = found["base pairs, E_int (kcal/mol)"]
    if pairs:
        columns = ["pair", "geometry", "set", *(name for name in pairs[0] if name not in ("pair", "geometry", "set"))]
        lines += ["", "### Base pairs, E_int (kcal/mol), negative is bound", "", f"| {' | '.join(columns)} |"]
        lines.append("|" + " --- |" * len(columns))
        lines += [f"| {' | '.join(_cell(pair.get(name)) for name in columns)} |" for pair in pairs]
    return lines


def _cell(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else "" if value is None else str(value)


def _physics(card: dict[str, Any]) -> list[str]:
    """The checks of the parameters of this model, and their distributions."""
    found = card["metrics"].get(SIDE_BY_SIDE, {}).get("physics", {}).get(card["name"])
    if not found:
        return []
    lines = ["", "## Checks of the parameters", "", "| check | found | limit | holds |", "| --- | --- | --- | --- |"]
    for check in found["checks"]:
        answer = "yes" if check["holds"] else "**no**"
        lines.append(f"| {check['check']} | {check['found']} | {check['limit']} | {answer} |")
    names = list(next(iter(found["distributions"].values())))
    lines += ["", f"Over {found['n_molecules']} molecules and complexes of the evaluation sets:", ""]
    lines += [f"| | {' | '.join(names)} |", "| --- |" + " --- |" * len(names)]
    for quantity, values in found["distributions"].items():
        cells = [str(values[name]) if isinstance(values[name], int) else f"{values[name]:.4g}" for name in names]
        lines.append(f"| {quantity} | {' | '.join(cells)} |")
    return lines


def _spread(card: dict[str, Any]) -> list[str]:
    """What the members are, and how well their spread tells the error."""
    members = card.get("members", [])
    if not members:
        return []
    lines = ["", "## Spread", ""]
    lines.append(
        f"The force field is one parameter set; {len(members)} further ones give the spread of charges, energies and "
        "conformer ranks. On the test split of the run:"
    )
    lines += ["", "| quantity | values | error over spread | rank correlation | within 1 spread | within 2 spreads |"]
    lines.append("|" + " --- |" * 6)
    for quantity, entry in card["metrics"].get("calibration", {}).items():
        cells = [quantity, f"{entry['n_values']:,}", _cell(entry["scale"]), _cell(entry["rank_correlation"])]
        cells += [f"{100 * entry[key]:.0f} %" for key in ("share_within_1_spread", "share_within_2_spreads")]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "Multiply a spread by `error over spread` to have the size of error that goes with it on average."]
    return lines


def _intervals(card: dict[str, Any]) -> list[str]:
    """What share of held-out errors the intervals hold, by quantity."""
    found = card.get("intervals")
    if not found:
        return []
    lines = ["", "## Intervals", ""]
    lines.append(
        "Half-widths that hold 68, 90 and 95 % of the errors, and the share that they hold of errors they were not "
        "fitted to, with 95 % intervals over molecules. Written by `virialff calibrate`; docs/method.md says how."
    )
    percents = list(next(iter(found["quantities"].values()))["factors"])
    columns = [
        "quantity",
        "against",
        "calibrated on",
        "values",
        "molecules",
        *(f"{percent} % hold" for percent in percents),
    ]
    lines += ["", f"| {' | '.join([*columns, 'median half-width at 95 % (kcal/mol)'])} |"]
    lines.append("|" + " --- |" * (6 + len(percents)))
    for quantity, entry in found["quantities"].items():
        held = [entry["coverage"][percent] for percent in percents]
        shares = [
            f"{100 * part['held']:.1f} ({100 * part['held_low']:.1f} to {100 * part['held_high']:.1f})" for part in held
        ]
        cells = [quantity, entry["against"], entry["calibrated_on"], f"{entry['n_values']:,}", f"{entry['n_groups']:,}"]
        lines.append(f"| {' | '.join([*cells, *shares, _cell(held[-1]['median_half_width'])])} |")
    return lines


def _start_section(start: dict[str, Any]) -> str:
    """Errors of the model from which the default one started, kind by kind of geometry."""
    title = f"## {start['name']}, from which it started, at {start['level_of_theory']}"
    return "\n".join(["", title, "", *_markdown(error_table(start["metrics"]))]) + "\n"


def readme_table(card: dict[str, Any]) -> str:
    """Three numbers, each beside those of other methods."""
    errors = card["metrics"][SIDE_BY_SIDE]["errors"]
    energies, others = side_by_side_table(errors, "mae"), side_by_side_table(errors, "rmse")
    energies = energies[
        energies["quantity"].str.startswith("total energy (")
        & energies["sizes"].str.contains("as in training", regex=False)
    ]
    conformers = others[others["quantity"].str.startswith("above the lowest conformer") & others["sizes"].eq("all")]
    dimers = others[others["quantity"].str.startswith("E_int") & others["sizes"].eq("all")]
    names = {
        "total energies of molecules as large as in training, mean absolute error": energies,
        "conformers above the lowest one, root mean square error": conformers,
        "interaction energies of S66 against CCSD(T)/CBS, root mean square error": dimers[
            dimers["set"].str.contains("CCSD")
        ],
    }
    methods = [card["name"], *(name for name in others.columns if name.startswith(("GFN2", "ANI")))]
    lines = [f"| kcal/mol | {' | '.join(methods)} |", "| --- |" + " --- |" * len(methods)]
    for name, table in names.items():
        cells = [table.iloc[0][method] for method in methods]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def limits(card: dict[str, Any]) -> str:
    """What the card says that the model cannot do."""
    return "\n".join(f"- {limitation}" for limitation in card["limitations"]) + "\n"


def accuracy_tables(card: dict[str, Any], start: dict[str, Any]) -> str:
    """The numbers that a visitor asks for first, of the default model and of the one that it started from."""
    errors = card["metrics"][SIDE_BY_SIDE]["errors"]
    energies, others = side_by_side_table(errors, "mae"), side_by_side_table(errors, "rmse")
    energies = energies[
        energies["quantity"].str.startswith("total energy (")
        & ~energies["sizes"].str.contains("to [0-9]+ heavy atoms$", regex=True)
    ]
    others = others[others["quantity"].str.match("E_int|above") & others["sizes"].eq("all")]
    rows = pd.concat([energies.assign(error="MAE"), others.assign(error="RMSE")]).fillna("")
    rows.insert(3, "error", rows.pop("error"))
    kinetic = error_table({name: value for name, value in card["metrics"].items() if name == "kinetic energy"})
    held_out = error_table(start["metrics"])
    own = side_by_side_table(card["metrics"][SIDE_BY_SIDE].get(OWN_SETS, []), "value")
    if len(own):
        # At DFT, and of contacts the classes too; the page has the rest.
        chosen = ~own["set"].str.endswith(START_LEVEL) | own["set"].str.startswith("relaxation")
        chosen &= own["sizes"].eq("all") | own["set"].str.startswith("contacts")
        own = own[chosen].rename(columns={"sizes": "class"})
    own_sets = [] if own.empty else ["Our own test sets (docs/evaluation.md):", "", *_markdown(own), ""]
    shape = held_out[held_out["measured on"].isin(["held out", "conformer set against GFN2-xTB"])]
    return "\n".join(
        [
            "95 % intervals in brackets, `n` values:",
            "",
            *_markdown(rows),
            "",
            *own_sets,
            "Kinetic energies of held-out molecules at the DFT level, by twins of the pair potential:",
            "",
            *_markdown(kinetic),
            "",
            f"{start['name']}, from which it started and has its shape, at its own level ({start['level_of_theory']}):",
            "",
            *_markdown(shape),
            "",
        ]
    )


def _filled(page: Path, text: str) -> str:
    """A page with this text between its marks."""
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    return before + BEGIN + text + END + rest.split(END)[1]


def _markdown(table: Any) -> list[str]:
    header = f"| {' | '.join(table.columns)} |"
    return [header, "|" + " --- |" * len(table.columns)] + [f"| {' | '.join(row)} |" for row in table.to_numpy()]


def main() -> int:
    """Write both files, or with --check return 1 if one of them is not what the card says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a file is stale")
    arguments = parser.parse_args()
    card, start = (json.loads((MODELS / name / "card.json").read_text("utf-8")) for name in ("default", START))
    wanted = {
        PAGE: model_page(card) + _start_section(start),
        README: _filled(README, readme_table(card)),
        ACCURACY: _filled(ACCURACY, accuracy_tables(card, start)),
        LIMITS: _filled(LIMITS, limits(card)),
    }
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)} is not what the model card says" if arguments.check else f"wrote {path.name}")
        if not arguments.check:
            path.write_text(wanted[path], encoding="utf-8")
    return 1 if stale and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())

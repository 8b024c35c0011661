"""`python -m training.studies.ablation`: every named switch of a recipe off in turn, at equal steps, on validation.

A recipe that starts from other weights keeps the network that belongs to them: only its other switches are left out.

Each row is a run of its own in the folder of the study, so that a study that was ended goes on with the same command.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from training.loop.initial import OF_BASELINE
from training.recipes.recipe import Recipe
from training.studies.rows import (
    Result,
    Row,
    Study,
    add_study_arguments,
    command_of,
    finish,
    open_study,
    run_rows,
    write_results,
)

#: Measures of a row: name of the error, words for the table.
MEASURES = {
    "energy_mae": "total energy of minima, MAE (kcal/mol)",
    "relative_rmse": "conformers, RMSE (kcal/mol)",
    "force_mae": "force component, MAE (kcal/mol/Å)",
    "interaction_mae": "interaction energy, MAE (kcal/mol)",
}


@dataclass(frozen=True)
class Switch:
    """One way in which a recipe differs from the paper, and the settings without it."""

    name: str
    words: str
    network: dict[str, Any]
    stage: dict[str, Any]
    #: Keys of the recipe beside network and stages.
    recipe: dict[str, Any] = field(default_factory=dict)

    def can_be_left_out(self, recipe: Recipe) -> bool:
        """Whether the recipe has it, and can start from the same weights without it."""
        pairs = [(recipe.network, self.network), (recipe.all_stages[-1], self.stage), (recipe, self.recipe)]
        has_it = any(getattr(settings, key) != value for settings, off in pairs for key, value in off.items())
        return has_it and (recipe.initial is None or set(self.network) <= set(OF_BASELINE))


SWITCHES = (
    Switch("pair_relations", "1-3, 1-4, further and intermolecular pairs told apart", {"pair_relations": False}, {}),
    Switch("ring_sizes", "smallest rings of atoms and pairs", {"ring_sizes": False}, {}),
    Switch("ring_membership", "rings that hold an atom counted once a size", {"ring_membership": False}, {}),
    Switch("far_pairs_as_contacts", "further pairs as intermolecular ones", {"far_pairs_as_contacts": False}, {}),
    Switch("path_atoms", "atoms between those of 1-3 and 1-4 pairs", {"path_atoms": False}, {}),
    Switch("symmetric_pairs", "one set of coefficients a pair", {"symmetric_pairs": False}, {}),
    Switch("neutral_fragments", "charges of a fragment sum to zero", {"neutral_fragments": False}, {}),
    Switch(
        "bond_type_baseline",
        "baseline counts bonds by type",
        {"bond_type_baseline": False, "coordination_baseline": False},
        {},
    ),
    Switch(
        "coordination_baseline", "baseline counts ends of bonds by coordination", {"coordination_baseline": False}, {}
    ),
    Switch("output_scales", "output scales by relation", {"output_scales": False}, {}),
    Switch("gaussian_widths", "bounds of the widths of the Gaussians", {"gaussian_widths": None}, {}),
    Switch("all_pairs", "pairs at any distance, not up to 10 Å", {"distance_threshold": 10.0}, {}),
    Switch("forces", "losses of forces", {}, {"force_weight": 0.0, "interaction_force_weight": 0.0}),
    Switch("relative_energies", "loss of energies about the molecule's mean", {}, {"relative_weight": 0.0}),
    Switch("conformers", "several conformers a molecule", {}, {"conformers": 1, "complex_conformers": 1}),
    Switch("every_geometry", "molecules drawn by the number of their conformers", {}, {"every_geometry": False}),
    Switch("complexes", "complexes", {}, {"interaction_weight": 0.0, "interaction_force_weight": 0.0}),
    Switch("repulsion_scale", "less weight of complexes pushed together", {}, {"repulsion_scale": None}),
    Switch("kind_weights", "less weight of distorted geometries", {}, {"kind_weights": (1.0,) * 5}),
    Switch("averaging", "average of the weights", {}, {"average_decay": 0.0}),
    Switch("dipoles", "loss of dipoles", {}, {"dipole_weight": 0.0}),
    Switch("companion", "labels of the other level beside", {}, {}, {"companion": None}),
    Switch("initial", "weights to start from, and labels of their level", {}, {}, {"initial": None, "companion": None}),
)


def rows_of(study: Study, switches: Sequence[Switch] = SWITCHES) -> tuple[list[Switch], list[Row]]:
    """The switches that the recipe has, and the trainings: with all of them, then without each in turn."""
    recipe = study.recipe
    on = [switch for switch in switches if switch.can_be_left_out(recipe)]
    whole = Row("all", recipe.network, study.stage, study.molecules, study.complexes, recipe.initial, study.companion)
    return on, [whole, *(_without(switch, whole) for switch in on)]


def _without(switch: Switch, whole: Row) -> Row:
    return replace(
        whole,
        folder=f"without-{switch.name}",
        network=replace(whole.network, **switch.network),
        stage=replace(whole.stage, **switch.stage),
        **switch.recipe,
    )


def as_table(study: Study, switches: Sequence[Switch], results: Sequence[Result], command: str) -> str:
    """The page with the table; bold where leaving the switch out made validation worse by more than 2 %."""
    whole = results[0]
    lines = [
        "# Ablation",
        "",
        f"Each row leaves out one of the switches of the recipe `{study.recipe.name}` and trains anew for "
        f"{study.stage.steps:,} steps on {len(study.molecules.train):,} molecules"
        + (f" and {len(study.complexes.train):,} complexes" if len(study.complexes.train) else "")
        + (f" from `{study.recipe.initial}`" if study.recipe.initial else "")
        + f" at {study.recipe.level_of_theory}; one seed. Errors are those of the {len(study.molecules.validation):,} "
        "molecules of the validation split; the test split has no part in it. These trainings are far shorter than "
        "that of a shipped model. A number in bold is more than 2 % worse than with all switches.",
        "",
        "| left out | " + " | ".join(MEASURES.values()) + " |",
        "| --- |" + " ---: |" * len(MEASURES),
    ]
    for words, result in zip(["nothing", *(switch.words for switch in switches)], results, strict=True):
        if result.stopped:
            lines.append(f"| {words} | stopped: {result.stopped.partition(';')[0]} |" + " |" * (len(MEASURES) - 1))
            continue
        cells = []
        for name in MEASURES:
            value, reference = result.errors.get(name), whole.errors.get(name)
            cell = "–" if value is None else f"{value:.2f}"
            worse = value is not None and reference is not None and value > 1.02 * reference
            cells.append(f"**{cell}**" if worse else cell)
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
    lines += ["", f"Made by `python -m training.studies.ablation {command}`.", ""]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train all rows, write the table and the JSON; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.studies.ablation", description=__doc__)
    add_study_arguments(parser, "ablation", steps=2000)
    parser.add_argument("--only", nargs="+", choices=[switch.name for switch in SWITCHES], help="only these switches")
    given = parser.parse_args(arguments)

    def run() -> None:
        study = open_study(given, with_companion=True)
        chosen = [switch for switch in SWITCHES if given.only is None or switch.name in given.only]
        switches, rows = rows_of(study, chosen)
        results = run_rows(study, rows, given.device, say=lambda line: print(line, flush=True))
        content = {
            "recipe": study.recipe.name,
            "level_of_theory": study.recipe.level_of_theory,
            "steps": study.stage.steps,
            "rows": [
                {"left_out": name, "errors": result.errors, "stopped": result.stopped}
                for name, result in zip([None, *(switch.name for switch in switches)], results, strict=True)
            ],
        }
        write_results(given.json, content, given.markdown, as_table(study, switches, results, command_of(arguments)))

    return finish(run)


if __name__ == "__main__":
    sys.exit(main())

"""How additive the difference of two levels of theory is in what a baseline counts, by cross-validation.

The remainder is what the networks of a model have to learn from labels of the higher level.

Run: python -m training.studies.additivity
"""

from __future__ import annotations

import argparse
import typing
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from training.objectives.baselines import RIDGE_OF_CHANGE
from training.recipes.recipe import PRESETS, DataSection, load_recipe
from virialff.labels.schema import Label
from virialff.labels.splits import split_of
from virialff.labels.store import LabelStore
from virialff.networks.baseline import BaselineDetail, baseline_features, fit_baseline
from virialff.networks.graph import array_tensors

FOLDS = 10


def differences(data: DataSection, level: str, minus: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (n_molecules, N_FEATURES) and E(level) - E(minus) in kcal/mol, (n_molecules,), float64.

    Of each molecule that `data` does not keep for testing the mean over the geometries that have both energies.
    """
    energies: dict[tuple[str, bytes], dict[str, float]] = defaultdict(dict)
    graphs: dict[str, Label] = {}
    for label in LabelStore(data.labels).labels():
        if label.kind == "complex" or label.failure is not None or label.energy is None or label.positions is None:
            continue
        (key,) = label.inchikeys
        if split_of(key, seed=data.split_seed, fractions=data.fractions) != "test":
            energies[key, label.positions.round(3).tobytes()][label.level_of_theory] = label.energy
            graphs.setdefault(key, label)
    found: dict[str, list[float]] = defaultdict(list)
    for (key, _), both in energies.items():
        if level in both and minus in both:
            found[key].append(both[level] - both[minus])
    rows = [graphs[key] for key in found]
    features = torch.cat([baseline_features(array_tensors(row.numbers, row.bonds, row.orders)) for row in rows])
    return features, torch.tensor([float(np.mean(values)) for values in found.values()], dtype=torch.float64)


def left_out_errors(features: torch.Tensor, energies: torch.Tensor, detail: BaselineDetail) -> torch.Tensor:
    """Errors (n_molecules,) in kcal/mol of each molecule by the fit to the other folds."""
    folds = torch.from_numpy(np.random.default_rng(0).permutation(len(energies)) % FOLDS)
    errors = torch.empty_like(energies)
    for fold in range(FOLDS):
        here = folds == fold
        fit = fit_baseline(features[~here], energies[~here], detail=detail, ridge=RIDGE_OF_CHANGE)
        errors[here] = features[here] @ fit.weights - energies[here]
    return errors


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=PRESETS / "virialff.yaml")
    recipe = load_recipe(parser.parse_args(arguments).recipe)
    if recipe.companion is None:
        parser.error(f"the recipe {recipe.name} has no companion, so there is no second level to compare with")
    level, minus = recipe.level_of_theory, recipe.companion.level_of_theory
    features, energies = differences(recipe.data, level, minus)
    print(f"{level} minus {minus}, {len(energies)} molecules, {FOLDS}-fold cross-validation (kcal/mol)")
    for detail in typing.get_args(BaselineDetail):
        errors = left_out_errors(features, energies, detail)
        print(f"{detail:>12}: MAE {errors.abs().mean():.2f}, RMSE {errors.square().mean().sqrt():.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

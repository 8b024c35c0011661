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

from virialff.datasets.splits import split_of
from virialff.engines.dft import LEVEL_OF_THEORY
from virialff.graph import array_tensors
from virialff.labels.schema import Label
from virialff.labels.store import LabelStore
from virialff.networks.baseline import BaselineDetail, baseline_features, fit_baseline
from virialff.paths import ASSETS

GFN2 = "GFN2-xTB"
FOLDS = 10
#: As in the recipes at the DFT level: what they test on has no part in this.
SPLIT_SEED, FRACTIONS = 2026, (0.88, 0.04, 0.08)


def differences(store: Path, *, level: str, minus: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (n_molecules, N_FEATURES) and E(level) - E(minus) in kcal/mol, (n_molecules,), float64.

    Of each molecule in training or validation the mean over the geometries that have both energies.
    """
    energies: dict[tuple[str, bytes], dict[str, float]] = defaultdict(dict)
    graphs: dict[str, Label] = {}
    for label in LabelStore(store).labels():
        if label.kind == "complex" or label.failure is not None or label.energy is None or label.positions is None:
            continue
        (key,) = label.inchikeys
        if split_of(key, seed=SPLIT_SEED, fractions=FRACTIONS) != "test":
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
        fit = fit_baseline(features[~here], energies[~here], detail=detail, ridge=0.3)
        errors[here] = features[here] @ fit.weights - energies[here]
    return errors


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, default=ASSETS / "data" / "dft.parquet")
    options = parser.parse_args(arguments)
    features, energies = differences(options.labels, level=LEVEL_OF_THEORY, minus=GFN2)
    print(f"{LEVEL_OF_THEORY} minus {GFN2}, {len(energies)} molecules, {FOLDS}-fold cross-validation (kcal/mol)")
    for detail in typing.get_args(BaselineDetail):
        errors = left_out_errors(features, energies, detail)
        print(f"{detail:>12}: MAE {errors.abs().mean():.2f}, RMSE {errors.square().mean().sqrt():.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

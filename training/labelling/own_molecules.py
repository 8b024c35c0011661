"""A label campaign of molecules that a user gives: the file of its molecules and its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from virialff.engines.dft import LEVEL_OF_THEORY
from virialff.errors import ConfigError
from virialff.files import replace_file

#: Levels of theory that can be asked for.
LEVELS = ("GFN2-xTB", LEVEL_OF_THEORY)
#: Formats of the file of molecules, by suffix, as `pools.read_pool_file` reads them.
SUFFIXES = ("smi", "smiles", "csv", "sdf", "mol", "xyz", "pdb")
#: Largest file, molecules of a campaign (of DFT as `dft_draws.CANDIDATES`), heavy atoms of a molecule, conformers.
MOST_BYTES, MOST_MOLECULES, MOST_HEAVY, MOST_CONFORMERS = (
    5 * 2**20,
    {"GFN2-xTB": 10_000, LEVEL_OF_THEORY: 1_500},
    60,
    20,
)
_SEED = 2026


def write_campaign(folder: Path, store: Path, molecules: bytes, suffix: str, *, level: str, conformers: int) -> Path:
    """Write `molecules` and a campaign of them into `folder`; the path of the campaign, which computes into `store`.

    suffix: of the file of molecules, one of SUFFIXES. conformers: most of each molecule. Raises ConfigError for what
    cannot be.
    """
    suffix = suffix.lower().lstrip(".")
    if suffix not in SUFFIXES:
        raise ConfigError(f"Molecules are read from {', '.join(SUFFIXES)}, not from {suffix!r}.").of("molecules")
    if not molecules.strip():
        raise ConfigError("There are no molecules yet: give a SMILES a line, or a file.").of("molecules")
    if len(molecules) > MOST_BYTES:
        raise ConfigError(f"The molecules take more than {MOST_BYTES // 2**20} MiB: give fewer.").of("molecules")
    if level not in LEVELS:
        raise ConfigError(f"{level!r}: the level of theory is one of {', '.join(LEVELS)}.").of("level")
    if not 1 <= conformers <= MOST_CONFORMERS:
        raise ConfigError(f"{conformers} conformers: 1 to {MOST_CONFORMERS} of each molecule.").of("conformers")
    pool = folder / f"molecules.{suffix}"
    content: dict[str, Any] = {
        "folder": str(store),
        "seed": _SEED,
        "tasks_per_chunk": 4,
        "molecules": {"max_heavy": MOST_HEAVY},
    }
    if level == LEVEL_OF_THEORY:
        window = {"min_heavy": 1, "max_heavy": MOST_HEAVY, "count": MOST_MOLECULES[level]}
        content["dft_rounds"] = [{"pools": [str(pool)], "sizes": [window], "several_conformers": 1.0}]
        content["dft"] = {"n_conformers": conformers}
    else:
        content["rounds"] = [{"pools": {str(pool): MOST_MOLECULES[level]}, "relaxed_fraction": 1.0}]
        content["rounds"][0]["relaxed_fraction_large"] = 1.0
        content["molecules"] |= {"n_conformers": conformers, "n_geometries": 2 + conformers}
    about = f"# Molecules of one's own at {level}, up to {conformers} conformers of each.\n"
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(pool, molecules)
    file = folder / "campaign.yaml"
    replace_file(file, (about + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)).encode())
    return file

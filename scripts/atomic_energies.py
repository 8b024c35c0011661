"""Write assets/data/atomic_energies.json: energies of the isolated atoms at wB97X-D/def2-SVP, minutes of computing.

Model cards take them from there, so that making a model does not compute them again.
"""

import json
import sys

import numpy as np

from training.models.card import ATOMIC_ENERGIES
from virialff.elements import ATOMIC_NUMBERS, ELEMENTS
from virialff.engines import get_engine


def main() -> int:
    """Compute one atom after the other and write the file when all are there."""
    engine = get_engine("pyscf")
    energies = {}
    for symbol, number in zip(ELEMENTS, ATOMIC_NUMBERS, strict=True):
        energies[symbol] = round(float(engine.atomic_energies(np.array([number]))[0]), 6)
        print(symbol, energies[symbol], "kcal/mol", flush=True)
    content = {"level_of_theory": engine.level, "program": engine.name, "energies_kcal_mol": energies}
    ATOMIC_ENERGIES.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {ATOMIC_ENERGIES}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

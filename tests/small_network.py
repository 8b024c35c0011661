"""A network with every switch on, small enough for tests, and a card that says next to nothing."""

from typing import Any

from virialff.elements import ELEMENTS
from virialff.networks.config import NetworkConfig

SMALL_NETWORK = NetworkConfig(
    hidden_size=24,
    charge_width=20,
    pair_width=22,
    distance_threshold=None,
    pair_relations=True,
    ring_sizes=True,
    ring_membership=True,
    far_pairs_as_contacts=True,
    path_atoms=True,
    symmetric_pairs=True,
    neutral_fragments=True,
    bond_type_baseline=True,
    output_scales=True,
    gaussian_widths=(0.3, 1.5),
)

#: Every key of a card but `sha256`, which saving adds.
SMALL_CARD: dict[str, Any] = {
    "name": "the name",
    "level_of_theory": "the level_of_theory",
    "elements": list(ELEMENTS),
    "atomic_energies_kcal_mol": dict.fromkeys(ELEMENTS, -1.0),
    "data": {},
    "split": {},
    "recipe": {},
    "metrics": {},
    "limitations": [],
    "versions": {},
}

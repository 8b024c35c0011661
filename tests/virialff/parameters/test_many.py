"""Force fields of many SMILES in processes: the same as one by one, in order, with the reasons of those without."""

import numpy as np

from virialff.errors import MoleculeError, NetChargeError, UnreadableRecordError
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule
from virialff.parameters.many import BATCH, force_fields_of


def test_results_are_those_of_one_by_one_in_order_with_the_reasons_of_those_without():
    model = load_model()
    smiles = ["CCO", "C[NH3+]", "c1ccccc1C(=O)N.O", "not a molecule", *["C" * n for n in range(1, BATCH)]]
    found = list(force_fields_of(iter(smiles), processes=2))
    assert len(found) == len(smiles)
    assert isinstance(found[1], NetChargeError)
    assert found[1].atom == 1
    assert isinstance(found[3], UnreadableRecordError)
    positions = np.random.default_rng(1).normal(size=(2, 40, 3)) * 3
    for text, result in zip(smiles, found, strict=True):
        if isinstance(result, MoleculeError):
            continue
        alone = model.force_field(Molecule.from_smiles(text))
        assert result.molecule.smiles == alone.molecule.smiles
        np.testing.assert_allclose(result.charges, alone.charges, rtol=0, atol=1e-12)
        where = positions[:, : alone.molecule.n_atoms]
        if where.shape[1] == alone.molecule.n_atoms:
            np.testing.assert_allclose(result.pair_energy(where), alone.pair_energy(where), rtol=1e-9)


def test_what_is_not_asked_for_is_not_read():
    taken = []

    def endless():
        while True:
            taken.append("C")
            yield "C"

    results = force_fields_of(endless(), processes=1)
    next(results)
    results.close()
    assert len(taken) < 10 * BATCH

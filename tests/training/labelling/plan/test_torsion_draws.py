from pathlib import Path
from typing import Any

from rdkit import Chem

from tests.training.labelling.small_campaign import torsion_campaign, write_pool
from training.labelling.plan.plan import make_plan
from training.labelling.plan.torsion_draws import DftTorsionTask, bond_kind, cut, rotatable_bonds
from training.labelling.tasks.kinds import from_json, to_json


def test_a_fragment_keeps_the_kind_of_its_bond() -> None:
    mol = Chem.MolFromSmiles("CCCCc1ccc(NC(=O)C2CC2CCC)cc1")
    for j, k in rotatable_bonds(mol):
        fragment = cut(mol, j, k, "test")
        assert fragment is not None
        small = Chem.MolFromSmiles(fragment.smiles)
        assert bond_kind(small, *fragment.bond) == bond_kind(mol, j, k)
        assert small.GetNumHeavyAtoms() == fragment.n_heavy < mol.GetNumHeavyAtoms()


def test_bonds_without_a_shape_are_not_turned() -> None:
    assert rotatable_bonds(Chem.MolFromSmiles("CC#N")) == []
    assert rotatable_bonds(Chem.MolFromSmiles("C1CC1")) == []
    assert len(rotatable_bonds(Chem.MolFromSmiles("C=CC=C"))) == 2
    assert len(rotatable_bonds(Chem.MolFromSmiles("CCC"))) == 1


def test_the_plan_has_the_list_and_then_kinds_of_the_pools(tmp_path: Path) -> None:
    pool = write_pool(tmp_path / "torsion_pool.smi", ("CCCCNC(C)=O", "CCCCCOC", "CCCCNC(=O)CC", "NC(=O)CC(C)C"))
    config = torsion_campaign(tmp_path, ("CC", "CO"), pools=[str(pool)], per_kind=1)
    plan = make_plan(config, lambda line: None)
    tasks: list[Any] = list(plan.tasks)
    assert [entry.smiles for entry in tasks[:2]] == ["CC", "CO"]
    kinds = [bond_kind(Chem.MolFromSmiles(entry.smiles), *entry.bond) for entry in tasks]
    assert len(set(kinds)) == len(kinds) > 8
    assert all(from_json(to_json(entry)) == entry for entry in tasks)
    assert [entry.key for entry in make_plan(config, lambda line: None).tasks] == [entry.key for entry in tasks]


def test_dft_takes_the_smallest_and_no_double_bonds(tmp_path: Path) -> None:
    config = torsion_campaign(tmp_path, ("CCCC", "C=CC", "CO"), dft_count=3)
    tasks: list[Any] = list(make_plan(config, lambda line: None).tasks)
    assert all(isinstance(entry, DftTorsionTask) for entry in tasks)
    assert [entry.smiles for entry in tasks] == ["CO", "C=CC", "CCCC"]

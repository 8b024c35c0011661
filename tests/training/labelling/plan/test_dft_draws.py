import pytest
from rdkit import Chem

from tests.training.labelling.small_campaign import campaign, write_pool
from training.labelling.plan.dft_draws import draw_dft_rounds
from virialff.errors import ConfigError
from virialff.labels.splits import split_of

ALCOHOLS = [f"{'C' * n}O" for n in range(1, 9)]
BROMIDES = [f"{'C' * n}Br" for n in range(1, 9)]


def config_of(tmp_path, *rounds):
    pool = write_pool(tmp_path / "more.smi", ALCOHOLS + BROMIDES)
    return campaign(tmp_path, dft_rounds=[{"pools": [str(pool)], **entry} for entry in rounds])


def draw(config):
    return list(draw_dft_rounds(config, [], lambda line: None))


def n_heavy(task):
    return Chem.MolFromSmiles(task.smiles).GetNumHeavyAtoms()


def test_windows_of_size_and_rare_elements(tmp_path):
    windows = [{"min_heavy": 2, "max_heavy": 4, "count": 4}, {"min_heavy": 6, "max_heavy": 7, "count": 3}]
    (drawn,) = draw(config_of(tmp_path, {"sizes": windows, "several_conformers": 0.5}))
    sizes = sorted(n_heavy(task) for task in drawn.molecules)
    assert len([size for size in sizes if 2 <= size <= 4]) == 4
    assert len([size for size in sizes if 6 <= size <= 7]) == 3
    assert {task.n_conformers for task in drawn.molecules} <= {1, 3}


def test_a_later_round_adds_and_changes_nothing(tmp_path):
    first = {"sizes": [{"min_heavy": 2, "max_heavy": 5, "count": 3}]}
    second = {"sizes": [{"min_heavy": 2, "max_heavy": 5, "count": 2}], "complexes": {"contact": 2}}
    one = draw(config_of(tmp_path, first))
    two = draw(config_of(tmp_path, first, second))
    assert two[0] == one[0]
    assert len(two[1].complexes) == 2
    assert all(task.key.startswith("dft_complex/") for task in two[1].complexes)
    assert not {task.key for task in two[0].molecules} & {task.key for task in two[1].molecules}


@pytest.mark.parametrize("part", ["test", "train"])
def test_molecules_of_one_part_alone(tmp_path, part):
    config = config_of(tmp_path, {"sizes": [{"min_heavy": 1, "max_heavy": 9, "count": 9}], "part": part})
    (drawn,) = draw(config)
    fractions = config.dft.fractions
    assert {split_of(task.inchikey, seed=2026, fractions=fractions) for task in drawn.molecules} == {part}


def test_nothing_of_the_size_is_told(tmp_path):
    with pytest.raises(ConfigError, match="hold no molecule of these sizes"):
        draw(config_of(tmp_path, {"sizes": [{"min_heavy": 20, "max_heavy": 25, "count": 3}]}))

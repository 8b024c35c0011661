from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.training.labelling.small_campaign import campaign, write_pool
from training.labelling.config import CampaignConfig, load_campaign
from training.labelling.plan.draws import ComplexTask, MoleculeTask
from training.labelling.plan.plan import PLAN_FILE, Plan, make_plan, stored_plan
from training.labelling.tasks.kinds import failed
from training.recipes.recipe import PRESETS
from virialff.errors import ConfigError, VirialffError
from virialff.labels.evaluation_sets import EvaluationSets, evaluation_reason
from virialff.labels.store import LabelStore

SMILES = ("CCO", "CC(N)=O", "CS", "CO", "CCl", "C=O", "CC#N", "CN", "CF")


def quietly(config: CampaignConfig) -> Plan:
    return make_plan(config, lambda line: None)


def with_rounds(config: CampaignConfig, *rounds: dict[str, Any]) -> CampaignConfig:
    return CampaignConfig.model_validate(config.model_dump() | {"rounds": rounds})


def test_a_plan_holds_every_task_once_in_chunks_of_one_kind(tmp_path: Path) -> None:
    plan = quietly(campaign(tmp_path, SMILES, pairs={"contact": 3, "hydrogen_bond": 2}))
    keys = [task.key for task in plan.tasks]
    assert len(keys) == len(set(keys)) == len(SMILES) + 5
    for chunk in plan.chunks:
        assert 1 <= len(chunk.tasks) <= 2
        assert {task.key.partition("/")[0] for task in chunk.tasks} == {chunk.name.rpartition("_")[0]}
    assert sum(isinstance(task, MoleculeTask) for task in plan.tasks) == len(SMILES)
    # The kinds take turns, so that a part of the campaign is a fair sample of it.
    kinds = [chunk.name.partition("_")[0] for chunk in plan.chunks]
    assert kinds[:2] == ["complex", "molecule"]


def test_the_same_configuration_gives_the_same_plan(tmp_path: Path) -> None:
    config = campaign(tmp_path, SMILES, pairs={"contact": 3})
    first = stored_plan(config, lambda line: None)
    assert quietly(config).chunks == first.chunks
    assert stored_plan(config) == first
    other = quietly(config.model_copy(update={"seed": 8}))
    assert [task.key for task in other.tasks] != [task.key for task in first.tasks]


def test_tasks_of_stores_beside_are_left_out(tmp_path: Path) -> None:
    config = campaign(tmp_path, SMILES, pairs={"contact": 3})
    whole = quietly(config)
    held = [task for task in whole.tasks if isinstance(task, MoleculeTask)][:2]
    with LabelStore(tmp_path / "beside").writer("held") as writer:
        for task in held:
            writer.append([failed(task, config, "for the test")])
    rest = quietly(config.model_copy(update={"beside": (tmp_path / "beside",)}))
    assert {task.key for task in rest.tasks} == {task.key for task in whole.tasks} - {task.key for task in held}
    assert set(rest.tasks) < set(whole.tasks)


def test_a_further_round_leaves_the_first_as_it_is(tmp_path: Path) -> None:
    config = campaign(tmp_path, SMILES, pairs={"contact": 3})
    old = stored_plan(config, lambda line: None)
    more = write_pool(tmp_path / "more.smi", ("CCO", "CCN", "CCC"))
    first = config.rounds[0].model_dump()
    larger = with_rounds(config, first, {"pools": {str(more): 9}, "complexes": {"contact": 2}})
    new = stored_plan(larger, lambda line: None)
    assert new.chunks[: len(old.chunks)] == old.chunks
    added = [task for chunk in new.chunks[len(old.chunks) :] for task in chunk.tasks]
    assert sorted(task.smiles for task in added if isinstance(task, MoleculeTask)) == ["CCC", "CCN"]
    assert sum(isinstance(task, ComplexTask) for task in added) == 2
    keys = [task.key for task in new.tasks]
    assert len(keys) == len(set(keys))
    assert stored_plan(larger) == new
    with pytest.raises(ConfigError, match="holds labels of another configuration"):
        stored_plan(config, lambda line: None)


@pytest.mark.parametrize("change", [{"seed": 8}, {"molecules": {"n_geometries": 5}}])
def test_the_folder_of_another_configuration_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    config = campaign(tmp_path)
    stored_plan(config, lambda line: None)
    other = CampaignConfig.model_validate(config.model_dump() | change)
    with pytest.raises(ConfigError, match="holds labels of another configuration: give this one its own folder"):
        stored_plan(other)


def test_where_it_runs_does_not_change_the_campaign(tmp_path: Path) -> None:
    config = campaign(tmp_path)
    plan = stored_plan(config, lambda line: None)
    elsewhere = config.model_copy(update={"cluster": "slurm", "workers": 100, "seconds_per_task": 5.0})
    assert stored_plan(elsewhere) == plan


def test_a_damaged_plan_is_named(tmp_path: Path) -> None:
    config = campaign(tmp_path)
    stored_plan(config, lambda line: None)
    path = config.folder / PLAN_FILE
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(VirialffError, match=f"The plan {path} is damaged"):
        stored_plan(config)


def test_evaluation_pairs_and_molecules_are_refused(tmp_path: Path) -> None:
    listed = next(iter(EvaluationSets.load().molecules.values()))
    plan = quietly(campaign(tmp_path, ("O", "CO", listed), pairs={"contact": 3}))
    pairs = [task for task in plan.tasks if isinstance(task, ComplexTask)]
    assert [task.smiles for task in pairs if evaluation_reason(task.inchikeys)] == []
    assert any(name == "O.O" and "S66" in reason for name, reason in plan.refused)
    assert any("conformer evaluation set" in reason for _, reason in plan.refused)
    assert sorted(task.smiles for task in plan.tasks if isinstance(task, MoleculeTask)) == ["CO", "O"]


def test_what_the_domain_does_not_cover_is_refused_with_its_reason(tmp_path: Path) -> None:
    plan = quietly(campaign(tmp_path, ("CO", "C[Si](C)(C)C", "CC(=O)[O-]", "OC")))
    assert [task.key for task in plan.tasks] == ["molecule/OKKJLVBELUTLKV-UHFFFAOYSA-N"]
    reasons = " ".join(reason for _, reason in plan.refused)
    assert "Si" in reasons
    assert "net charge" in reasons
    assert "the same molecule" in reasons


def test_bad_pools_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"round 1 .* hold no molecule that can be labelled"):
        quietly(campaign(tmp_path, ("[Na+].[Cl-]",)))
    with pytest.raises(ConfigError, match="no pool 'nowhere'"):
        quietly(with_rounds(campaign(tmp_path), {"pools": {"nowhere": 1}}))
    with pytest.raises(ConfigError, match="nothing to compute"):
        quietly(with_rounds(campaign(tmp_path)))
    large = campaign(tmp_path, ("CCCCCCCCCCCC",), pairs={"contact": 1})
    with pytest.raises(ConfigError, match="none of its molecules has 10 heavy atoms or fewer"):
        quietly(large)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    config = campaign(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(VirialffError, match="cannot be written"):
        stored_plan(config.model_copy(update={"folder": tmp_path / "file" / "labels"}))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 2026", "seed: [", "is not valid YAML"),
        ("seed: 2026", "seed: 2026\ntpyo: 1", r"line 5: tpyo: unknown key"),
        ("seed: 2026", "seed: 2026\nseed: 2027", r"line 5: seed is given twice: keep one of them"),
        (
            "n_conformers: 4",
            "n_conformers: none",
            r"line \d+: molecules\.n_conformers: Input should be a valid integer",
        ),
        (
            "      hydrogen_bond: 1900",
            "      hydrogen_bonds: 1900",
            r"rounds\.1\.complexes\.hydrogen_bonds: unknown key",
        ),
        ("seed: 2026", "seed: 2026\ncluster: moon", r"line 5: cluster: Input should be 'local' or 'slurm'"),
    ],
)
def test_a_wrong_configuration_is_a_sentence_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (PRESETS / "labels_gfn2.yaml").read_text()
    assert old in text
    file = tmp_path / "campaign.yaml"
    file.write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=message) as caught:
        load_campaign(file)
    assert "\n" not in str(caught.value)


def test_the_line_is_that_of_the_key_in_its_round(tmp_path: Path) -> None:
    text = (PRESETS / "labels_gfn2.yaml").read_text().replace("stack: 500", "stacks: 500")
    file = tmp_path / "campaign.yaml"
    file.write_text(text)
    number = next(n for n, line in enumerate(text.splitlines(), start=1) if "stacks" in line)
    with pytest.raises(ConfigError, match=f"line {number}:"):
        load_campaign(file)


def test_the_shipped_preset_asks_for_enough() -> None:
    rounds = load_campaign(PRESETS / "labels_gfn2.yaml").rounds
    counts = [entry.complexes for entry in rounds]
    assert sum(c.contact + c.hydrogen_bond + c.stack + c.relaxed for c in counts) >= 10_500
    # Of nci there are 4,237, of monomers 166; one in nine of qm9 has no geometry.
    assert sum(sum(entry.pools.values()) for entry in rounds) - (8600 - 4237) - (200 - 166) >= 11_000
    assert yaml.safe_load((PRESETS / "labels_gfn2.yaml").read_text())["molecules"]["max_heavy"] == 30


def test_folders_of_earlier_versions_belong_to_their_campaigns() -> None:
    # As their plans hold it from before there were torsions, contacts, flexible molecules and rows of QMugs.
    digests = {name: load_campaign(PRESETS / f"labels_{name}.yaml").settings_sha256() for name in ("gfn2", "dft")}
    assert digests == {
        "gfn2": "b9ed3370593b026a592e25c8bb0c5e38228e0d368997a1435c016600f95ee9bb",
        "dft": "4df4748419b7a50efc62b5ae2330a888149a7e04d9adb056fb34b37bf6371080",
    }

"""A card may say anything: it is refused with its file and the key, or whatever uses it can."""

import copy
import json
import random

import pytest

from tests.small_network import SMALL_CARD, SMALL_NETWORK
from virialff.benchmarks.named import named_table
from virialff.cli import main
from virialff.errors import CheckpointError
from virialff.figures.errors import calibration_figure
from virialff.models.card import compare_cards, error_records, error_table, side_by_side_table
from virialff.models.card_form import division_of, fault_of_card
from virialff.models.checkpoint import load_checkpoint, save_checkpoint, update_card, update_metrics
from virialff.models.trust import trust
from virialff.networks.baseline import N_FEATURES, Baseline
from virialff.networks.force_field import ForceFieldNetwork
from virialff.settings import ASSETS, MODELS_VARIABLE

torch = pytest.importorskip("torch")
CARD = json.loads((ASSETS / "models" / "default" / "card.json").read_text("utf-8"))
_ODD = [None, True, -1, 2**63, 10**30, 1e308, "", "x", "a" * 500, [], [1], [None], [["H"]], {}, {"a": [1]}, {"mae": 1}]


def saved(folder, **changes):
    baseline = Baseline(torch.zeros(N_FEATURES).double(), torch.ones(N_FEATURES, dtype=torch.bool))
    save_checkpoint(folder, ForceFieldNetwork(SMALL_NETWORK), baseline, SMALL_CARD | changes)
    return folder


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"elements": [["H"]]}, "does not list its elements as symbols"),
        ({"elements": {"H": 1}}, "does not list its elements"),
        ({"elements": ["H", "Xx"]}, "names 'Xx'"),
        ({"atomic_energies_kcal_mol": {"H": True}}, "no finite atomic energy of H"),
        ({"atomic_energies_kcal_mol": [1.0]}, "no table of atomic energies"),
        ({"name": "a\nb"}, "no text under name"),
        ({"limitations": "none"}, "does not list its limitations"),
        ({"limitations": [{"a": 1}]}, "does not list its limitations"),
        ({"metrics": []}, "no table under metrics"),
        ({"metrics": {"held_out": {"mae": "1", "rmse": 2.0, "n_values": 3}}}, r"mae in metrics\.held_out"),
        ({"metrics": {"a": [{"n_values": "many", "mae": 1.0}]}}, r"n_values in metrics\.a\.1"),
        ({"metrics": {"a": {"bins": {"rmse": [1.0]}}}}, r"a calibration in metrics\.a"),
        ({"metrics": {"side by side": {"errors": [{"set": 1}]}}}, "a table errors in metrics"),
        ({"metrics": {"side by side": {"notes": 3}}}, "has notes in metrics"),
        ({"split": {"seed": "one"}}, "seed of its split"),
        ({"split": {"fractions": [0.8, 0.1]}}, "shares of its split"),
        ({"data": {"molecules": {"train": {"records": "many"}}}}, "counts of molecules"),
        ({"recipe": 3}, "has no recipe"),
        ({"environments": {"C": "many"}}, "counts of environments"),
        ({"parts": {"rings": {"x": "a"}}}, "counts of parts"),
        ({"intervals": 3}, "no table under intervals"),
    ],
)
def test_a_key_that_holds_something_else_is_named(changes, reason):
    assert fault_of_card(SMALL_CARD | {"sha256": "0" * 64}) is None
    assert reason.replace("\\", "") in (fault_of_card(SMALL_CARD | {"sha256": "0" * 64} | changes) or "")


def _places(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value[:4]) if isinstance(value, list) else ()
    for key, part in inner:
        yield from _places(part, (*path, key))


def test_what_uses_cards_can_use_each_that_is_not_refused():
    generator = random.Random(3)
    card = CARD | {key: dict(list(CARD[key].items())[:5]) for key in ("environments",)}
    card |= {"bond_environments": CARD["bond_environments"][:5], "parts": {}, "members": []}
    places = [path for path in _places(card) if path]
    refused = 0
    for _ in range(300):
        changed = copy.deepcopy(card)
        path = generator.choice(places)
        place = changed
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = copy.deepcopy(generator.choice(_ODD))
        if fault_of_card(changed) is not None:
            refused += 1
            continue
        metrics = changed["metrics"]
        error_table(metrics), error_records(metrics), compare_cards({"a": changed}), trust(changed)
        division_of(changed)
        beside = metrics.get("side by side", {})
        if isinstance(beside, dict):
            side_by_side_table(beside.get("errors", []))
            named_table(beside.get("named molecules", []))
        if metrics.get("calibration"):
            calibration_figure(metrics["calibration"])
    assert 50 < refused < 290


def test_a_damaged_model_is_listed_with_its_reason_beside_the_others(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
    saved(tmp_path / "sound")
    card = saved(tmp_path / "broken") / "card.json"
    card.write_text(card.read_text().replace("-1.0", "-1.5", 1))
    assert main(["models", "list", "--json"]) == 1
    listed = {model["name"]: model for model in json.loads(capsys.readouterr().out)["models"]}
    assert "error" not in listed["sound"]
    assert "is not that of its checksum" in listed["broken"]["error"]
    assert main(["models", "default", "broken"]) == 4
    assert main(["models", "default", "sound"]) == 0


def test_changes_of_a_card_keep_its_checksum_and_what_else_it_says(tmp_path):
    folder = saved(tmp_path / "model")
    update_metrics(folder, "a", {"mae": 1.0, "rmse": 2.0})
    update_metrics(folder, "a", {"n_values": 3})
    update_card(folder, {"date": "today"})
    card = load_checkpoint(folder).card
    assert card["metrics"] == {"a": {"mae": 1.0, "rmse": 2.0, "n_values": 3}}
    assert card["date"] == "today"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_not_saved(tmp_path, value):
    network = ForceFieldNetwork(SMALL_NETWORK)
    baseline = Baseline(torch.zeros(N_FEATURES).double(), torch.ones(N_FEATURES, dtype=torch.bool))
    with torch.no_grad():
        next(network.charges.parameters()).view(-1)[2] = value
    with pytest.raises(CheckpointError, match="not finite numbers; such a model is not saved"):
        save_checkpoint(tmp_path / "a", network, baseline, SMALL_CARD)
    baseline.weights[3] = value
    with pytest.raises(CheckpointError, match=r"baseline\.weights has values that are not finite"):
        save_checkpoint(tmp_path / "b", ForceFieldNetwork(SMALL_NETWORK), baseline, SMALL_CARD)


def test_statistics_of_too_few_values_are_empty_in_old_cards_and_new_ones(tmp_path):
    bins = {key: [1.0, float("nan")] for key in ("n_values", "spread", "rmse", "rmse_low", "rmse_high")}
    total = {"quantity": "total energy", "unit": "kcal/mol", "n_values": 2, "bins": bins}
    metrics = {"calibration": {"total energy": total | {"scale": None, "rank_correlation": float("nan")}}}
    folder = saved(tmp_path / "new", metrics=metrics)
    assert "NaN" not in (folder / "card.json").read_text()
    old = json.loads((folder / "card.json").read_text()) | {"metrics": metrics}
    del old["crc32"]
    for text in (None, json.dumps(old)):
        if text is not None:
            (folder / "card.json").write_text(text)
        found = load_checkpoint(folder).card["metrics"]["calibration"]
        assert found["total energy"]["bins"]["rmse"] == [1.0, None]
        assert len(calibration_figure(found).data) == 2

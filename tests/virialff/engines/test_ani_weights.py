"""Finding ANI weights: the order of places, and the wheel of the package index."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from virialff.engines import ani_weights
from virialff.engines.ani_weights import AniWeights, ani1x_from_wheel, fetch, find_local, weights_in
from virialff.errors import EngineError
from virialff.settings import ANI_WEIGHTS_VARIABLE


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without any weights, in whose process nothing has failed yet."""
    monkeypatch.delenv(ANI_WEIGHTS_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCHANI_DATA_DIR", str(tmp_path / "torchani"))
    monkeypatch.setattr(ani_weights, "_fetch_failure", None)
    return tmp_path


def test_the_wheel_is_fetched_checked_and_kept(empty_home: Path) -> None:
    weights = ani1x_from_wheel()
    assert weights.name == "ANI-1x"
    assert weights.path == empty_home / "cache" / "virialff" / "ani-1x_8x"
    assert weights.is_neurochem
    assert sorted(path.name for path in (empty_home / "cache" / "virialff").iterdir()) == ["ani-1x_8x"]
    before = weights.path.stat().st_mtime_ns
    assert ani1x_from_wheel() == weights
    assert weights.path.stat().st_mtime_ns == before


def test_a_wheel_of_other_contents_is_refused(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ani_weights, "WHEEL_SHA256", "0" * 64)
    with pytest.raises(EngineError, match="not the published one"):
        ani1x_from_wheel()
    assert not any((empty_home / "cache" / "virialff").iterdir())


def test_without_reach_of_the_download_the_wheel_is_next(
    empty_home: Path, ani1x: AniWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ani_weights, "_PROBE", "import urllib.request as r; r.urlopen('http://127.0.0.1:9', timeout=5)")
    shutil.copytree(ani1x.path, empty_home / "cache" / "virialff" / "ani-1x_8x")
    assert find_local() is None
    assert fetch().name == "ANI-1x"


def test_a_process_that_hangs_is_ended(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ani_weights, "_PROBE", "import time; time.sleep(60)")
    monkeypatch.setattr(ani_weights, "_PROBE_SECONDS", 0.5)
    with pytest.raises(EngineError, match=r"reaching huggingface.co for ANI-2x took more than 0\.5 s"):
        ani_weights.download_ani2x()


def test_the_users_folder_comes_before_torchanis_cache(
    empty_home: Path, ani1x: AniWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = empty_home / "torchani" / "StateDicts" / "ani2x_state_dict.pt"
    cached.parent.mkdir(parents=True)
    cached.touch()
    assert find_local() == AniWeights("ANI-2x", cached, "the cache of TorchANI")
    monkeypatch.setenv(ANI_WEIGHTS_VARIABLE, str(ani1x.path))
    assert find_local() == AniWeights("ANI-1x", ani1x.path, f"the folder {ani1x.path}")


def test_a_folder_a_resources_folder_and_their_parent_are_found(tmp_path: Path, ani1x: AniWeights) -> None:
    resources = tmp_path / "resources"
    shutil.copytree(ani1x.path, resources / "ani-1x_8x")
    for folder in (tmp_path, resources, resources / "ani-1x_8x"):
        assert weights_in(folder).path == resources / "ani-1x_8x"


def test_the_better_potential_is_taken_from_a_folder_with_several(tmp_path: Path, ani1x: AniWeights) -> None:
    shutil.copytree(ani1x.path, tmp_path / "ani-1x_8x")
    (tmp_path / "ani2x_state_dict.pt").touch()
    assert weights_in(tmp_path).name == "ANI-2x"


def test_a_folder_without_weights_says_what_was_expected(tmp_path: Path, ani1x: AniWeights) -> None:
    with pytest.raises(EngineError, match="does not exist; correct VIRIALFF_ANI_WEIGHTS"):
        weights_in(tmp_path / "nowhere")
    shutil.copytree(ani1x.path, tmp_path / "ani-1x_8x")
    shutil.rmtree(tmp_path / "ani-1x_8x" / "train7")
    with pytest.raises(EngineError, match="holds no ANI weights: expected a NeuroChem folder"):
        weights_in(tmp_path)


def test_a_wrong_folder_of_the_user_is_not_passed_over(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ANI_WEIGHTS_VARIABLE, str(empty_home))
    with pytest.raises(EngineError, match="holds no ANI weights"):
        find_local()

"""The wheel works where there is no checkout: model, examples and app are in it, and no extra is needed."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

import virialff
from scripts.pythons import EXTRAS, needed, pythons_at_hand

ROOT = Path(__file__).resolve().parent.parent
#: What building reads.
SOURCES = (
    "app.py",
    "main.py",
    "pages",
    "training",
    "virialff",
    "assets",
    "static",
    ".streamlit",
    "setup.py",
    "pyproject.toml",
)
LARGEST = 15e6  # bytes

#: Numba is used wherever it is.
UNLOADED = set(EXTRAS) - {"numba"}

OFFLINE = """
import socket, sys

def refused(*arguments, **settings):
    raise OSError("there is no network in this test")

socket.socket.connect = socket.getaddrinfo = refused
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in (*SOURCES, "README.md", "LICENSE"):
        place = ROOT / name
        if place.is_dir():
            shutil.copytree(place, source / name, ignore=shutil.ignore_patterns("__pycache__", "gfn2*.parquet"))
        elif place.exists():
            shutil.copy(place, source)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", folder, source]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory) -> Path:
    """A folder with the wheel installed; its dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def environment(site: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VIRIALFF_")}
    return kept | {"PYTHONPATH": str(site), "XDG_DATA_HOME": str(site / "data"), "XDG_CACHE_HOME": str(site / "cache")}


def run_offline(code: str, site: Path) -> str:
    result = subprocess.run(
        [sys.executable, "-c", OFFLINE + code],
        capture_output=True,
        text=True,
        cwd=site,
        env=environment(site),
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_what_is_in_it(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    library = {str(file.relative_to(ROOT)) for file in (ROOT / "virialff").rglob("*.py")} | {"virialff/py.typed"}
    assert {name for name in names if not name.startswith("virialff/shipped/")} == library
    shipped = {name.removeprefix("virialff/shipped/") for name in names - library}
    assert all((ROOT / name).is_file() for name in shipped)
    assert shipped >= {
        "app.py",
        "main.py",
        "pages/force_field.py",
        "training/commands/train.py",
        ".streamlit/config.toml",
        "assets/models/default/model.safetensors",
        "assets/evaluation/evaluation_sets.json",
        "assets/examples/examples.json",
    }
    assert wheel.stat().st_size <= LARGEST


def test_parameters_without_network_and_extras(site):
    output = run_offline(
        f"""
from virialff.cli import main
import virialff, virialff.settings
assert virialff.__file__.startswith({str(site)!r}), virialff.__file__
assert main(["params", "CCO"]) == 0
assert main(["energy", "CCO", "--generate", "2"]) == 0
from virialff.io.examples import FOLDER
from virialff.labels.evaluation_sets import SHIPPED
assert FOLDER.is_dir() and SHIPPED.is_file()
loaded = sorted({UNLOADED!r} & {{name.partition(".")[0] for name in sys.modules}})
assert not loaded, loaded
""",
        site,
    )
    assert "C2H6O, 9 atoms, 36 pairs" in output


def test_a_fresh_environment_needs_nothing_that_is_not_asked_for(wheel, tmp_path):
    """An environment with the wheel, installed by pip, and the packages that it names: no others, and no network."""
    venv.create(tmp_path / "fresh")
    python = tmp_path / "fresh" / "bin" / "python"
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(tmp_path / "fresh")}))
    for name in needed(f"{sys.version_info.major}.{sys.version_info.minor}"):
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}:
            if not (packages / top).exists():
                (packages / top).symlink_to(Path(str(distribution.locate_file(top))))
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-index", "--no-deps", str(wheel)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    code = f"""
import importlib.util
assert [name for name in {EXTRAS!r} if importlib.util.find_spec(name)] == []
import virialff
assert virialff.__file__.startswith({str(tmp_path)!r}), virialff.__file__
from virialff.cli import main
assert main(["params", "CCO"]) == 0
assert main(["energy", "CCO", "--generate", "2", "--method", "model,gfn2"]) == 0
"""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VIRIALFF_", "PYTHON"))}
    kept |= {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    result = subprocess.run(
        [python, "-c", OFFLINE + code], capture_output=True, text=True, cwd=tmp_path, env=kept, timeout=600
    )
    assert result.returncode == 0, result.stderr
    assert "C2H6O, 9 atoms, 36 pairs" in result.stdout
    script = subprocess.run([python.parent / "virialff", "--version"], capture_output=True, text=True, env=kept)
    assert virialff.__version__ in script.stdout, script.stderr


@pytest.mark.parametrize("python", pythons_at_hand())
def test_every_python_at_hand_takes_and_compiles_the_wheel(wheel, tmp_path, python):
    """Without the packages below it; `python -m scripts.pythons` runs it with them (docs/logs/pythons.txt)."""
    interpreter = pythons_at_hand()[python]
    command = [sys.executable, "-m", "pip", "--python", str(interpreter), "install", "--no-index", "--no-deps"]
    command += ["--no-compile", "--target", str(tmp_path / "site"), str(wheel)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    command = [str(interpreter), "-W", "error", "-m", "compileall", "-q", str(tmp_path / "site")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_library_imports_none_of_the_extras():
    """Module by module, those aside that are for a package of the extras."""
    mine = (
        "virialff.engines.workers",
        "virialff.figures",
        "virialff.ase",
        "virialff.networks.dgl_graphs",
        "virialff.openmm_ml",
        "virialff.qcengine",
    )
    code = f"""
import importlib, pkgutil, sys
import virialff
for module in pkgutil.walk_packages(virialff.__path__, "virialff."):
    if not module.name.startswith({mine!r}):
        importlib.import_module(module.name)
loaded = sorted({UNLOADED!r} & {{name.partition(".")[0] for name in sys.modules}})
assert not loaded, loaded
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=600)
    assert result.returncode == 0, result.stderr


def test_the_app_starts(site):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "virialff.cli", "app", "--port", str(port)]
    app = subprocess.Popen(command, cwd=site, env=environment(site), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 300
        answer = ""
        while answer != "ok" and time.monotonic() < deadline and app.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as response:
                    answer = response.read().decode()
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        assert answer == "ok", app.communicate(timeout=5)[0] if app.poll() is not None else "no answer"
    finally:
        app.send_signal(signal.SIGTERM)
        app.communicate(timeout=60)


def test_the_first_page_of_the_app_shows(site):
    output = run_offline(
        """
import os
from virialff.cli import _offer_shipped
from virialff.settings import CHECKOUT
_offer_shipped()
os.chdir(CHECKOUT)
from streamlit.testing.v1 import AppTest
page = AppTest.from_file(str(CHECKOUT / "main.py"), default_timeout=300).run()
assert not page.exception, page.exception
import pages.components.shell.entry, training.jobs.control
from virialff.settings import runs_folder
print(pages.components.shell.entry.__file__, training.jobs.control.__file__, runs_folder())
""",
        site,
    )
    entry, control, runs = output.split()[-3:]
    assert entry.startswith(str(site / "virialff" / "shipped"))
    assert control.startswith(str(site / "virialff" / "shipped"))
    assert runs == str(site / "data" / "virialff" / "runs")

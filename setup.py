"""Puts into a wheel, beside the library, what its command `virialff app` and the models' names need.

It stands there under virialff/shipped as in a checkout: the app, `pages` and `training`, the default model and the one
that fine-tuning starts from, evaluation sets with their references, examples and studies. Everything else is declared
in pyproject.toml.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
SHIPPED = (
    "app.py",
    "main.py",
    "pages/**/*.py",
    "pages/**/*.html",
    "pages/**/*.js",
    "pages/**/*.css",
    "training/**/*.py",
    "training/**/*.yaml",
    "training/**/*.smi",
    ".streamlit/config.toml",
    "static/3Dmol*",
    "assets/icon.svg",
    "assets/models/default/*",
    "assets/models/foundation-gfn2/*",
    "assets/evaluation/*",
    "assets/examples/*",
    "assets/studies/*",
    "assets/data/atomic_energies.json",
    "assets/data/dft.parquet",
    "assets/data/references.parquet",
)


class BuildWithApp(build_py):
    """An editable install has the checkout itself and copies nothing."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for pattern in SHIPPED:
            for file in sorted(ROOT.glob(pattern)):
                target = Path(self.build_lib, "virialff", "shipped", file.relative_to(ROOT))
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)


setup(cmdclass={"build_py": BuildWithApp})

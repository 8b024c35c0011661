"""Start the app and print its address; Ctrl+C ends it.

It needs the packages of the extra `app` (pip install "virialff[app]"). Jobs that it starts lie in the folder that
`VIRIALFF_JOBS` names, and go on when it ends.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys

from virialff.commands.parser import positive_int
from virialff.errors import EngineError
from virialff.settings import CHECKOUT

SUMMARY = "start the app"

#: Packages without which no page opens.
NEEDED = ("streamlit", "plotly", "pydantic", "yaml", "py3Dmol", "streamlit_ketcher")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--address", default="127.0.0.1", help="where it listens (default %(default)s: this machine alone)"
    )
    parser.add_argument("--port", type=positive_int, default=8501, help="default %(default)s")


def run(arguments: argparse.Namespace) -> int:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise EngineError(f'the app needs {", ".join(missing)}, which is not here; pip install "virialff[app]"')
    # Streamlit reads its configuration, and recipes their paths, from the folder in which it starts.
    os.chdir(CHECKOUT)
    options = ["--server.address", arguments.address, "--server.port", str(arguments.port)]
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", "app.py", *options])

"""Start the app and print its address; Ctrl+C ends it.

It needs the packages of the extra `app` (pip install "virialff[app]"). On another address than 127.0.0.1 it starts only
with login, or with --no-login (docs/hosting.md). Jobs that it starts lie in the folder that
`VIRIALFF_JOBS` names, and go on when it ends.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys

from virialff.access import CLOSED, way_in
from virialff.commands.parser import positive_int
from virialff.errors import AccessError, EngineError
from virialff.settings import CHECKOUT, NO_LOGIN_VARIABLE

SUMMARY = "start the app"

#: Packages without which no page opens.
NEEDED = ("streamlit", "plotly", "pydantic", "yaml", "py3Dmol", "streamlit_ketcher")
#: Packages that Streamlit imports when somebody logs in.
FOR_LOGIN = ("authlib", "httpx")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--address", default="127.0.0.1", help="where it listens (default %(default)s: this machine alone)"
    )
    parser.add_argument(
        "--no-login", action="store_true", help="let others use it without login where it can be reached by them"
    )
    parser.add_argument("--port", type=positive_int, default=8501, help="default %(default)s")


def run(arguments: argparse.Namespace) -> int:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise EngineError(f'the app needs {", ".join(missing)}, which is not here; pip install "virialff[app]"')
    if arguments.no_login:
        os.environ[NO_LOGIN_VARIABLE] = "1"
    way = way_in(arguments.address)
    if way == "closed":
        raise AccessError(CLOSED)
    missing = [name for name in FOR_LOGIN if importlib.util.find_spec(name) is None] if way == "login" else []
    if missing:
        raise EngineError(f'login needs {", ".join(missing)}, which is not here; pip install "virialff[login]"')
    # Streamlit reads its configuration, and recipes their paths, from the folder in which it starts.
    os.chdir(CHECKOUT)
    options = ["--server.address", arguments.address, "--server.port", str(arguments.port)]
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", "app.py", *options])

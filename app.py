"""The app as a server: `streamlit run app.py`, or `make run`. Who may come in is asked before anything else."""

import streamlit as st
from starlette.middleware import Middleware

from pages.components.shell.door import Door
from pages.components.shell.lasting import lasting_files

app = st.App("main.py", middleware=[Middleware(Door)], lifespan=lasting_files)

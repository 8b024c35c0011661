"""The app as a server: `streamlit run app.py`, or `make run`. Who may come in is asked before anything else."""

import streamlit as st
from starlette.middleware import Middleware

from pages.components.shell import garbage
from pages.components.shell.door import Door
from pages.components.shell.lasting import lasting_files

garbage.share_memory()  # before a session has begun a thread
app = st.App("main.py", middleware=[Middleware(Door)], lifespan=lasting_files)

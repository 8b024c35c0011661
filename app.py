"""The app: navigation, theme and sidebar. Start it with `streamlit run app.py` (or `make run`)."""

import streamlit as st

from pages.components.model import sidebar
from pages.components.state import remember_link

st.set_page_config(page_title="VirialFF", page_icon=":material/hub:", layout="wide")

page = st.navigation(
    [
        st.Page("pages/molecule.py", title="Molecule", icon=":material/hub:", default=True),
        st.Page("pages/energies.py", title="Energies", icon=":material/bar_chart:"),
    ]
)
remember_link()
sidebar()
page.run()

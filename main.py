"""The script of the app: navigation, sidebar, and the link to the current molecule. app.py serves it."""

import streamlit as st

from pages.components.shell import collected, entry, garbage, link_values, model, press, state
from pages.components.widgets import project
from pages.components.widgets.show import choose_format

page = entry.navigation()
entry.admit()
link_values.remember()
state.read_link(page.title)
model.read_link()
model.sidebar()
choose_format()
collected.begin(page.title)
said_of_link = st.container()
with entry.inside_app():
    page.run()
with said_of_link:
    link_values.say_left_out()
state.write_link()
press.forget()
project.sidebar()
model.write_link()
garbage.collect()

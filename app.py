"""The app: navigation, sidebar, and the link to the current molecule. Start it with `make run`."""

from pages.components import state
from pages.components.entry import inside_app, navigation
from pages.components.model import sidebar

page = navigation()
state.read_link()
sidebar()
with inside_app():
    page.run()
state.write_link()

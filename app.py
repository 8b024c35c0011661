"""The app: navigation, sidebar, and the link to the current molecule. Start it with `make run`."""

from pages.components.shell import model, state
from pages.components.shell.entry import inside_app, navigation
from pages.components.widgets.show import choose_format

page = navigation()
state.read_link()
model.read_link()
model.sidebar()
choose_format()
with inside_app():
    page.run()
state.write_link()
model.write_link()

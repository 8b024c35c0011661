"""The script of the app: navigation, sidebar, and the link to the current molecule. app.py serves it."""

from pages.components.shell import collected, entry, garbage, model, press, state
from pages.components.widgets import project
from pages.components.widgets.show import choose_format

page = entry.navigation()
entry.admit()
state.read_link()
model.read_link()
model.sidebar()
choose_format()
collected.begin(page.title)
with entry.inside_app():
    page.run()
state.write_link()
press.forget()
project.sidebar()
model.write_link()
garbage.collect()

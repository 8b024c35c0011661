"""Driving the app as a user does: typing, drawing, uploading, waiting for what appears."""

import io
import re

import numpy as np
from PIL import Image
from playwright.sync_api import FloatRect, FrameLocator, Locator, Page, TimeoutError, expect

SLOW = 90_000
# When the page last sent something to Streamlit's server, and when something last came from it.
_WATCH_WIRE = """() => {
    if (window.wire) return;
    window.wire = {sent: 0, received: 0};
    window.WebSocket = class extends WebSocket {
        constructor(...options) {
            super(...options);
            this.addEventListener("message", () => { window.wire.received = performance.now(); });
        }
        send(data) {
            window.wire.sent = performance.now();
            super.send(data);
        }
    };
}"""
_IS_ANSWERED = """() => {
    const app = document.querySelector("[data-testid=stApp]");
    const rests = app !== null && app.dataset.testScriptState === "notRunning";
    return rests && (!window.wire || window.wire.received >= window.wire.sent);
}"""


def open_app(page: Page, address: str = "/") -> None:
    """Open the app and wait for its title."""
    page.add_init_script(f"({_WATCH_WIRE})()")
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=SLOW)


def open_tab(page: Page, name: str) -> None:
    tab = page.get_by_role("tab", name=name)
    tab.click()
    settled(page)
    expect(tab).to_have_attribute("aria-selected", "true")


def open_way(page: Page, name: str) -> None:
    """Open the file, the editor or the examples below the line of the molecule input, where they are not open."""
    button = page.get_by_role("radio", name=name)
    if button.get_attribute("aria-checked") != "true":
        button.click()
    settled(page)


def enter_smiles(page: Page, smiles: str) -> None:
    field = page.get_by_role("textbox", name="SMILES")
    field.fill(smiles)
    field.press("Enter")


def upload(page: Page, name: str, text: str) -> None:
    open_way(page, "File")
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "text/plain", "buffer": text.encode()})


def formula(page: Page) -> Locator:
    """The heading of the results."""
    return page.get_by_role("heading", level=2)


def choose(page: Page, label: str, option: str) -> None:
    """Choose from a select box by clicking the option; what is drawn above it meanwhile can close its list."""
    box = page.get_by_role("combobox", name=label)
    choice = page.get_by_role("option", name=option, exact=True)
    for attempts_left in range(9, -1, -1):
        at_rest(page, box)
        box.click()
        box.fill(option)
        try:
            choice.click(timeout=10_000)
            break
        except TimeoutError:
            if not attempts_left:
                raise
            box.press("Escape")
    expect(box).to_have_value(option)
    settled(page)


def settled(page: Page) -> None:
    """Wait until Streamlit has run the page's script to its end, also for what was clicked or typed just now."""
    for _ in range(2):
        page.wait_for_function(_IS_ANSWERED, timeout=SLOW)
        # A component sends a click a moment later.
        page.wait_for_timeout(100)
    page.wait_for_function(_IS_ANSWERED, timeout=SLOW)


def work_ended(page: Page) -> None:
    """Wait until what was started just now has ended, and the page has drawn it."""
    # Before the server has answered the press there is no Stop to wait for either.
    settled(page)
    expect(page.get_by_test_id("stMain").get_by_role("button", name="Stop")).to_have_count(0, timeout=4 * SLOW)
    settled(page)


def at_rest(page: Page, element: Locator) -> FloatRect:
    """Where the element is, once the layout around it does not move any more."""
    before = None
    for _ in range(SLOW // 500):
        box = element.bounding_box()
        if box is not None and box == before:
            return box
        before = box
        page.wait_for_timeout(500)
    raise AssertionError(f"it is not seen, or moves on: {before}")


def expect_formula(page: Page, text: str) -> None:
    """Wait for the results of the molecule with this formula."""
    expect(formula(page)).to_have_text(re.compile(re.escape(text)), timeout=SLOW)
    settled(page)


def structure(page: Page) -> Locator:
    """The structure in 3D and 2D, once it has drawn."""
    drawn = page.locator(".structure[data-drawn=true]")
    expect(drawn).to_have_count(1, timeout=SLOW)
    return drawn


def structure_pixels(page: Page) -> np.ndarray:
    """Pixels (height, width, 3) of the structure in 3D."""
    picture = structure(page).locator("canvas").screenshot()
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))


def click_atom(page: Page, atom: int, *, spatial: bool) -> None:
    """Click an atom, from 0, in 3D or in the formula, and wait until the page has taken it."""
    drawn = structure(page)
    before = pressed(page)
    if spatial:
        drawn.locator("canvas").scroll_into_view_if_needed()
        x, y = drawn.evaluate(
            """(host, atom) => {
                const at = host.view.viewer.modelToScreen(host.view.model.selectedAtoms({})[atom]);
                return [at.x, at.y];
            }""",
            atom,
        )
        page.mouse.click(x, y)
    else:
        drawn.locator(f"circle[data-atom='{atom}']").click()
    page.wait_for_timeout(300)
    settled(page)
    assert pressed(page) != before


def click_bond(page: Page, first: int, second: int) -> None:
    """Click the middle of a bond of the formula, between atoms from 0, and wait until the page has taken it."""
    x, y = (
        structure(page)
        .locator(f"line[data-bond='{first}-{second}']")
        .evaluate(
            """(line) => {
            line.scrollIntoView({ block: "center" });
            const box = line.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }"""
        )
    )
    page.mouse.click(x, y)
    page.wait_for_timeout(300)
    settled(page)
    assert pressed(page) == sorted((first, second))


def click_line(page: Page, first: int, second: int) -> None:
    """Click the line between two atoms, from 0, in 3D."""
    drawn = structure(page)
    drawn.locator("canvas").scroll_into_view_if_needed()
    x, y = drawn.evaluate(
        """(host, atoms) => {
            const [start, end] = atoms.map((atom) => host.view.data.atoms[atom]);
            const at = host.view.viewer.modelToScreen(
                { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2, z: (start.z + end.z) / 2 });
            return [at.x, at.y];
        }""",
        [first, second],
    )
    page.mouse.click(x, y)


def lit(page: Page) -> list[int]:
    """The atoms, from 0, that stand out in the formula."""
    circles = structure(page).locator("circle.lit")
    return sorted(int(circle.get_attribute("data-atom") or -1) for circle in circles.all())


def pressed(page: Page) -> list[int]:
    """The atoms, from 0, that are shown as picked in the formula."""
    circles = structure(page).locator("circle[aria-pressed=true]")
    return sorted(int(circle.get_attribute("data-atom") or -1) for circle in circles.all())


def drawn_fraction(pixels: np.ndarray) -> float:
    """Fraction of the pixels that differ from the background, which is the colour of the corner."""
    return float((np.abs(pixels.astype(int) - pixels[2, 2].astype(int)).max(axis=2) > 12).mean())


def change_by_dragging(page: Page) -> float:
    """Drag across the structure in 3D; the fraction of its pixels that change."""
    before = structure_pixels(page).astype(int)
    box = structure(page).locator("canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 90, y + 30, steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)
    after = structure_pixels(page).astype(int)
    if before.shape != after.shape:
        return 0.0
    return float((np.abs(after - before).max(axis=2) > 12).mean())


def editor(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[title^='streamlit_ketcher']")


def take_tool(page: Page, title: str) -> None:
    button = editor(page).locator(f"button[title='{title}']")
    button.click(timeout=SLOW)
    # On a loaded machine Ketcher changes tools late, and a click on the canvas would still use the last one.
    expect(button).to_have_class(re.compile("ActionButton-module_selected"), timeout=SLOW)
    page.wait_for_timeout(500)


def click_canvas(page: Page, x: float, y: float) -> None:
    editor(page).locator("[class*='StructEditor-module_intermediateCanvas']").click(position={"x": x, "y": y})


def apply_drawing(page: Page) -> None:
    editor(page).get_by_role("button", name="Apply").click()


class Counted:
    """A user at the page whose clicks and typed entries are counted; a file that is given is one of them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.number = 0

    def click(self, element: Locator) -> None:
        self.number += 1
        element.click()
        settled(self.page)

    def enter(self, field: Locator, text: str) -> None:
        """Type a text and press Enter."""
        self.number += 1
        field.fill(text)
        field.press("Enter")
        settled(self.page)

    def give(self, chooser: Locator, name: str, content: str | bytes) -> None:
        """Drop a file."""
        self.number += 1
        data = content.encode() if isinstance(content, str) else content
        chooser.set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": data})
        settled(self.page)

    def open(self, title: str) -> None:
        """Another page, by the menu."""
        self.click(self.page.get_by_role("link", name=title, exact=True))
        expect(self.page.get_by_role("heading", level=1)).to_have_text(title, timeout=SLOW)
        settled(self.page)

    def save(self, label: str | re.Pattern[str]) -> bytes:
        """What a download gives."""
        with self.page.expect_download(timeout=SLOW) as download:
            self.click(self.page.get_by_role("button", name=label))
        return download.value.path().read_bytes()

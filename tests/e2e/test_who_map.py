"""The map of ``who --html``, in a real Chromium: it opens traces, needs no network, prints, and runs nobody's markup."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from client_files import auth
from dict_context import DictContext
from e2e.programs import SYSTEM_PATH, require, run
from machine import HOSTILE, NOW, SECRET, config, crowd, grants, machine
from shorepass.testing import Registry
from shorepass.who.examine import look
from shorepass.who.lent import Lent
from shorepass.who.login import BROKEN, Login, Looked, State
from shorepass.who.map import page

if TYPE_CHECKING:
    from selenium.webdriver.remote.webelement import WebElement

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
)
HOST = "build01"
READABLE = 4.5  # WCAG 2.1, 1.4.3: contrast of text with what is behind it


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A headless Chromium with an empty profile."""
    folder = tmp_path_factory.mktemp("chromium")
    options = Options()
    options.binary_location = require("chromium")
    for flag in (*FLAGS, f"--user-data-dir={folder}/profile", "--window-size=1300,1000"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = Service(require("chromedriver"), env={"PATH": SYSTEM_PATH, "HOME": str(folder)})
    driver = Chrome(options, service)
    try:
        yield driver
    finally:
        driver.quit()


class Map:
    """A page in the browser."""

    def __init__(self, chromium: Chrome, folder: Path, looked: Sequence[Looked], lent: Sequence[Lent] = ()) -> None:
        self.html = page(looked, lent, now=NOW, host=HOST, user="alice(1000)")
        self.file = folder / "who.html"
        self.file.write_text(self.html)
        self.browser = chromium
        chromium.get_log("browser")
        chromium.get_log("performance")
        chromium.get(self.file.as_uri())

    def all(self, selector: str) -> list[WebElement]:
        return [found for found in self.browser.find_elements(By.CSS_SELECTOR, selector) if found.is_displayed()]

    def text(self) -> str:
        return self.browser.find_element(By.TAG_NAME, "body").text

    def press(self, *keys: str) -> None:
        for key in keys:
            self.browser.switch_to.active_element.send_keys(key)

    @property
    def focused(self) -> WebElement:
        return self.browser.switch_to.active_element

    def login(self, text: str) -> WebElement:
        return next(found for found in self.all(".login") if text in found.text)


@pytest.fixture
def drawn(chromium: Chrome, tmp_path: Path) -> Map:
    """The map of a machine with some of everything."""
    return Map(chromium, tmp_path, machine(), grants())


def shown(name: str) -> str:
    """Return a context's name as people read it: ``user bob`` for ``user:bob``."""
    return name.replace(":", " ", 1)


def test_every_context_and_every_login_is_drawn(drawn: Map) -> None:
    """Contexts are drawn inside what holds them; a login shows its registry, its user, where it is stored and its state."""
    text = drawn.text()
    for found in machine():
        if found.logins or found.trouble:
            assert shown(found.place.name) in text
        for login in found.logins:
            key = "Docker Hub" if login.registry == "docker.io" else login.key
            assert (key or Path(login.path).name) in text
            assert login.state.value in text
    inside = drawn.browser.find_element(By.CSS_SELECTOR, '.holder .holder[aria-label="docker"]')
    assert {name.text for name in inside.find_elements(By.CSS_SELECTOR, ".box .name")} == {
        "docker web",
        "docker ci-runner",
        "docker build",
        "docker db",  # without a login, but with a grant
    }
    assert len(drawn.all(".login")) == sum(len(found.logins) for found in machine())


def test_the_title_names_host_time_and_user(drawn: Map) -> None:
    """In a ticket the page says by itself what it shows: of which machine, when, and drawn by whom."""
    assert drawn.browser.title == f"Registry logins on {HOST}"
    header = drawn.browser.find_element(By.TAG_NAME, "header").text
    for words in (HOST, "2026-01-01 00:00:00 UTC", "alice(1000)"):
        assert words in header


def test_worst_comes_first(drawn: Map) -> None:
    """In each box the logins that fail are above those that work, and a context with a failure is above a healthy one."""
    order = [row.text.splitlines() for row in drawn.all(".login")]
    states = [line for row in order for line in row if line in {"works", "unreadable", "helper missing", "not checked"}]
    assert states[0] == "unreadable"
    mine = next(box for box in drawn.all(".box") if box.text.startswith("me"))
    assert [line for line in mine.text.splitlines() if line in {"works", "helper missing", "not checked"}] == [
        "helper missing",
        "not checked",
        "works",
        "works",
    ]


@pytest.mark.parametrize(
    ("risk", "number", "fits"),
    [
        ("plain", 10, lambda login: login.plain_text),
        ("broken", 7, lambda login: login.state in BROKEN | {State.REFUSED, State.EXPIRED}),
    ],
)
def test_a_risk_is_a_filter(drawn: Map, risk: str, number: int, fits: Callable[[Login], bool]) -> None:
    """A card says how many logins are at risk; a click shows these and no others."""
    assert sum(fits(login) for found in machine() for login in found.logins) == number
    card = drawn.browser.find_element(By.CSS_SELECTOR, f'[data-risk="{risk}"]')
    assert card.text.split()[0] == str(number)
    card.click()
    assert len(drawn.all(".login")) == number
    card.click()
    assert len(drawn.all(".login")) == sum(len(found.logins) for found in machine())


def test_the_engines_socket_and_one_credential_in_many_contexts_are_risks(drawn: Map) -> None:
    """The container that has the engine's socket is found by its card, and so are credentials that several contexts have."""
    drawn.browser.find_element(By.CSS_SELECTOR, '[data-risk="socket"]').click()
    assert [name.text for name in drawn.all(".box .name")] == ["docker web"]
    drawn.browser.find_element(By.CSS_SELECTOR, '[data-risk="socket"]').click()
    drawn.browser.find_element(By.CSS_SELECTOR, '[data-risk="copies"]').click()
    assert {name.text for name in drawn.all(".box .name")} == {"me", "sudo", "docker web", "lima default"}


def test_logins_are_grouped_by_registry_and_by_credential(drawn: Map) -> None:
    """Where must I rotate this password? One box for a credential has every context that stores it."""
    drawn.browser.find_element(By.CSS_SELECTOR, '[data-group="registry"]').click()
    names = {name.text for name in drawn.all(".box .name")}
    assert {"Docker Hub", "ghcr.io", "quay.io"} <= names
    drawn.browser.find_element(By.CSS_SELECTOR, '#groups [data-group="credential"]').click()
    box = next(found for found in drawn.all(".box") if found.text.startswith("alice at Docker Hub"))
    assert {row.text.splitlines()[0].partition(" in ")[2] for row in box.find_elements(By.CSS_SELECTOR, ".login")} == {
        "me",
        "sudo",
        "docker web",
        "lima default",
    }


def test_lent_logins_are_drawn(drawn: Map) -> None:
    """A container names what is lent to it, an arrow leads there, and the list has lender, mode, end and last use."""
    web = next(box for box in drawn.all(".box") if box.text.startswith("docker web"))
    assert [note.text for note in web.find_elements(By.CSS_SELECTOR, ".note.lent")] == ["lent ghcr.io"]
    listed = drawn.browser.find_element(By.ID, "links").text
    for words in (
        (
            "ghcr.io: me lends it to docker:web in mode forward until 2026-01-01T12:00:00Z; "
            "last use: 2026-01-01T09:00:00Z; grant 1a2b3c4d"
        ),
        "docker.io/acme/*: me lends it to docker:db in mode engine until 2026-01-01T12:00:00Z; last use: never",
        "*.example.com: me lends it to flags",
    ):
        assert words in listed
    assert "lent login" in drawn.browser.find_element(By.ID, "keys").text
    drawn.browser.set_window_size(1300, 3000)
    drawn.login("ghcr.io alice").find_element(By.CSS_SELECTOR, ".key").click()
    drawn.press(Keys.ESCAPE)  # the login has the focus now, so that the arrows of its context are drawn
    drawn.browser.execute_async_script(LINES)
    assert len(drawn.browser.find_elements(By.CSS_SELECTOR, "#lines .link-grant")) == len(grants()) - 1
    drawn.browser.set_window_size(1300, 1000)


LINES = """
    const done = arguments[0], look = (path) => [path.getAttribute("class"), getComputedStyle(path)];
    const lines = () => [...document.querySelectorAll("#lines g[class] > path")].map(look);
    requestAnimationFrame(() => requestAnimationFrame(
      () => done(lines().map(([name, style]) => [name, style.strokeDasharray, style.stroke]))));
"""


def test_a_line_leads_from_each_login_to_its_registry(drawn: Map) -> None:
    """Beyond ten there are lines for what is selected alone; a state is told by colour and by dashes."""
    drawn.browser.set_window_size(1300, 3000)
    assert drawn.browser.execute_async_script(LINES) == []
    next(button for button in drawn.all("#registries button") if "Docker Hub" in button.text).click()
    lines = drawn.browser.execute_async_script(LINES)
    drawn.browser.find_element(By.CSS_SELECTOR, '[data-mark="refused"]').click()
    next(button for button in drawn.all("#registries button") if "Docker Hub" in button.text).click()
    lines += drawn.browser.execute_async_script(LINES)
    drawn.browser.set_window_size(1300, 1000)
    states = [
        login.state
        for found in machine()
        for login in found.logins
        if login.registry == "docker.io" or login.state is State.REFUSED
    ]
    assert len(lines) == len(states)
    for kinds in zip(*lines, strict=True):  # classes, dashes, colours
        assert len({*kinds}) == len({*states})


def test_a_narrow_window_needs_no_scrolling_sideways(drawn: Map) -> None:
    """At 400 pixels nothing is wider than the window, and a path below the home folder is short."""
    width = "return [document.documentElement.scrollWidth, window.innerWidth]"
    metrics = {"width": 400, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    drawn.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    needed, there = drawn.browser.execute_script(width)
    drawn.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert needed <= there == 400
    assert "~/.docker/config.json" in drawn.text()


def test_a_click_opens_the_trace(drawn: Map) -> None:
    """The steps of docker's resolution, with the registry's answer at their end; nothing secret among them."""
    drawn.login("ghcr.io alice").click()
    (dialog,) = drawn.all("#trace")
    for words in ("alice at ghcr.io", "what docker asks for, exactly", "podman, skopeo, buildah", "accepts the login"):
        assert words in dialog.text
    assert re.search(r"Fingerprint\s[0-9a-f]{8}\b", dialog.text)
    drawn.browser.find_element(By.ID, "close").click()
    assert drawn.all("#trace") == []


def test_a_broken_helper_is_shown_with_its_fix(drawn: Map) -> None:
    """The trace has the cause; the fix and the command for all findings can be copied."""
    drawn.login("eu.gcr.io").click()
    (dialog,) = drawn.all("#trace")
    assert "docker-credential-gcloud list: no executable file of that name on PATH" in dialog.text
    assert "install the Google Cloud CLI" in dialog.text
    copy = dialog.find_elements(By.CSS_SELECTOR, ".command .copy")[-1]
    copy.click()
    assert copy.text == "Copied"
    assert drawn.browser.execute_script("return String(getSelection())").strip() == "shorepass doctor"
    drawn.press(Keys.ESCAPE)


def test_all_of_it_works_from_the_keyboard(drawn: Map) -> None:
    """Tab leads to a login, Enter opens it, Escape closes it and gives the focus back, arrows go on from there."""
    for _ in range(40):
        drawn.press(Keys.TAB)
        if drawn.focused.get_attribute("class") == "login":
            break
    first = drawn.focused
    first_text = first.text
    assert first.value_of_css_property("outline-style") == "solid"
    drawn.press(Keys.ENTER)
    assert len(drawn.all("#trace")) == 1
    drawn.press(Keys.ESCAPE)
    assert drawn.all("#trace") == []
    assert drawn.focused == first
    drawn.press(Keys.ARROW_DOWN)
    assert drawn.focused.text != first_text
    drawn.press(Keys.ARROW_UP)
    assert drawn.focused == first
    drawn.press("/")
    assert drawn.focused.get_attribute("id") == "find"


def test_search_and_states_and_registries_narrow_it_down(drawn: Map) -> None:
    """What does not fit is hidden, and the page says how much is left."""
    drawn.browser.find_element(By.ID, "find").send_keys("azurecr")
    assert [row.text.split()[0] for row in drawn.all(".login")] == ["acme.azurecr.io"]
    assert "Shown: 1 login in 1 context." in drawn.text()
    drawn.browser.find_element(By.ID, "find").send_keys(Keys.CONTROL + "a", Keys.DELETE)
    drawn.browser.find_element(By.CSS_SELECTOR, '#legend [data-mark="refused"]').click()
    assert [row.text.split()[0] for row in drawn.all(".login")] == ["registry.acme.example:5000"]
    drawn.browser.find_element(By.CSS_SELECTOR, '#legend [data-mark="refused"]').click()
    next(button for button in drawn.all("#registries button") if "quay.io" in button.text).click()
    assert [row.text.split()[0] for row in drawn.all(".login")] == ["quay.io/acme"]


def test_nothing_is_fetched_and_nothing_complains(drawn: Map) -> None:
    """The page is all there is: no request but for itself, no message on the console."""
    sent = [entry["message"] for entry in drawn.browser.get_log("performance")]
    urls = {
        url
        for message in sent
        for url in re.findall(r'"documentURL":"[^"]*".*?"request":\{.*?"url":"([^"]+)"', message)
    }
    assert urls <= {drawn.file.as_uri(), "data:,"}
    assert drawn.browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert drawn.browser.get_log("browser") == []


def test_the_page_cannot_reach_a_server(drawn: Map) -> None:
    """Its policy forbids every connection: even a script in it could carry nothing away."""
    script = """
        const done = arguments[1];
        const image = new Image();
        image.src = arguments[0] + "/image";
        fetch(arguments[0] + "/fetch").then(() => done("sent"), () => done("refused"));
    """
    with Registry() as server:
        assert drawn.browser.execute_async_script(script, server.url) == "refused"
        assert server.requests == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_can_be_read(drawn: Map, scheme: str) -> None:
    """The page follows the system; every state keeps its contrast on both."""
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    drawn.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    card = luminance(drawn.all(".box")[0].value_of_css_property("background-color"))
    assert (card > 0.5) == (scheme == "light")
    for element in drawn.all(".login .state, .login .key, .login .stored, .box .chip, .login .user"):
        ink = luminance(element.value_of_css_property("color"))
        assert (max(ink, card) + 0.05) / (min(ink, card) + 0.05) >= READABLE, element.text
    drawn.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def luminance(colour: str) -> float:
    """Return the relative luminance of ``rgb(1, 2, 3)`` (WCAG 2.1)."""
    parts = [int(part) / 255 for part in re.findall(r"[0-9]+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("looked", [machine(), crowd(60)], ids=["machine", "crowd"])
def test_paper_loses_nothing(chromium: Chrome, tmp_path: Path, looked: list[Looked]) -> None:
    """Folded or searched away: on paper there is every login, with its state, what mends it, and its steps."""
    drawn = Map(chromium, tmp_path, looked)
    drawn.browser.find_element(By.ID, "fold").click()
    drawn.browser.find_element(By.ID, "find").send_keys("no such thing")
    printed = drawn.browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    (tmp_path / "who.pdf").write_bytes(base64.b64decode(printed["data"]))
    done = run([require("pdftotext"), "-raw", str(tmp_path / "who.pdf"), "-"])
    text = "".join(done.stdout.split())
    for found in looked:
        assert "".join(shown(found.place.name).split()) in text
        assert "".join((found.trouble or "").split()) in text
        for login in found.logins:
            for part in (
                "DockerHub" if login.registry == "docker.io" else login.key,
                login.user,
                Path(login.path).name if not login.helper else login.helper,
                login.detail,
                login.hint,
            ):
                assert "".join((part or "").split()) in text
            if login.registry:
                assert f"{login.context}:" in text
    assert text.count("whatdockerasksfor,exactly") == sum(
        "docker" in login.clients and login.credential is not None for found in looked for login in found.logins
    )


def test_three_hundred_contexts(chromium: Chrome, tmp_path: Path) -> None:
    """They begin folded, with a mark for each login, and one is found by its name."""
    drawn = Map(chromium, tmp_path, crowd(300))
    assert drawn.all(".login") == []
    marks = drawn.browser.find_elements(By.CSS_SELECTOR, ".box .marks .mark")
    assert len(marks) == sum(len(found.logins) for found in crowd(300))
    drawn.browser.find_element(By.ID, "find").send_keys("u119")
    assert [row.text.split()[:2] for row in drawn.all(".login")] == [["ghcr.io", "u119"]]


def test_a_name_with_markup_is_only_a_strange_name(chromium: Chrome, tmp_path: Path) -> None:
    """A user, a key, a folder and an image may be called anything; all of it is shown as text, and nothing runs."""
    path = f"/home/{HOSTILE}/.docker/config.json"
    context = DictContext(
        f"docker:{HOSTILE}",
        {path: config(auths={HOSTILE: auth(f"{HOSTILE}:{SECRET}"), "ghcr.io": auth(f"{HOSTILE}:{SECRET}")})},
        home=f"/home/{HOSTILE}",
    )
    drawn = Map(chromium, tmp_path, look([context.within(HOSTILE, HOSTILE)], now=NOW))
    assert "<img" not in drawn.html
    assert drawn.html.lower().count("</script") == 2
    assert drawn.browser.title == f"Registry logins on {HOST}"
    assert (
        drawn.browser.find_elements(By.CSS_SELECTOR, "img, b:not(#legend b, #risks b), body > script ~ script ~ *")
        == []
    )
    row = drawn.login("ghcr.io")
    assert HOSTILE in row.text
    row.click()
    assert HOSTILE in drawn.all("#trace")[0].text
    assert drawn.browser.get_log("browser") == []


def test_no_secret_is_in_it(drawn: Map) -> None:
    """Neither as it is nor as it stands in a file."""
    for secret in (SECRET, auth(f"alice:{SECRET}")["auth"], "eyJhbGciOi"):
        assert secret not in drawn.html


def test_nobody_is_logged_in(chromium: Chrome, tmp_path: Path) -> None:
    """An empty map says so, and what to do."""
    drawn = Map(chromium, tmp_path, look([DictContext("me", {}).place], now=NOW))
    assert "No one is logged in" in drawn.text()
    assert "shorepass login REGISTRY" in drawn.text()
    assert os.path.getsize(drawn.file) < 100_000

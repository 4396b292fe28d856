"""Draws docs/images/map.png, the map of a made-up machine: ``.venv/bin/python tests/screenshot.py``."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path

from selenium.webdriver import Chrome
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from e2e.programs import SYSTEM_PATH, require
from e2e.test_who_map import FLAGS, HOST
from machine import NOW, grants, machine
from shorepass.who.map import page

PICTURE = Path(__file__).parents[1] / "docs/images/map.png"
WIDTH, HEIGHT = 1180, 712  # pixels: the title, the risks and the first contexts
MORNING = 9.5 * 3600  # seconds: the map is drawn at half past nine


def main() -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "who.html")
        file.write_text(page(machine(), grants(), now=NOW + MORNING, host=HOST, user="alice(1000)"))
        options = Options()
        options.binary_location = require("chromium")
        for flag in (*FLAGS, f"--user-data-dir={folder}/profile", f"--window-size={WIDTH},{HEIGHT}"):
            options.add_argument(flag)
        browser = Chrome(options, Service(require("chromedriver"), env={"PATH": SYSTEM_PATH, "HOME": folder}))
        try:
            light = [{"name": "prefers-color-scheme", "value": "light"}]
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": light})
            browser.get(file.as_uri())
            area = {"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT, "scale": 1}
            asked = {"format": "png", "clip": area, "captureBeyondViewport": True, "optimizeForSpeed": False}
            PICTURE.parent.mkdir(exist_ok=True)
            PICTURE.write_bytes(base64.b64decode(browser.execute_cdp_cmd("Page.captureScreenshot", asked)["data"]))
        finally:
            browser.quit()


if __name__ == "__main__":
    main()

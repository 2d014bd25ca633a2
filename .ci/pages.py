"""Open every page of the built site in a headless Chromium without network, and look at what a reader sees.

    python .ci/pages.py docs/_build/html [SCREENSHOTS]

Fails if a page loads anything from outside, leaves raw TeX in its text, holds a formula that MathJax refuses,
scrolls sideways at phone width, writes an error to the console, has no or several titles, skips a level of
headings, shows an image without a description or text of too little contrast; or if the search finds nothing.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

PHONE, DESKTOP = (390, 844), (1280, 900)
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --allow-file-access-from-files "
    "--host-resolver-rules=MAP * ~NOTFOUND"
)
RAW_TEX = re.compile(r"\\\(|\\\[|\$\$|\\(frac|sum|operatorname|mathcal|left|begin)\b")
OUTSIDE = re.compile(r"""(?:src|srcset)\s*=\s*["'](?:https?:)?//|<link[^>]+href=["'](?:https?:)?//""")
IGNORED_LINKS = re.compile(r"""<link[^>]+rel=["'](?:canonical|license|search)["'][^>]*>""")
VISIBLE = (
    "const copy = document.querySelector('article, main, body').cloneNode(true);"
    "copy.querySelectorAll('pre, code, script, mjx-assistive-mml').forEach(e => e.remove());"
    "return copy.textContent"
)
UNTITLED = ("search.html", "genindex.html", "py-modindex.html")
WIDTHS = "return [document.documentElement.scrollWidth, window.innerWidth]"
HEADINGS = "return [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.tagName[1])"
REFUSED = (
    "return [...document.querySelectorAll('mjx-merror, [data-mjx-error]')]"
    ".map(e => e.dataset.mjxError || e.textContent)"
)
PICTURES = (
    "return [...document.querySelectorAll('img, svg[role=img]')]"
    ".filter(i => !(i.alt || i.getAttribute('aria-label') || i.getAttribute('aria-hidden'))).length"
)
WAIT = (
    "const done = arguments[0]; window.MathJax && MathJax.startup"
    " ? MathJax.startup.promise.then(() => done(1)) : done(0)"
)
CONTRAST = """
const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
const light = c => { const f = c.slice(0, 3).map(v => { v /= 255;
  return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * f[0] + 0.7152 * f[1] + 0.0722 * f[2]; };
const behind = e => { for (; e; e = e.parentElement) {
  const c = parse(getComputedStyle(e).backgroundColor);
  if (c[3] > 0.9) return c; } return [255, 255, 255, 1]; };
const poor = [];
const texts = 'article p, article li, article td, article th, article a, .varprop-badge';
for (const e of document.querySelectorAll(texts)) {
  if (!e.innerText || !e.offsetParent) continue;
  const a = light(parse(getComputedStyle(e).color)), b = light(behind(e));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) poor.push(e.innerText.slice(0, 40) + ' ' + ratio.toFixed(2));
}
return poor;
"""


def browser() -> webdriver.Chrome:
    """Return a browser that can reach nothing but files."""
    options = Options()
    for flag in re.split(r" (?=--)", FLAGS):
        options.add_argument(flag)
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


def source_faults(path: Path) -> Iterator[str]:
    """Yield what the file itself loads from outside."""
    text = IGNORED_LINKS.sub("", path.read_text(encoding="utf-8"))
    if found := OUTSIDE.search(text):
        yield f"loads from outside: {text[found.start() : found.start() + 90]}"


def shown_faults(driver: webdriver.Chrome, path: Path, shots: Path | None, root: Path) -> Iterator[str]:
    """Yield what a reader would see go wrong."""
    driver.set_window_size(*DESKTOP)
    driver.get(path.as_uri())
    driver.execute_async_script(WAIT)
    if found := RAW_TEX.search(driver.execute_script(VISIBLE)):
        yield f"raw TeX in the text: {found[0]}"
    if refused := driver.execute_script(REFUSED):
        yield f"{len(refused)} formulas refused: {refused[0]}"
    levels = driver.execute_script(HEADINGS)
    if levels.count(1) != 1 and path.name not in UNTITLED:
        yield f"{levels.count(1)} titles"
    if any(after > before + 1 for before, after in pairwise(levels)):
        yield f"a level of headings is skipped: {levels}"
    if count := driver.execute_script(PICTURES):
        yield f"{count} pictures without a description"
    for theme in ("light", "dark"):
        driver.execute_script(f"document.body.dataset.theme = '{theme}'")
        if poor := driver.execute_script(CONTRAST):
            yield f"too little contrast in {theme} mode: {poor[:3]}"
        shoot(driver, shots, root, path, theme)
    driver.execute_script("document.body.dataset.theme = 'light'")
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": PHONE[0], "height": PHONE[1], "deviceScaleFactor": 1, "mobile": True},
    )
    wide, window = driver.execute_script(WIDTHS)
    if wide > max(window, PHONE[0]):
        yield f"scrolls sideways on a phone: {wide} > {window}"
    shoot(driver, shots, root, path, "phone")
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    for entry in driver.get_log("browser"):
        if entry["level"] == "SEVERE":
            yield f"console: {entry['message'][:120]}"


def shoot(driver: webdriver.Chrome, shots: Path | None, root: Path, path: Path, name: str) -> None:
    """Keep a picture, if a folder is given."""
    if shots is not None:
        place = shots / f"{'-'.join(path.relative_to(root).with_suffix('').parts)}-{name}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        driver.save_screenshot(str(place))


def search_faults(driver: webdriver.Chrome, root: Path) -> Iterator[str]:
    """Yield a complaint if the search finds nothing."""
    driver.get((root / "search.html").as_uri() + "?q=variance")
    for _ in range(50):
        if driver.find_elements(By.CSS_SELECTOR, "#search-results li a"):
            return
        time.sleep(0.1)
    yield "a search for 'variance' finds nothing"


def main() -> int:
    """Return 1 if any page has a fault."""
    root = Path(sys.argv[1]).resolve()
    shots = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None
    pages = sorted(path for path in root.rglob("*.html") if "_static" not in path.parts)
    driver = browser()
    faults = 0
    try:
        for path in pages:
            for fault in (*source_faults(path), *shown_faults(driver, path, shots, root)):
                print(f"{path.relative_to(root)}: {fault}")
                faults += 1
        for fault in search_faults(driver, root):
            print(fault)
            faults += 1
    finally:
        driver.quit()
    print(f"{len(pages)} pages opened, {faults} faults")
    return 1 if faults or not pages else 0


if __name__ == "__main__":
    sys.exit(main())

"""How often the stage is drawn anew while epsilon is dragged, with a lane for every recogniser open beneath it.

Moves the slider once for every frame of a headless Chromium at 1920 x 1080, and prints frames a second and the
milliseconds that the page's scripts take for one, with the lanes folded and open.
"""

import argparse
import shutil
import statistics

from playwright.sync_api import Page, sync_playwright

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]
DRAG = """
async (frames) => {
  const range = document.querySelector('#epsilon input[type=range]');
  const write = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
  const frame = () => new Promise(requestAnimationFrame);
  const took = [];
  const start = await frame();
  let last = start;
  for (let n = 0; n < frames; n++) {
    write.call(range, String(((n * 7) % 100) / 1000));
    const before = performance.now();
    range.dispatchEvent(new Event('input', { bubbles: true }));
    took.push(performance.now() - before);
    last = await frame();
  }
  return { rate: (1000 * frames) / (last - start), took };
}
"""


def measured(page: Page, frames: int) -> str:
    """Frames a second, and the median and the slowest of all redraws."""
    page.evaluate(DRAG, 30)
    found = page.evaluate(DRAG, frames)
    took = found["took"]
    return f"{found['rate']:.0f} frames a second, {statistics.median(took):.1f} ms a redraw, {max(took):.1f} at most"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:7860", help="of a page that is served")
    parser.add_argument("--frames", type=int, default=300)
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(arguments.url)
        page.wait_for_selector("#viewer .stage[aria-busy=false]", timeout=60_000)
        print("Lanes folded:", measured(page, arguments.frames))
        page.locator("#all button").first.click()
        page.locator("#lanes .lanes[aria-busy=false] li").nth(4).wait_for(timeout=120_000)
        print("Lanes open:  ", measured(page, arguments.frames))
        browser.close()


if __name__ == "__main__":
    main()

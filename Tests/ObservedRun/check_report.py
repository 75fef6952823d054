"""Opens a report in headless Chromium: no errors in its console, and every chart where it can be seen.

    check_report.py REPORT [SCREENSHOT]      needs the program chromium
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

# What a browser made of the page. Lengths are those of the drawing, which is 640 wide.
PROBE = """
<script>
addEventListener("load", () => {
  const charts = [...document.querySelectorAll("svg.chart")].map(svg => {
    const box = svg.viewBox.baseVal, frame = svg.getBoundingClientRect();
    const parts = [...svg.querySelectorAll("text, path")];
    const outside = parts.filter(part => {
      // Turned text as it is on the page.
      const shown = part.getBoundingClientRect();
      return shown.left < frame.left - 1 || shown.right > frame.right + 1 || shown.top < frame.top - 1
        || shown.bottom > frame.bottom + 1;
    });
    const curves = [...svg.querySelectorAll("path.training, path.validation")];
    return {
      name: svg.getAttribute("aria-label"), width: frame.width, height: frame.height,
      outside: outside.map(part => part.outerHTML), ticks: svg.querySelectorAll("text.tick").length,
      unseen: curves.filter(curve => {
        const style = getComputedStyle(curve);
        return style.stroke == "none" || style.visibility != "visible" || style.display == "none";
      }).length,
      curves: curves.length, isEmpty: svg.textContent.includes("no finite number")
    };
  });
  console.log("CHARTS " + JSON.stringify({
    charts, figures: document.querySelectorAll("figure").length,
    overflow: document.documentElement.scrollWidth - innerWidth
  }));
});
</script>
"""


def expect(condition, message):
    if not condition:
        sys.exit(f"check_report: {message}")


report = pathlib.Path(sys.argv[1])
page = report.read_text()
with tempfile.TemporaryDirectory() as folder:
    probed = pathlib.Path(folder) / "report.html"
    probed.write_text(page.replace("</body>", PROBE + "</body>"))
    screenshot = sys.argv[2] if len(sys.argv) > 2 else f"{folder}/screenshot.png"
    for width in [1280, 500]:
        run = subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr",
             f"--user-data-dir={folder}/profile", f"--window-size={width},4000",
             f"--screenshot={screenshot if width == 1280 else folder + '/narrow.png'}", probed.as_uri()],
            stderr=subprocess.PIPE, text=True, timeout=120)
        console = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
        found = [match for line in console for match in re.findall(r'"CHARTS (.*)", source:', line)]
        expect(len(found) == 1 and len(console) == 1, f"at {width}, the console says: {console}")
        seen = json.loads(found[0])
        charts = seen["charts"]
        expect(charts and len(charts) == seen["figures"] == page.count("<figure>"), f"{len(charts)} charts")
        expect(seen["overflow"] <= 0, f"at {width}, the page is {seen['overflow']} too wide")
        for chart in charts:
            place = f"at {width}, {chart['name']}"
            expect(chart["width"] > 300 and chart["height"] > 100, f"{place}: {chart['width']} x {chart['height']}")
            expect(chart["curves"] > 0 or chart["isEmpty"], f"{place}: no curve")
            expect(chart["unseen"] == 0 and chart["ticks"] >= 3, f"{place}: {chart}")
            expect(chart["outside"] == [], f"{place}: outside of the drawing: {chart['outside']}")
        print(f"{report.name}, {width} wide: {len(charts)} charts, nothing outside, nothing in the console")

"""The report in a real browser, where there is one."""

import shutil
import subprocess

import numpy as np
import pytest

NAME = "<script>alert(1)</script>" + 20 * "long_"
BROWSER_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--hide-scrollbars",
]


def browser():
    """The path of Chromium, if it is installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.skipif(
    browser() is None, reason="chromium is not installed, so no browser has seen the report"
)
def test_in_a_headless_browser(make_run, report, tmp_path):
    names = np.array([[NAME]] * 8, object)
    page, _ = report(make_run(allclasses_names=names))
    args = [*BROWSER_FLAGS, f"--user-data-dir={tmp_path / 'browser'}", "--dump-dom"]
    # The frame has a phone's width, and reports how wide the page in it became.
    probe = tmp_path / "probe.html"
    html = page.html.replace(
        "</body>", "<script>document.title = document.documentElement.scrollWidth</script></body>"
    ).replace("default-src 'none'", "script-src 'unsafe-inline'")
    (tmp_path / "inner.html").write_text(html, encoding="utf-8")
    probe.write_text(
        '<iframe id="f" src="inner.html" width="390" height="800"></iframe>'
        "<script>onload = () => { document.title = f.contentDocument.title }</script>"
    )
    options = ["--allow-file-access-from-files", probe.as_uri()]
    run = subprocess.run(
        [browser(), *args, *options], capture_output=True, text=True, timeout=60, check=True
    )
    assert "<title>390</title>" in run.stdout

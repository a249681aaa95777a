"""A headless Chromium that tests look at pages with, driven over a pipe: no port, no driver.

What is sent and what comes back is the DevTools protocol: JSON, each message ended by a zero byte.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import DEADLINE_S

_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--hide-scrollbars", "--window-size=1000,800", "--disable-extensions"),
    # Nothing but the page under test is fetched from anywhere.
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--remote-debugging-pipe",
)

#: The pipe's ends have these numbers in Chromium.
_HANDS_OVER = 'exec "$@" 3<&{} 4>&{}'


_NOTING = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (found) =>
  window.violations.push(`${found.violatedDirective} ${found.blockedURI} ${found.sample}`));
"""

_KEY_CODES = {"Tab": 9, "Enter": 13}


class Browser:
    """One page of a browser; `open_browser` makes it."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = os.fdopen(reading, "rb"), os.fdopen(writing, "wb")
        self._unread = b""
        self._numbers = itertools.count(1)
        self._session: str | None = None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        found = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = found["sessionId"]

    def send_headers(self, **headers: str) -> None:
        """Send these with each request."""
        self._call("Network.enable")
        self._call("Network.setExtraHTTPHeaders", headers=headers)

    def note_violations(self) -> None:
        """Note in each page from now on what its policy keeps out: `violations`."""
        self._call("Page.enable")
        self._call("Page.addScriptToEvaluateOnNewDocument", source=_NOTING)

    @property
    def violations(self) -> list[str]:
        """What the policy of the page has kept out, with `note_violations`."""
        return list(self.run("window.violations"))

    def open(self, url: str) -> None:
        """Load a page and wait for it."""
        self._leave(lambda: self._call("Page.navigate", url=url))

    def fill(self, selector: str, value: str) -> None:
        """Write into a field."""
        self.run(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(value)}")

    def click(self, selector: str) -> None:
        """Click what leads to another page, and wait for that."""
        self._leave(lambda: self.run(f"document.querySelector({json.dumps(selector)}).click()"))

    def run(self, script: str) -> Any:
        """Run JavaScript in the page; returns what it comes to, as JSON has it."""
        found = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    @property
    def text(self) -> str:
        """What a person reads on the page."""
        return str(self.run("document.body.innerText"))

    def look_like(self, scheme: str, width: int, height: int = 800) -> None:
        """Be a screen of this width that prefers `light` or `dark`."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        wanted = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", features=wanted)

    def type_keys(self, text: str) -> None:
        """Type into what has the focus."""
        self._call("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Press a key, as Tab or Enter."""
        code = _KEY_CODES[key]
        told = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        text = {"text": "\r"} if key == "Enter" else {}
        self._call("Input.dispatchKeyEvent", type="keyDown", **told, **text)
        self._call("Input.dispatchKeyEvent", type="keyUp", **told)

    def press_to_leave(self, key: str) -> None:
        """Press a key that leads to another page, and wait for that."""
        self._leave(lambda: self.press(key))

    def take_picture(self, path: Path) -> None:
        """Save what a person sees."""
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot")["data"]))

    def _leave(self, go: Any) -> None:
        """Do what leads to another page, and wait until that is there."""
        self.run("window.isLeft = true")
        go()
        is_there = "!window.isLeft && document.readyState === 'complete'"
        until_s = time.monotonic() + DEADLINE_S
        while time.monotonic() < until_s:
            found = self._call("Runtime.evaluate", expression=is_there, returnByValue=True)
            if found.get("result", {}).get("value") is True:
                return
            time.sleep(0.02)
        raise AssertionError(f"no other page within {DEADLINE_S} s: {self.text}")

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._writing.write(json.dumps(message).encode() + b"\0")
        self._writing.flush()
        for answer in self._read():
            if answer.get("id") == number:
                return dict(answer.get("result", {}))
        raise AssertionError("the browser is gone")

    def _read(self) -> Iterator[dict[str, Any]]:
        while True:
            while b"\0" in self._unread:
                message, _, self._unread = self._unread.partition(b"\0")
                yield json.loads(message)
            if not (more := self._reading.read1()):
                return
            self._unread += more

    def close(self) -> None:
        """Close the pipe, at which Chromium ends."""
        self._reading.close()
        self._writing.close()


@contextmanager
def open_browser(folder: Path) -> Iterator[Browser]:
    """Start a browser with a profile in a folder; without one on PATH the test is skipped."""
    program, shell = shutil.which("chromium"), shutil.which("bash")
    if program is None or shell is None:
        pytest.skip("no chromium on PATH")
    (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
    command = [shell, "-c", _HANDS_OVER.format(theirs_in, theirs_out), shell, program]
    process = subprocess.Popen(
        [*command, *_OPTIONS, f"--user-data-dir={folder}"],
        pass_fds=(theirs_in, theirs_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        browser = Browser(ours_in, ours_out)
        yield browser
        browser.close()
    finally:
        process.terminate()
        process.wait(DEADLINE_S)

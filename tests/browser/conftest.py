"""A real Chromium, driven by the Chrome DevTools Protocol over its pipe: pages, mouse moves, computed styles."""

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import time

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = "--headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run --hide-scrollbars".split()  # noqa: SIM905
PATIENCE = 120
# Puts two pipes where Chromium looks for them and becomes Chromium.
MOVE = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
os.dup2(ends[0], 3), os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """One page. --remote-debugging-pipe: JSON messages that end with a zero byte, in on descriptor 3, out on 4."""

    def __init__(self, profile, width=1240, height=1000):
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        command = [CHROMIUM, *FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        moved = [sys.executable, "-c", MOVE, str(to_read), str(to_write), *command]
        with open(os.devnull, "r+b") as null:
            self._process = subprocess.Popen(moved, pass_fds=(to_read, to_write), stdin=null, stdout=null, stderr=null)
        os.close(to_read)
        os.close(to_write)
        self._numbers, self._buffer, self._session = itertools.count(1), b"", None
        (target,) = (t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def call(self, method, **parameters):
        """Send a command and return its result; events in between are discarded."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._write(json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        while True:
            answer = json.loads(self._message(end))
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer)
                return answer["result"]

    def _write(self, data):
        while data:
            data = data[os.write(self._to, data) :]

    def _message(self, end):
        while b"\0" not in self._buffer:
            assert select.select([self._from], [], [], max(end - time.monotonic(), 0))[0], "Chromium does not answer"
            part = os.read(self._from, 1 << 20)
            assert part, "Chromium has gone"
            self._buffer += part
        text, _, self._buffer = self._buffer.partition(b"\0")
        return text

    def theme(self, name):
        """Prefer light or dark."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def open(self, path):
        """Open a file and wait until it is loaded."""
        answer = self.call("Page.navigate", url=path.as_uri())
        assert "errorText" not in answer, (path, answer)
        end = time.monotonic() + PATIENCE
        while self.value("location.href + document.readyState") != f"{path.as_uri()}complete":
            assert time.monotonic() < end, f"{path} does not load"
            time.sleep(0.02)

    def value(self, expression):
        """Return the value of a JavaScript expression, as JSON holds it."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def point(self, x, y):
        """Move the mouse there, in px of the window, and wait until a picture with it has been drawn."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def picture(self, x, y, width, height, scale=1):
        """Return a part of the page as PNG."""
        clip = {"x": x, "y": y, "width": width, "height": height, "scale": scale}
        screenshot = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(screenshot["data"])

    def close(self):
        """End Chromium."""
        with contextlib.suppress(OSError, AssertionError):
            self._session = None
            self.call("Browser.close")
        os.close(self._to)
        os.close(self._from)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A Chromium for all tests of the session."""
    if CHROMIUM is None:
        pytest.skip("no chromium to draw with (Debian: apt-get install chromium)")
    chromium = Browser(tmp_path_factory.mktemp("chromium"))
    yield chromium
    chromium.close()

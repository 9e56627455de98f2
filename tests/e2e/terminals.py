"""A real terminal: a shell in tmux, whose screen can be read and waited for."""

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from servers import BIN


class Terminal:
    """A shell in tmux, on a server of its own."""

    def __init__(self, folder: Path) -> None:
        self._socket = f"stance-{uuid.uuid4().hex}"
        self._tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", "150", "-y", "50", "-c", str(folder),
                   "env", f"PATH={BIN}:{os.environ['PATH']}", "PS1=$ ", "bash", "--norc", "--noprofile")

    def _tmux(self, *arguments: str) -> str:
        return subprocess.run(["tmux", "-L", self._socket, *arguments], check=True, capture_output=True, text=True).stdout

    def close(self) -> None:
        self._tmux("kill-server")

    def type(self, line: str) -> None:
        self._tmux("send-keys", "-t", "t", "-l", line)
        self.press("Enter")

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", "-t", "t", *keys)

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", "t").rstrip()

    def kill(self) -> None:
        """SIGKILL to what the shell is running."""
        shell = self._tmux("display-message", "-p", "-t", "t", "#{pane_pid}").strip()
        os.kill(int(Path(f"/proc/{shell}/task/{shell}/children").read_text()), signal.SIGKILL)

    def clear(self) -> None:
        """An empty screen with nothing but the prompt."""
        self.type("clear")
        wait(lambda: self.screen() == "$", self.screen)

    def wait_for_line(self, start: str) -> None:
        """Until the last line on the screen starts with ``start``."""
        wait(lambda: self.screen().rpartition("\n")[2].startswith(start), self.screen)

    def wait_for(self, text: str, times: int = 1) -> None:
        """Until the screen shows ``text`` so many times."""
        wait(lambda: self.screen().count(text) >= times, self.screen)


def wait(reached: Callable[[], bool], now: Callable[[], str], seconds: float = 60) -> None:
    """Until ``reached``. Raises AssertionError with ``now`` when it takes too long."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, now()
        time.sleep(0.05)

"""Label Studio from its own environment (``make e2e`` installs it), and people who work in it through its API."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests
from servers import Server, free_port, serving

#: The environment that the Makefile fills from requirements-label-studio.lock.
HOME = Path(__file__).parent.parent.parent / ".label-studio"
#: It asks nobody for news and reports to nobody; should it try all the same, the proxy is a port that nobody listens on.
SILENT = {"LATEST_VERSION_CHECK": "false", "COLLECT_ANALYTICS": "false", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": "",
          "FEATURE_FLAGS_OFFLINE": "true", "HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9",
          "NO_PROXY": "127.0.0.1"}


@contextlib.contextmanager
def label_studio(folder: Path) -> Iterator[Server]:
    """A server whose database is in ``folder``. Raises FileNotFoundError when it is not installed."""
    program = HOME / "bin/label-studio"
    if not program.exists():
        raise FileNotFoundError(f"{program}: not there; make label-studio")
    port, data = free_port(), folder / "data"
    command = [program, "start", "--no-browser", "--data-dir", data, "--internal-host", "127.0.0.1", "--port", str(port)]
    env = {**SILENT, "LABEL_STUDIO_BASE_DATA_DIR": str(data), "XDG_DATA_HOME": str(folder)}
    with serving(command, port, folder, env=env, seconds=300) as server:
        yield server


class Person:
    """Somebody who has signed up and is logged in."""

    def __init__(self, server: Server, email: str) -> None:
        self._url, self._session = server.url, requests.Session()
        self._session.trust_env = False
        self._session.get(f"{self._url}/user/signup/").raise_for_status()
        form = {"email": email, "password": "correct horse", "allow_newsletters": "false",
                "csrfmiddlewaretoken": self._session.cookies["csrftoken"]}
        self._session.post(f"{self._url}/user/signup/", data=form).raise_for_status()
        assert self.ask("GET", "current-user/whoami")["email"] == email

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON with which the API answers. Raises AssertionError with what it says against the request."""
        token = {"X-CSRFToken": self._session.cookies["csrftoken"]}
        answer = self._session.request(method, f"{self._url}/api/{path}", json=body, headers=token, timeout=60)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def annotate(self, task: int, answers: Mapping[str, list[str]]) -> None:
        """Submit choices, by head."""
        result = [{"from_name": head, "to_name": "text", "type": "choices", "value": {"choices": chosen}}
                  for head, chosen in answers.items()]
        self.ask("POST", f"tasks/{task}/annotations/", {"result": result})

    def skip(self, task: int) -> None:
        """Press Skip."""
        self.ask("POST", f"tasks/{task}/annotations/", {"result": [], "was_cancelled": True})

"""Known vulnerabilities of the pinned versions: `make audit` asks the advisory service, which needs the network.

Run as ``python tests/advisories.py LOCK...``. Exit code 0: every version was looked up and none has an advisory; 1: some
have; 2: the service could not be asked about some or all, which says nothing about them.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

#: Installed into a folder of its own, for one run: the project's environment stays as it is locked.
TOOL = "pip-audit==2.10.1"


def verdict(answers: Sequence[dict[str, Any]]) -> tuple[int, list[str]]:
    """Exit code and lines for pip-audit's answers: one a package, with ``vulns``, or with a ``skip_reason``."""
    found = [f"{a['name']} {a['version']}: {v['id']}, mended in {', '.join(v['fix_versions']) or 'no version yet'}"
             for a in answers for v in a.get("vulns", ())]
    unknown = [a["name"] for a in answers if "skip_reason" in a]
    lines = [*found, f"{len(answers) - len(unknown)} versions looked up, {len(found)} advisories"]
    if unknown or not answers:
        lines.append(f"NOT AUDITED: the advisory service could not be asked about {len(unknown)} packages"
                     + (f" ({', '.join(unknown[:5])}, ...)" if unknown else ""))
    return (1 if found else 2 if unknown or not answers else 0), lines


def ask(lock: str) -> list[dict[str, Any]]:
    """pip-audit's answers about the versions in ``lock``; none when it cannot be installed or reach its service."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "bin/python"
        for command in ([sys.executable, "-m", "venv", folder], [str(python), "-m", "pip", "install", "-q", TOOL]):
            made = subprocess.run(command, capture_output=True, text=True, check=False)
            if made.returncode:
                print(f"{lock}: {TOOL} cannot be installed: {made.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                return []
        done = subprocess.run([str(python), "-m", "pip_audit", "--requirement", lock, "--no-deps", "--disable-pip",
                               "--format", "json", "--progress-spinner", "off"],
                              capture_output=True, text=True, check=False)
    try:
        answers: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"{lock}: {(done.stderr.strip().splitlines() or ['no answer'])[-1]}", file=sys.stderr)
        return []
    return answers


def main(locks: Sequence[str]) -> int:
    """Print what is known of every lock file; the worst exit code."""
    codes = []
    for lock in locks:
        code, lines = verdict(ask(lock))
        codes.append(code)
        print("\n".join(f"{lock}: {line}" for line in lines))
    return 1 if 1 in codes else max(codes, default=2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

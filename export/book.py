"""Packs and signs a book: graphs, instruments, ensembles, declarations, presets and provenance as one MCUboot image."""

import hashlib
import re
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imgtool import keys
from imgtool.image import Image
from imgtool.version import decode_version

from export.model import DEFAULT, WEIGHTS, model_graphs
from export.synth import manifest_entry, synth_graph
from gen_core.director.director import control_params
from gen_core.playback import mixer
from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param, find, suggestion
from gen_core.synth import patches
from gen_core.synth.layout import block_frames
from targets.protocol import book as books
from targets.protocol.mcuboot import BOOK_MARK, BOOK_TAG

VERSION_PARTS_MAX = (255, 255, 65535)  # fields of the MCUboot header
SLOT_BYTES = 1 << 26  # what imgtool checks the image against: the largest slot of any board


@dataclass(frozen=True)
class BuildReport:
    """What was packed."""

    path: str
    name: str
    version: str
    bytes: int
    sha256: str
    model_bytes: int
    synth_bytes: int
    instruments: int
    ensembles: list[str]


def build(
    out: Path,
    private_key: Path,
    name: str = "default",
    version: str = "0.1.0",
    sample_rate_hz: int = 48000,
    ensembles: Sequence[str] = (),
    block: int = 0,
    counter: int = 0,
) -> BuildReport:
    """Export the default parts, pack them and sign them with `private_key` (ed25519 PEM). Raises UsageError.

    `ensembles`: only these, and of all instruments only theirs, so that a small board has a small graph to run.
    `block`: frames of a block; 0 for about 10.7 ms. `counter`: once a book of this security counter is confirmed, a
    board takes none of a lower one.
    """
    check_version(version)
    manifest, files = parts(name, version, sample_rate_hz=sample_rate_hz, only=ensembles, block=block)
    data = sign(books.pack(manifest, files), private_key, version, counter)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(data)
    return BuildReport(
        path=str(out),
        name=name,
        version=version,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        model_bytes=sum(len(data) for path, data in files.items() if path.startswith("model/")),
        synth_bytes=sum(len(data) for path, data in files.items() if path.startswith("synth/")),
        instruments=len(manifest["instruments"]),
        ensembles=list(manifest["ensembles"]),
    )


def parts(
    name: str,
    version: str,
    weights: Path = WEIGHTS,
    sample_rate_hz: int = 48000,
    only: Sequence[str] = (),
    block: int = 0,
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Manifest and files of a book made from the default ensembles, instruments and presets."""
    declared = tomllib.loads((DEFAULT / "book.toml").read_text(encoding="utf-8"))
    ensembles = _chosen(declared["ensembles"], only)
    players = {seat["instrument"] for seats in ensembles.values() for seat in seats}
    rows = patches.needed(players) if only else patches.rows()
    plan = patches.plan_for(rows, block_frames=block or block_frames(sample_rate_hz), sample_rate_hz=sample_rate_hz)
    synth = manifest_entry(plan)
    params = {param.id: param for param in (*control_params(tuple(ensembles)), *mixer.params(plan))}
    for param_id, value in declared.get("mixer", {}).items():
        params[param_id] = replace(find(params, param_id), default=params[param_id].check(value))
    graphs = {f"model/{field}.onnx": graph for field, graph in model_graphs(weights).items()}
    provenance = (DEFAULT / "provenance.csv").read_bytes()
    manifest = {
        "format": books.FORMAT,
        "name": name,
        "version": version,
        "sample_rate_hz": synth["sample_rate_hz"],
        "block_frames": synth["block_frames"],
        "model": {"graphs": {Path(path).stem: path for path in graphs}},
        "synth": synth,
        "instruments": rows,
        "ensembles": ensembles,
        "params": [param.to_dict() for param in params.values()],
        "presets": {name: _preset(preset, params) for name, preset in declared["presets"].items()},
        "provenance": {
            "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
            "licence": "code Apache-2.0; weights, patches and presets CC0-1.0",
            "trained_on": "provenance.csv",
            "pieces": provenance.count(b"\n") - 1,
        },
    }
    return manifest, graphs | {synth["graph"]: synth_graph(plan), "provenance.csv": provenance}


def _chosen(ensembles: Mapping[str, Any], only: Sequence[str]) -> dict[str, Any]:
    """Those that are named, or all."""
    for name in only:
        if name not in ensembles:
            hint = suggestion(name, ensembles) or f"there are {', '.join(ensembles)}"
            raise UsageError(f"there is no ensemble {name!r}", hint)
    return {name: seats for name, seats in ensembles.items() if not only or name in only}


def sign(payload: bytes, private_key: Path, version: str, counter: int = 0) -> bytes:
    """Payload → MCUboot image: ed25519 over SHA-256, the book's mark in the protected area."""
    try:
        key = keys.load(str(private_key))
    except Exception as error:  # imgtool raises plain Exception for kinds of keys that it does not know
        raise UsageError(f"{private_key} is no usable key ({error})", "give an ed25519 private key in PEM") from None
    if type(key) is not keys.Ed25519:  # None where it needs a password; public keys are a class above
        raise UsageError(f"{private_key} cannot sign a book", "give an ed25519 private key in PEM without a password")
    image = Image(
        decode_version(version), header_size=32, pad_header=True, slot_size=SLOT_BYTES, security_counter=counter or None
    )
    with tempfile.TemporaryDirectory() as folder:
        plain, signed = Path(folder) / "payload.bin", Path(folder) / "signed.bin"
        plain.write_bytes(payload)
        image.load(str(plain))
        image.create(key, "hash", None, custom_tlvs={BOOK_TAG: BOOK_MARK})
        image.save(str(signed))
        return signed.read_bytes()


def check_version(version: str) -> None:
    """Raises UsageError unless `version` is X.Y.Z within the header's fields."""
    match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", version)
    if not match or any(int(n) > most for n, most in zip(match.groups(), VERSION_PARTS_MAX, strict=True)):
        raise UsageError(f"{version!r} is no version of a book", "give X.Y.Z, at most 255.255.65535")


def _preset(preset: dict[str, Any], params: dict[str, Param]) -> dict[str, float]:
    return {name: find(params, name).parse(str(value)) for name, value in preset.items()}

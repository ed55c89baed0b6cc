"""SMP group 8, files: `/params.json`, `/info.json` and `/log` to read, `/bundles/NAME` to read and write.

No other path exists. The three are drawn when they are asked for: the parameters as OSCQuery tells them, the status
of group 65, and the last lines of the log.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from targets.protocol import oscquery, smp
from targets.runtime.groups import limonaire
from targets.runtime.machine import Commands, Machine
from targets.runtime.rejection import Rejection

GROUP = smp.Group.FS
FOLDER = "/bundles"
ENVELOPE_BYTES = 64  # SMP header, framing, and the map around the data
HASH_PIECE_BYTES = 2**18
HASHES = {"crc32": {"format": 0, "size": 4}, "sha256": {"format": 1, "size": 32}}  # format: a number, or bytes


@dataclass(frozen=True)
class Source:
    """Something to read."""

    size: int
    read: Callable[[int, int], bytes]  # (offset, at most so many bytes)


def download(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"off", "name"} → {"off", "data"}, at offset 0 with "len"."""
    offset = _number(request, "off")
    source = _source(machine, _path(request), afresh=offset == 0)
    _check_offset(offset, source)
    data = source.read(offset, machine.buffer_bytes - ENVELOPE_BYTES)
    return {"off": offset, "data": data} | ({"len": source.size} if offset == 0 else {})


def upload(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"off", "data", "name", and first "len"} → {"off": next byte wanted}."""
    path, offset, data = _path(request), _number(request, "off"), request.get("data")
    length = _number(request, "len") if "len" in request else None
    if not isinstance(data, bytes):
        raise Rejection(smp.ReturnCode.EINVAL, "an upload needs data")
    if path in DRAWN:
        raise Rejection(smp.FsError.READ_ONLY_FILESYSTEM, f"{path} cannot be written", GROUP)
    return {"off": machine.files.take(_in_folder(path), offset, data, length)}


def status(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"name"} → {"len"}."""
    return {"len": _source(machine, _path(request), afresh=True).size}


def checksum(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"name", "type", "off", "len"} → {"type", "len": bytes read, "output"}, and "off" unless it is 0."""
    kind, offset = request.get("type", "crc32"), _number(request, "off", 0)
    if not isinstance(kind, str) or kind not in HASHES:
        raise Rejection(smp.FsError.CHECKSUM_HASH_NOT_FOUND, f"there are {', '.join(HASHES)}", GROUP)
    source = _source(machine, _path(request), afresh=False)
    if source.size == 0:
        raise Rejection(smp.FsError.FILE_EMPTY, "an empty file has no hash here", GROUP)
    _check_offset(offset, source)
    length = min(_number(request, "len", source.size), source.size - offset)
    output = _digest(kind, source, offset, length)
    return {"type": kind, "len": length, "output": output} | ({"off": offset} if offset else {})


def hash_types(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → {"types": {name: {"format", "size"}}}."""
    return {"types": HASHES}


def close(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → {}; an upload that is not complete is forgotten."""
    machine.files.close()
    return {}


def _digest(kind: str, source: Source, offset: int, length: int) -> int | bytes:
    crc, sha, end = 0, hashlib.sha256(), offset + length
    while offset < end:  # in pieces: a file need not fit in memory twice
        piece = source.read(offset, min(HASH_PIECE_BYTES, end - offset))
        if not piece:
            raise Rejection(smp.FsError.FILE_READ_FAILED, "the file became shorter", GROUP)
        if kind == "crc32":
            crc = zlib.crc32(piece, crc)
        else:
            sha.update(piece)
        offset += len(piece)
    return crc if kind == "crc32" else sha.digest()


def _source(machine: Machine, path: str, afresh: bool) -> Source:
    if path in DRAWN:
        data = machine.files.picture(path, lambda: DRAWN[path](machine), afresh)
        return Source(len(data), lambda offset, count: data[offset : offset + count])
    name = _in_folder(path)
    return Source(machine.files.size(name), lambda offset, count: machine.files.read(name, offset, count))


def _in_folder(path: str) -> str:
    """The name behind `/bundles/`; where it may lead is decided by what a name may be made of."""
    folder, _, name = path.rpartition("/")
    if path in ("/", FOLDER, FOLDER + "/"):
        raise Rejection(smp.FsError.FILE_IS_DIRECTORY, f"{path} is a folder", GROUP)
    if folder != FOLDER or ".." in path:
        code = smp.FsError.FILE_INVALID_NAME if ".." in path else smp.FsError.MOUNT_POINT_NOT_FOUND
        raise Rejection(code, f"there is no {path!r}: {', '.join(DRAWN)}, {FOLDER}/NAME", GROUP)
    return name


def _check_offset(offset: int, source: Source) -> None:
    if offset and offset >= source.size:
        raise Rejection(smp.FsError.FILE_OFFSET_LARGER_THAN_FILE, f"the file has {source.size} bytes", GROUP)


def _path(request: Mapping[str, Any]) -> str:
    path = request.get("name")
    if not isinstance(path, str):
        raise Rejection(smp.ReturnCode.EINVAL, "a file needs a name")
    return path


def _number(request: Mapping[str, Any], key: str, otherwise: int | None = None) -> int:
    number = request.get(key, otherwise)
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise Rejection(smp.ReturnCode.EINVAL, f"{key} must be a number from 0")
    return number


def _params(machine: Machine) -> bytes:
    tree = oscquery.tree(machine.performance.params, machine.performance.values())
    return json.dumps(tree, separators=(",", ":")).encode()  # every byte crosses a slow cable


def _info(machine: Machine) -> bytes:
    return json.dumps(limonaire.status(machine, {}), indent=1, default=bytes.hex).encode()


def _log(machine: Machine) -> bytes:
    return "".join(line + "\n" for line in tuple(machine.log.lines)).encode()


DRAWN: dict[str, Callable[[Machine], bytes]] = {"/params.json": _params, "/info.json": _info, "/log": _log}

COMMANDS: Commands = {
    (smp.FsCommand.FILE, smp.Op.READ): download,
    (smp.FsCommand.FILE, smp.Op.WRITE): upload,
    (smp.FsCommand.STATUS, smp.Op.READ): status,
    (smp.FsCommand.HASH, smp.Op.READ): checksum,
    (smp.FsCommand.HASH_TYPES, smp.Op.READ): hash_types,
    (smp.FsCommand.CLOSE, smp.Op.WRITE): close,
}

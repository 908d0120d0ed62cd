"""What was learnt as one file: a line of magic, a JSON header, arrays. It is replaced in one step and read in place.

No pickle: a file that others wrote can be wrong, but it runs nothing.
"""

import errno
import hashlib
import json
import mmap
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.bayes import Labels
from classifier.features import BITS, VERSION
from classifier.score import Calibration
from classifier.state import Arrays, State

MAGIC = b"greygate model 1\n"
ALIGNED = 4096  # bytes
MOST_HEADER = 1024 * 1024  # bytes
KINDS = {"float32": "<f4", "int32": "<i4"}
HASH = "crc32 and Knuth's factor, seed 0x27220a95"  # how numbers are made; part of what VERSION stands for

Named = Mapping[str, NDArray[np.generic]]


class BadModel(ValueError):
    """A file that holds no model, or one that this program does not understand."""


def write(path: Path, state: State, *, all_of_it: bool) -> None:
    """Put it in place of what is there, at once and on stable storage. Who only reads needs not all of it."""
    arrays = state.arrays.named(all_of_them=all_of_it)
    head = {"features": VERSION, "bits": BITS, "hash": HASH, **described(state)}
    head["arrays"] = [{"name": name, "kind": str(one.dtype), "length": len(one)} for name, one in arrays.items()]
    head["sha256"] = digest(arrays)
    text = json.dumps(head).encode()
    beginning = MAGIC + len(text).to_bytes(4, "little") + text
    room_for(path.parent, len(beginning) + sum(one.nbytes for one in arrays.values()))
    new = path.with_name(f"{path.name}.new")
    with open(new, "wb") as file:
        file.write(beginning.ljust(-len(beginning) % ALIGNED + len(beginning), b"\0"))
        for one in arrays.values():
            file.write(np.ascontiguousarray(one).data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync(path.parent)


def room_for(folder: Path, size: int) -> None:
    """Raises OSError where there is none: half a model would take the last room from mail that has to be kept."""
    found = os.statvfs(folder)
    if found.f_bavail * found.f_frsize < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def digest(arrays: Named) -> str:
    found = hashlib.sha256()
    for one in arrays.values():
        found.update(np.ascontiguousarray(one).data)
    return found.hexdigest()


def described(state: State) -> dict[str, Any]:
    return {
        "labels": asdict(state.labels),
        "calibration": asdict(state.calibration),
        "position": state.position,
        "halved_at": state.halved_at.isoformat() if state.halved_at else None,
        "origin": state.origin,
    }


def read(path: Path, *, check: bool = False, own: bool = False) -> State:
    """The state in a file, its arrays in place and read-only unless they are to be one's `own`.

    `check` compares its SHA-256. Raises BadModel or OSError.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        head, start = header(file.read(MOST_HEADER), path)
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else None
    try:
        arrays = in_file(whole, head["arrays"], start, path)
        if check and digest(arrays) != head["sha256"]:
            raise BadModel(f"{path} is damaged: its SHA-256 is not the one that it names")
        if own:
            arrays = {name: one.copy() for name, one in arrays.items()}
        return state_of(head, Arrays.from_named(arrays))
    except (KeyError, TypeError, ValueError) as error:
        raise error if isinstance(error, BadModel) else BadModel(f"{path} is damaged: {error!r}") from error


def header(beginning: bytes, path: Path) -> tuple[dict[str, Any], int]:
    """What a file says of itself, and where its arrays begin. Raises BadModel."""
    if not beginning.startswith(MAGIC):
        raise BadModel(f"{path} is no model of Greygate")
    place = len(MAGIC) + 4
    end = place + int.from_bytes(beginning[place - 4 : place], "little")
    try:
        head = json.loads(beginning[place:end])
    except ValueError as error:
        raise BadModel(f"{path} is damaged: {error}") from error
    if not isinstance(head, dict) or (head.get("features"), head.get("bits")) != (VERSION, BITS):
        raise BadModel(
            f"{path} was learnt from features of another version ({head.get('features')}, here {VERSION}): its numbers"
            " stand for other words. Move it away; what people said is in the journal, and new mail teaches it again"
        )
    return head, end + -end % ALIGNED


def in_file(
    whole: "mmap.mmap | None", listed: list[dict[str, Any]], start: int, path: Path
) -> "dict[str, NDArray[Any]]":
    """Raises BadModel where the file ends too early."""
    arrays: dict[str, NDArray[Any]] = {}
    for one in listed:
        length = int(one["length"])
        if whole is None or start + 4 * length > len(whole):
            raise BadModel(f"{path} is cut")
        arrays[str(one["name"])] = np.frombuffer(whole, KINDS[one["kind"]], length, start)
        start += 4 * length
    return arrays


def state_of(head: dict[str, Any], arrays: Arrays) -> State:
    halved_at = datetime.fromisoformat(head["halved_at"]) if head["halved_at"] else None
    labels, calibration = Labels(**head["labels"]), Calibration(**head["calibration"])
    return State(arrays, labels, calibration, int(head["position"]), halved_at, str(head["origin"]))

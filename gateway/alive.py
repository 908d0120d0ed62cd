"""Who has claimed a mail, and is it still alive: a lock file that the kernel lets go when its process dies."""

import fcntl
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from gateway import clock
from gateway.ids import new_id


class Alive:
    """A token of this process, good for as long as it runs. Claims carry it."""

    def __init__(self, folder: Path, node: str) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.token = f"{node}:{new_id(clock.now())}"
        self.path = path_of(folder, self.token)
        self.handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def end(self) -> None:
        """Nothing is claimed any more."""
        self.path.unlink(missing_ok=True)
        os.close(self.handle)


def path_of(folder: Path, token: str) -> Path:
    return folder / f"{token.rpartition(':')[2]}.alive"


def dead(folder: Path, node: str, tokens: Iterable[str | None]) -> list[str]:
    """Those of the tokens that belong to processes of this node which are gone. Other nodes' end with their leases."""
    mine = [token for token in tokens if token is not None and token.rpartition(":")[0] == node]
    return [token for token in mine if not is_locked(path_of(folder, token))]


def is_locked(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        with suppress(FileNotFoundError):
            path.unlink()
        return False
    finally:
        os.close(handle)

"""A private MariaDB: own folder, own socket, own port; started once for a test run and gone with it."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pymysql

from tests.gate import free_port

SERVER = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
GALERA = Path("/usr/lib/galera/libgalera_smm.so")
INSTALL = shutil.which("mariadb-install-db") or "/usr/bin/mariadb-install-db"


def is_installed() -> bool:
    return Path(SERVER).exists() and Path(INSTALL).exists()


def cluster_options() -> list[str]:
    """What makes a server a Galera cluster of one."""
    return [
        "--wsrep-on=ON", f"--wsrep-provider={GALERA}", "--wsrep-cluster-address=gcomm://", "--binlog-format=ROW",
        "--default-storage-engine=InnoDB", "--innodb-autoinc-lock-mode=2", "--wsrep-node-address=127.0.0.1",
        f"--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:{free_port()};ist.recv_addr=127.0.0.1:{free_port()}",
    ]  # fmt: skip


@dataclass
class MariaDB:
    """A server; `fresh()` makes an empty database and returns the URL for [database] url."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    made: int = 0
    more: tuple[str, ...] = ()  # options

    @classmethod
    def start(cls, *more: str) -> "MariaDB":
        """Tried three times: another run on this machine may take the port meanwhile, or all the asynchronous I/O."""
        for attempt in range(3):
            server = cls(Path(tempfile.mkdtemp(prefix="greygate-mariadb-", dir="/tmp")), free_port(), more=more)
            try:
                server.install()
                server.run()
            except AssertionError as error:
                server.remove()
                if attempt == 2:
                    raise
                print(f"MariaDB did not start: {error}", file=sys.stderr)
            else:
                return server
        raise AssertionError("the last attempt returns or raises")

    def install(self) -> None:
        user = [] if os.getuid() else ["--user=root"]
        done = subprocess.run(
            [INSTALL, f"--datadir={self.folder}/data", "--auth-root-authentication-method=normal", *user,
             "--no-defaults", "--skip-test-db"],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def run(self) -> None:
        user = [] if os.getuid() else ["--user=root"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [SERVER, "--no-defaults", *user, f"--datadir={self.folder}/data", f"--socket={self.folder}/sock",
                 f"--port={self.port}", "--bind-address=127.0.0.1", f"--pid-file={self.folder}/pid",
                 "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M", "--max-connections=200",
                 *self.more],
                stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(pymysql.Error):
                with self.connect() as connection, connection.cursor() as cursor:
                    cursor.execute("SELECT count(*) FROM mysql.db")  # a node of a cluster listens before it answers
                return
            time.sleep(0.1)
        raise AssertionError((self.folder / "log").read_text())

    def connect(self) -> "pymysql.Connection[pymysql.cursors.Cursor]":
        return pymysql.connect(unix_socket=f"{self.folder}/sock", user="root")

    def fresh(self) -> str:
        self.made += 1
        name = f"greygate_{os.getpid()}_{self.made}"
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
            cursor.execute("CREATE USER IF NOT EXISTS 'gate'@'127.0.0.1' IDENTIFIED BY 'se%cret'")
            cursor.execute(f"GRANT ALL ON {name}.* TO 'gate'@'127.0.0.1'")
        return f"mysql://gate:se%25cret@127.0.0.1:{self.port}/{name}"

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

"""Where it was measured: the machine and the versions of everything that took part."""

import importlib.metadata
import os
import platform
import re
import sqlite3
import subprocess
from pathlib import Path

from tests.bench.load import tool
from tests.mariadb import SERVER as MARIADB


def first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except OSError:
        return "not installed"
    return (done.stdout or done.stderr).partition("\n")[0].strip()


def cpu_model() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def commit() -> str:
    root = Path(__file__).parents[2]
    return first_line("git", "-C", str(root), "describe", "--always", "--dirty")


def facts() -> dict[str, str]:
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    return {
        "machine": f"{cpu_model()}, {os.cpu_count()} cores, {memory_gib():.0f} GiB, Linux {platform.release()}",
        "load before": f"{load} (1, 5, 15 minutes)",
        "greygate": f"{importlib.metadata.version('greygate')} ({commit()}), Python {platform.python_version()}",
        "databases": f"SQLite {sqlite3.sqlite_version}; {first_line(MARIADB, '--version')}",
    }


def peers() -> dict[str, str]:
    mail_version = first_line(tool("postconf"), "-dh", "mail_version")
    return {"peers": f"Postfix {mail_version}, {first_line(tool('postgrey'), '--version')}"}

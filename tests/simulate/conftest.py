from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest


@pytest.fixture
def folders(tmp_path: Path) -> Callable[[], Path]:
    """A fresh folder for each house."""
    numbers = count()

    def fresh() -> Path:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        return folder

    return fresh

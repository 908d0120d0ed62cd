"""What is thought before anybody here said anything: weights from a public collection of old mail, few and small.

They know what spam looked like elsewhere and long ago, which is a beginning and no more: what people here say outweighs
them soon. `classifier.bootstrap` makes them.
"""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifier.features import SLOTS, VERSION
from classifier.score import Calibration
from classifier.state import VIEWS, Arrays, State

FILE = Path(__file__).with_name("prior.npz")
COLD = "nothing"


def beginning(*, cold: bool = False) -> State:
    """A state that learnt nothing here yet: from the prior, or from nothing."""
    state = State(Arrays.empty(), origin=COLD)
    found = {} if cold else weights()
    if not found or int(found["version"]) != VERSION:
        return state
    for name in VIEWS:
        small = found[name].astype(np.float32) * np.float32(found["scale"])
        state.arrays.weights[name][:] = np.tile(small, SLOTS // len(small))
    state.calibration = Calibration(slope=float(found["slope"]), shift=float(found["shift"]))
    state.origin = str(found["origin"])
    return state


@cache
def weights() -> "dict[str, NDArray[np.generic]]":
    """The arrays of the file; none where it is missing."""
    if not FILE.exists():
        return {}
    with np.load(FILE, allow_pickle=False) as found:
        return {name: found[name] for name in found.files}

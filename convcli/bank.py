"""The bank of hand-made filters, by name. They are written for correlation, the way a layer applies them.

Sources: Prewitt, "Object Enhancement and Extraction", 1970; Sobel and Feldman, "A 3x3 Isotropic Gradient Operator",
1968; Scharr, "Optimale Operatoren in der Digitalen Bildverarbeitung", 2000.
"""

from __future__ import annotations

from typing import Any

FILTERS: dict[str, Any] = {
    "bump": [0, 1, 0],
    "step": [-1, 1],
    "derivative": [-0.5, 0, 0.5],
    "line-vertical": [[0, 1, 0], [0, 1, 0], [0, 1, 0]],
    "line-horizontal": [[0, 0, 0], [1, 1, 1], [0, 0, 0]],
    "line-diagonal": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "line-antidiagonal": [[0, 0, 1], [0, 1, 0], [1, 0, 0]],
    "prewitt-x": [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]],
    "prewitt-y": [[-1, -1, -1], [0, 0, 0], [1, 1, 1]],
    "sobel-x": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "sobel-y": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "scharr-x": [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]],
    "scharr-y": [[-3, -10, -3], [0, 0, 0], [3, 10, 3]],
    "laplacian-4": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "laplacian-8": [[1, 1, 1], [1, -8, 1], [1, 1, 1]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
}

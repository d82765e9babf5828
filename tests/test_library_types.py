"""The library in the code of a user: it type-checks under `mypy --strict`, which reads this file, and it runs."""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import convcli

ARRAY = np.zeros((8, 8, 1))


def test_arrays_come_out() -> None:
    model = convcli.load(["Conv2D(4, 3)"])
    maps: NDArray[Any] = convcli.apply(model, ARRAY, seed=0)
    assert maps.shape == convcli.apply(model, ARRAY, seed=0, layer_output="conv2d").shape == (1, 6, 6, 4)
    assert convcli.convolve(ARRAY, "sobel-x").sum() == 0
    with convcli.prepare(model, (8, 8, 1), seed=0) as run:
        assert run(ARRAY).mean() == 0


def test_a_mapping_comes_out_of_several_outputs() -> None:
    model = convcli.load({"layers": ["Rescaling(2)", "Rescaling(3)"], "outputs": ["rescaling", "rescaling_1"]})
    result = convcli.apply(model, [[1.0]])
    assert isinstance(result, dict)
    assert {name: float(array.sum()) for name, array in result.items()} == {"rescaling": 2.0, "rescaling_1": 6.0}


def test_models_have_a_type_with_a_table() -> None:
    model = assert_type(convcli.load(["Dense(2)"]), convcli.Model)
    assert "Total params: 18" in assert_type(model.summary((8,)), str)  # 8 * 2 + 2
    assert assert_type(convcli.summarize(model, (8,)), dict[str, Any])["params"] == 18
    fitted = convcli.fit(model, np.ones((4, 8)), np.ones((4, 2)), epochs=1)
    assert assert_type(fitted.history, dict[str, list[float]]).keys() == {"loss"}

"""Write gradients.json and gradients.npz: what PyTorch's autograd says of small networks, in float64."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from _store import BATCH, HERE, Draw, write_lines

Values = dict[str, torch.Tensor]
cases, arrays = [], {}


def network(
    name: str, shape: tuple[int, ...], layers: list, variables: dict[str, tuple[int, ...]], run: Callable
) -> None:
    """One network: our layers, its weights in Keras's layout, and the same in PyTorch with channels last outside."""
    draw = Draw(name)
    values = {key: torch.tensor(draw.weight(key, each), requires_grad=True) for key, each in variables.items()}
    x = torch.tensor(draw.normal((BATCH, *shape)), requires_grad=True)
    y = run(x, values)
    goal = draw.normal(tuple(y.shape))
    (y * torch.tensor(goal)).sum().backward()
    cases.append({"name": name, "layers": layers, "weights": list(variables)})
    arrays.update({f"{name}/input": x.detach().numpy(), f"{name}/goal": goal, f"{name}/output": y.detach().numpy()})
    arrays[f"{name}/by/input"] = x.grad.numpy()
    for key, each in values.items():
        arrays[f"{name}/{key}"], arrays[f"{name}/by/{key}"] = each.detach().numpy(), each.grad.numpy()


def first(x: torch.Tensor) -> torch.Tensor:
    return x.movedim(-1, 1)


def last(x: torch.Tensor) -> torch.Tensor:
    return x.movedim(1, -1)


def turned(kernel: torch.Tensor) -> torch.Tensor:
    """`(*k, a, b)` to `(b, a, *k)`."""
    return kernel.movedim((-1, -2), (0, 1))


def classifier(x: torch.Tensor, w: Values) -> torch.Tensor:
    y = F.relu(F.conv2d(first(x), turned(w["c/kernel"]), w["c/bias"], stride=2, padding=1))
    flat = last(F.max_pool2d(y, 2)).flatten(1)
    return F.softmax(flat @ w["d/kernel"] + w["d/bias"], -1)


network(
    "classifier",
    (9, 8, 2),
    [
        "Conv2D(4, 3, strides=2, padding=1, activation='relu', name='c')",
        "MaxPooling2D(2)",
        "Flatten()",
        "Dense(3, activation='softmax', name='d')",
    ],
    {"c/kernel": (3, 3, 2, 4), "c/bias": (4,), "d/kernel": (16, 3), "d/bias": (3,)},
    classifier,
)


def normalized(x: torch.Tensor, w: Values) -> torch.Tensor:
    y = F.conv2d(first(x), turned(w["c/kernel"]), dilation=2, groups=2)
    y = F.batch_norm(y, None, None, w["n/gamma"], w["n/beta"], training=True, eps=1e-3)
    return last(F.avg_pool2d(F.silu(y), (3, 2), (1, 2), (1, 0), count_include_pad=False))


network(
    "normalized",
    (8, 9, 4),
    [
        "Conv2D(4, 3, dilation_rate=2, groups=2, use_bias=False, name='c')",
        "BatchNormalization(name='n')",
        "Activation('silu')",
        "AveragePooling2D((3, 2), (1, 2), [[1, 1], [0, 0]])",
    ],
    {"c/kernel": (3, 3, 2, 4), "n/gamma": (4,), "n/beta": (4,)},
    normalized,
)


def enlarged(x: torch.Tensor, w: Values) -> torch.Tensor:
    y = F.conv_transpose2d(
        first(x), turned(w["t/kernel"]), w["t/bias"], stride=(2, 3), padding=1, output_padding=(1, 0)
    )
    y = F.group_norm(y, 2, w["g/gamma"], w["g/beta"], eps=1e-3)
    return last(F.softplus(y))


network(
    "enlarged",
    (4, 3, 3),
    [
        "Conv2DTranspose(4, 3, strides=(2, 3), padding=1, output_padding=(1, 0), name='t')",
        "GroupNormalization(2, name='g')",
        "Activation('softplus')",
    ],
    {"t/kernel": (3, 3, 4, 3), "t/bias": (4,), "g/gamma": (4,), "g/beta": (4,)},
    enlarged,
)


def signal(x: torch.Tensor, w: Values) -> torch.Tensor:
    y = last(F.conv1d(F.pad(first(x), (2, 2), "replicate"), turned(w["c/kernel"]), w["c/bias"]))
    y = F.layer_norm(y, (3,), w["n/gamma"], w["n/beta"], eps=1e-3)
    return F.log_softmax(F.gelu(y) @ w["d/kernel"] + w["d/bias"], -1)


network(
    "signal",
    (7, 2),
    [
        "Conv1D(3, 5, padding=2, padding_mode='replicate', name='c')",
        "LayerNormalization(name='n')",
        "Activation('gelu')",
        "Dense(4, activation='log_softmax', name='d')",
    ],
    {"c/kernel": (5, 2, 3), "c/bias": (3,), "n/gamma": (3,), "n/beta": (3,), "d/kernel": (3, 4), "d/bias": (4,)},
    signal,
)


def volume(x: torch.Tensor, w: Values) -> torch.Tensor:
    y = F.conv3d(first(x), turned(w["c/kernel"]), w["c/bias"], stride=(1, 2, 1))
    y = F.prelu(y, w["p/alpha"].flatten())
    return y.amax((2, 3, 4)) * torch.sigmoid(F.elu(y)).mean((2, 3, 4))


network(
    "volume",
    (4, 5, 4, 2),
    [
        "Conv3D(3, 2, strides=(1, 2, 1), name='c')",
        "PReLU(shared_axes=[1, 2, 3], name='p')",
        {"GlobalMaxPooling3D": {"name": "most"}},
        {"Activation": {"activation": "elu", "inputs": "p", "name": "e"}},
        {"Activation": {"activation": "sigmoid", "name": "s"}},
        {"GlobalAveragePooling3D": {"name": "mean"}},
        {"multiply": {"inputs": ["most", "mean"]}},
    ],
    {"c/kernel": (2, 2, 2, 2, 3), "c/bias": (3,), "p/alpha": (1, 1, 1, 3)},
    volume,
)

write_lines("gradients", {"made_with": {"torch": torch.__version__}, "cases": cases})
np.savez_compressed(HERE / "gradients.npz", **arrays)

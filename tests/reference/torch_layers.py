"""Random layers and Sequentials in PyTorch's words, and what PyTorch makes of them.

`python tests/reference/torch_layers.py --layers 1500 --models 300` compares convcli with PyTorch: shapes, parameters,
buffers, multiply-accumulates, and numbers in float64. `--write` stores a small sample instead, for the tests. It needs
PyTorch and convcli's own dependencies; run it from the root of the repository with PYTHONPATH=.
"""

from __future__ import annotations

import argparse
import random
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import torch
from _store import HERE, write_lines
from torch import nn

TOLERANCE = 1e-10  # relative to the largest output
STORED_LAYERS, STORED_MODELS = 110, 20
Choice = tuple[str, tuple[int, ...]]  # an expression, and the shape of a sample with channels first


def literal(value: Any) -> str:
    return repr(tuple(value)) if isinstance(value, list) else repr(value)


def call(name: str, *positional: Any, **named: Any) -> str:
    texts = [*map(literal, positional), *(f"{key}={literal(value)}" for key, value in named.items())]
    return f"{random.choice(('nn.', 'torch.nn.', 'nn.'))}{name}({', '.join(texts)})"


def some(draw: random.Random, **options: Any) -> dict[str, Any]:
    """Return some of the options."""
    return {name: value for name, value in options.items() if draw.random() < 0.5}


class Drawing:
    """Draws layers for inputs of a given shape."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)

    def per_axis(self, rank: int, least: int, most: int) -> Any:
        numbers = [self.draw.randint(least, most) for _ in range(rank)]
        return numbers[0] if self.draw.random() < 0.5 else numbers

    def pairs(self, rank: int, least: int, most: int) -> Any:
        numbers = [self.draw.randint(least, most) for _ in range(2 * rank)]
        return numbers[0] if self.draw.random() < 0.3 else numbers

    def shape(self, rank: int) -> tuple[int, ...]:
        return (
            self.draw.choice((1, 2, 3, 4, 6, 8)),
            *(self.draw.randint(5, 11 - 2 * (rank == 3)) for _ in range(rank)),
        )

    def layer(self, shape: tuple[int, ...]) -> str:
        kinds = [self.activation, self.linear, self.norm, self.shape_change]
        if len(shape) > 1:
            kinds += [self.convolution] * 3 + [self.transposed, self.pool, self.pool, self.adaptive, self.padding]
            kinds += [self.upsample, self.space_norm]
        return self.draw.choice(kinds)(shape)

    def convolution(self, shape: tuple[int, ...]) -> str:
        draw, rank = self.draw, len(shape) - 1
        groups = draw.choice([g for g in (1, 1, 2, 3, shape[0]) if shape[0] % g == 0])
        out = groups * draw.randint(1, 3)
        options = some(
            draw,
            stride=self.per_axis(rank, 1, 3),
            padding=draw.choice((self.per_axis(rank, 0, 2), "valid")),
            dilation=self.per_axis(rank, 1, 2),
            padding_mode=draw.choice(("zeros", "reflect", "replicate", "circular")),
            bias=draw.random() < 0.5,
        )
        if groups > 1:
            options["groups"] = groups
        if draw.random() < 0.15:
            options |= {"padding": "same", "stride": 1}
        if draw.random() < 0.1:
            return call(f"LazyConv{rank}d", out, self.per_axis(rank, 1, 3), **options)
        if set(options) <= {"stride"} and draw.random() < 0.5:
            return call(f"Conv{rank}d", shape[0], out, self.per_axis(rank, 1, 3), *options.values())
        return call(f"Conv{rank}d", shape[0], out, self.per_axis(rank, 1, 3), **options)

    def transposed(self, shape: tuple[int, ...]) -> str:
        draw, rank = self.draw, len(shape) - 1
        groups = draw.choice([g for g in (1, 2, shape[0]) if shape[0] % g == 0])
        stride = draw.randint(1, 3)
        options = some(
            draw,
            padding=self.per_axis(rank, 0, 2),
            dilation=self.per_axis(rank, 1, 2),
            output_padding=draw.randint(0, stride - 1),
            bias=draw.random() < 0.5,
        )
        options |= {"stride": stride, "groups": groups}
        return call(
            f"ConvTranspose{rank}d", shape[0], groups * draw.randint(1, 3), self.per_axis(rank, 1, 4), **options
        )

    def pool(self, shape: tuple[int, ...]) -> str:
        draw, rank = self.draw, len(shape) - 1
        size = draw.randint(1, 4)
        common = some(
            draw, stride=self.per_axis(rank, 1, 4), padding=draw.randint(0, size // 2), ceil_mode=draw.random() < 0.7
        )
        kind = draw.choice(("Max", "Avg", "Avg", "LP"))
        if kind == "Max":
            return call(f"MaxPool{rank}d", size, **common, **some(draw, dilation=draw.randint(1, 2)))
        if kind == "LP":
            common.pop("padding", None)
            if rank == 1 and isinstance(common.get("stride"), list):
                common["stride"] = common["stride"][0]
            return call(f"LPPool{rank}d", 2, size, **common)
        divisor = {"divisor_override": draw.randint(1, 5)} if rank > 1 else {}
        return call(f"AvgPool{rank}d", size, **common, **some(draw, count_include_pad=draw.random() < 0.5, **divisor))

    def adaptive(self, shape: tuple[int, ...]) -> str:
        rank = len(shape) - 1
        size = [self.draw.choice((None, 1, 2, 3, 4, 7, 12)) for _ in range(rank)]
        size = [extent or 5 for extent in size] if rank == 1 else size
        size = self.draw.choice((1, 3, size)) if rank > 1 else self.draw.choice((1, size[0]))
        return call(f"Adaptive{self.draw.choice(('Max', 'Avg'))}Pool{rank}d", size)

    def padding(self, shape: tuple[int, ...]) -> str:
        rank, kind = len(shape) - 1, self.draw.choice(("Reflection", "Replication", "Circular", "Constant", "Zero"))
        signed = kind in ("Constant", "Zero")
        padding = self.pairs(rank, -1 if signed else 0, 3)
        return call(f"{kind}Pad{rank}d", padding, *((self.draw.choice((0.5, -2.0)),) if kind == "Constant" else ()))

    def upsample(self, shape: tuple[int, ...]) -> str:
        draw, rank = self.draw, len(shape) - 1
        if rank == 2 and draw.random() < 0.3:
            if draw.random() < 0.5 and shape[0] % 4 == 0:
                return call("PixelShuffle", 2)
            divisors = [n for n in (1, 2, 3) if shape[1] % n == 0 and shape[2] % n == 0]
            return call("PixelUnshuffle", draw.choice(divisors))
        linear = {1: "linear", 2: "bilinear", 3: "trilinear"}[rank]
        mode = draw.choice(("nearest", "nearest-exact", linear, linear, *(["bicubic"] if rank == 2 else [])))
        factor = draw.choice((2, 3, 1.5, 2.5, 0.6, [draw.choice((1, 2, 1.7)) for _ in range(rank)]))
        where = draw.choice(({"scale_factor": factor}, {"size": self.per_axis(rank, 2, 15)}))
        aligned = {} if mode.startswith("nearest") else some(draw, align_corners=draw.random() < 0.7)
        recompute = some(draw, recompute_scale_factor=True) if "scale_factor" in where else {}
        return call("Upsample", **where, mode=mode, **aligned, **({} if aligned.get("align_corners") else recompute))

    def linear(self, shape: tuple[int, ...]) -> str:
        if self.draw.random() < 0.1:
            return call("LazyLinear", self.draw.randint(1, 5))
        return call("Linear", shape[-1], self.draw.randint(1, 5), **some(self.draw, bias=self.draw.random() < 0.5))

    def norm(self, shape: tuple[int, ...]) -> str:
        draw, channels = self.draw, shape[0]
        eps = some(draw, eps=draw.choice((1e-3, 1e-6)))
        kind = draw.choice(("Group", "Layer", "RMS", "Batch", "Batch", "LRN"))
        if kind == "Group":
            groups = draw.choice([g for g in (1, 2, 3, channels) if channels % g == 0])
            return call("GroupNorm", groups, channels, **eps, **some(draw, affine=draw.random() < 0.5))
        if kind in ("Layer", "RMS"):
            last = list(shape[-draw.randint(1, len(shape)) :])
            return call(f"{kind}Norm", last, **eps, **some(draw, elementwise_affine=draw.random() < 0.5))
        if kind == "LRN" and len(shape) > 1:
            options = some(draw, alpha=0.5, beta=0.6, k=2.0)
            return call("LocalResponseNorm", draw.randint(1, 5), **options)
        lazy = draw.random() < 0.1
        rank = max(1, len(shape) - 1)
        name, arguments = (f"LazyBatchNorm{rank}d", ()) if lazy else (f"BatchNorm{rank}d", (channels,))
        return call(name, *arguments, **eps, **some(draw, momentum=0.2, affine=draw.random() < 0.5))

    def space_norm(self, shape: tuple[int, ...]) -> str:
        rank = len(shape) - 1
        return call(f"InstanceNorm{rank}d", shape[0], **some(self.draw, affine=self.draw.random() < 0.7, eps=1e-3))

    def shape_change(self, shape: tuple[int, ...]) -> str:
        draw, axes = self.draw, len(shape)
        kind = draw.choice(("Flatten", "Unflatten", "Shuffle", "Identity", "Dropout"))
        if kind == "Flatten":
            start = draw.randint(1, axes)
            return call("Flatten", *draw.choice(((), (start,), (start, draw.randint(start, axes)))))
        if kind == "Unflatten":
            axis = draw.randint(1, axes)
            factors = [n for n in (1, 2, 3) if shape[axis - 1] % n == 0]
            size = [draw.choice(factors), -1] if axes < 4 else [-1]
            return call("Unflatten", draw.choice((axis, axis - axes - 1)), size)
        if kind == "Shuffle" and axes == 3:
            return call("ChannelShuffle", draw.choice([n for n in (1, 2, 3) if shape[0] % n == 0]))
        if kind == "Dropout":
            dropouts = ["Dropout", "AlphaDropout", *([f"Dropout{axes - 1}d"] if axes > 1 else [])]
            return call(draw.choice(dropouts), **some(draw, p=0.3))
        return call("Identity", *draw.choice(((), (54,))))

    def activation(self, shape: tuple[int, ...]) -> str:
        draw = self.draw
        plain = ("ReLU", "ReLU6", "SELU", "Sigmoid", "LogSigmoid", "Hardsigmoid", "SiLU", "Hardswish", "Mish", "Tanh")
        dim = draw.randint(1, len(shape))
        halved = [axis for axis in range(1, len(shape) + 1) if shape[axis - 1] % 2 == 0]
        options: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
            *((name, (), {}) for name in plain),
            ("ReLU", (True,), {}),
            ("LeakyReLU", (), some(draw, negative_slope=0.2)),
            ("PReLU", draw.choice(((), (shape[0],))), {}),
            ("RReLU", (), some(draw, lower=0.1, upper=0.2)),
            ("ELU", (), some(draw, alpha=0.5)),
            ("CELU", (), some(draw, alpha=0.5)),
            ("GELU", (), some(draw, approximate="tanh")),
            ("Hardtanh", (), some(draw, min_val=-0.5, max_val=2.0)),
            ("Tanhshrink", (), {}),
            ("Softshrink", (), some(draw, lambd=0.3)),
            ("Hardshrink", (), some(draw, lambd=0.3)),
            ("Softplus", (), some(draw, beta=2.0, threshold=1.0)),
            ("Softsign", (), {}),
            ("Threshold", (0.1, -3.0), {}),
            *((("GLU", (draw.choice(halved),), {}),) if halved else ()),
            ("Softmax", (dim,), {}),
            ("Softmin", (), {"dim": dim - len(shape) - 1}),
            ("LogSoftmax", (dim,), {}),
            *((("Softmax2d", (), {}),) if len(shape) == 3 else ()),
        )
        name, positional, named = draw.choice(options)
        return call(name, *positional, **named)


def build(text: str) -> nn.Module:
    """Return the module of an expression that this script has drawn."""
    return eval(text, {"nn": nn, "torch": torch})


def random_layers(count: int, seed: int) -> Iterator[Choice]:
    """Yield layers that PyTorch takes, each with the shape of a sample."""
    drawing, found = Drawing(seed), 0
    while found < count:
        shape = drawing.shape(drawing.draw.choice((0, 1, 1, 2, 2, 2, 3)))
        text = drawing.layer(shape)
        if output_of(text, shape) is not None:
            found += 1
            yield text, shape


def random_models(count: int, seed: int) -> Iterator[Choice]:
    """Yield Sequentials, some of them nested, each with the shape of a sample."""
    drawing, found = Drawing(seed), 0
    while found < count:
        shape = start = drawing.shape(drawing.draw.choice((1, 2, 2, 3)))
        texts: list[str] = []
        for _ in range(30):
            text = drawing.layer(shape)
            y = output_of(text, shape)
            if y is not None and y.numel() < 20_000 and len(y.shape) > 1:
                texts.append(text)
                shape = tuple(y.shape[1:])
            if len(texts) == 6:
                break
        if len(texts) < 3:
            continue
        inner = f"nn.Sequential({', '.join(texts[1:3])})"
        named = f"nn.Sequential(OrderedDict([('a', {texts[1]}), ('b', {texts[2]})]))"
        second = drawing.draw.choice((inner, named.replace("OrderedDict", "dict"), ", ".join(texts[1:3])))
        text = f"nn.Sequential({', '.join((texts[0], second, *texts[3:]))})"
        if "dict(" in text:
            text = text.replace("nn.Sequential(dict([", "nn.Sequential(OrderedDict([")
        found += 1
        yield text, start


def output_of(text: str, shape: tuple[int, ...]) -> torch.Tensor | None:
    """Return the output for some input, None where PyTorch refuses."""
    try:
        with torch.no_grad():
            y = build(text).double().eval()(torch.randn(2, *shape, dtype=torch.float64))
    except (RuntimeError, ValueError, IndexError, AssertionError, NotImplementedError):
        return None
    return y if y.numel() and torch.isfinite(y).all() and len(y.shape) > 1 else None


# ---- what PyTorch makes of them ----

NAMES = {  # convcli's names of PyTorch's weights
    "BatchNorm": {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"},
    "InstanceNorm": {"weight": "gamma", "bias": "beta"},
    "GroupNorm": {"weight": "gamma", "bias": "beta"},
    "LayerNorm": {"weight": "gamma", "bias": "beta"},
    "RMSNorm": {"weight": "scale"},
    "PReLU": {"weight": "alpha"},
}


def weights_of(module: nn.Module, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw every weight of a module, and return them by convcli's keys in its layouts."""
    arrays = {}
    for path, part in module.named_modules():
        for name, tensor in [*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)]:
            if name == "num_batches_tracked":
                continue
            values = np.round(rng.standard_normal(tuple(tensor.shape)) * 64) / 64
            values = np.abs(values) + 0.25 if name == "running_var" else values
            tensor.data.copy_(torch.from_numpy(values))
            kind = type(part).__name__
            names = next((own for prefix, own in NAMES.items() if kind.startswith(prefix)), None)
            ours = names[name] if names else {"weight": "kernel", "bias": "bias"}[name]
            if ours == "kernel":
                values = np.moveaxis(values, (0, 1), (-1, -2))
            arrays[f"{path or '0'}/{ours}"] = values
    return arrays


def macs_of(module: nn.Module, x: torch.Tensor) -> int:
    """Count multiplications by kernel weights: each weight meets each output cell, or each input cell if transposed."""
    counts = []

    def count(part: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        if isinstance(part, nn.Linear):
            counts.append(part.weight.numel() * prod(output.shape[1:-1]))
        elif isinstance(part, nn.modules.conv._ConvNd):
            cells = inputs[0] if part.transposed else output
            counts.append(part.weight.numel() * prod(cells.shape[2:]))

    for part in module.modules():
        part.register_forward_hook(count)
    module(x)
    return sum(counts)


def facts(text: str, shape: tuple[int, ...], seed: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what PyTorch says of a module: counts and printed text, and arrays: input, weights, output."""
    from collections import OrderedDict

    rng = np.random.default_rng(seed)
    module = eval(text, {"nn": nn, "torch": torch, "OrderedDict": OrderedDict}).double()
    x = torch.from_numpy(np.round(rng.standard_normal((2, *shape)) * 64) / 64)
    with torch.no_grad():
        module.eval()(x)  # lazy layers get their weights
        arrays = weights_of(module, rng)
        y = module(x)
        case = {
            "text": text,
            "printed": str(module),
            "shape": list(shape),
            "output_shape": list(y.shape[1:]),
            "params": sum(parameter.numel() for parameter in module.parameters()),
            "buffers": sum(buffer.numel() for buffer in module.buffers()),
            "macs": macs_of(module, x),
        }
    return case, {"input": x.numpy(), "output": y.numpy(), **arrays}


def problem(case: dict[str, Any], arrays: dict[str, np.ndarray]) -> str | None:
    """Return how convcli differs from PyTorch, None where it agrees."""
    import convcli

    is_model = case["text"].startswith("nn.Sequential(")
    try:
        model = convcli.load(case["text"] if is_model else [case["text"]])
        summary = convcli.summarize(model, case["shape"])
        own = {**summary, "output_shape": summary["output_shape"][1:]}
        for key in ("output_shape", "params", "buffers", "macs"):
            if own[key] != case[key]:
                return f"{key}: {own[key]}, PyTorch's {case[key]}"
        weights = {key: array for key, array in arrays.items() if "/" in key}
        result = convcli.apply(model, arrays["input"], weights=weights)
    except convcli.ConvcliError as error:
        return str(error)
    expected = arrays["output"]
    difference = np.abs(result - expected).max()
    scale = max(1.0, np.abs(expected).max())
    return f"numbers differ by {difference:.3g}" if not difference <= TOLERANCE * scale else None


def campaign(layers: int, models: int, seed: int) -> int:
    kinds: Counter[str] = Counter()
    failures = 0
    choices = [*random_layers(layers, seed), *random_models(models, seed)]
    for number, (text, shape) in enumerate(choices):
        kinds[text.partition("(")[0].rpartition(".")[2]] += 1
        wrong = problem(*facts(text, shape, number))
        if wrong:
            failures += 1
            print(f"{text} on {shape}: {wrong}")
    print(f"{layers} layers of {len(kinds) - 1} classes and {models} Sequentials, {failures} differ")
    return 1 if failures else 0


def write(seed: int) -> None:
    cases, stored = [], {}
    for number, (text, shape) in enumerate([*random_layers(STORED_LAYERS, seed), *random_models(STORED_MODELS, seed)]):
        case, arrays = facts(text, shape, number)
        cases.append(case)
        stored.update({f"{number}/{key}": array for key, array in arrays.items()})
    write_lines("torch_layers", {"made_with": {"torch": torch.__version__, "numpy": np.__version__}, "cases": cases})
    np.savez_compressed(HERE / "torch_layers.npz", **stored)
    print(f"{len(cases)} cases, {(HERE / 'torch_layers.npz').stat().st_size / 1000:.0f} kB")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=1500)
    parser.add_argument("--models", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    random.seed(options.seed)
    torch.manual_seed(options.seed)
    if options.write:
        write(options.seed)
        return 0
    return campaign(options.layers, options.models, options.seed)


if __name__ == "__main__":
    sys.exit(main())

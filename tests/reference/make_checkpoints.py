"""Write checkpoints/: files of torch.save in each format, and expected.npz: what they hold."""

import warnings

import numpy as np
import torch
from _store import HERE

FOLDER = HERE / "checkpoints"
INTEGERS = [f"{sign}int{bits}" for sign in ("u", "") for bits in (8, 16, 32, 64)]
DTYPES = ["float64", "float32", "float16", "bfloat16", *INTEGERS, "bool"]


def all_tensors() -> dict[str, torch.Tensor]:
    """Return tensors of every dtype, and views of shared, transposed, repeated and empty storages."""
    whole = torch.arange(24.0).reshape(2, 3, 4)
    tensors = {name: torch.arange(6).reshape(2, 3).to(getattr(torch, name)) for name in DTYPES}
    tensors |= {"whole": whole, "part": whole[:, 1:, ::2], "transposed": whole.permute(2, 0, 1)}
    tensors |= {"repeated": torch.ones(1).expand(3, 4), "scalar": torch.tensor(3.5), "empty": torch.zeros(0, 3)}
    return tensors | {"parameter": torch.nn.Parameter(torch.ones(2))}


def save_network() -> None:
    """Write a network of layers with every layout of weights: its print, its state dict, an input and its output."""
    torch.manual_seed(0)
    nn = torch.nn
    network = nn.Sequential(
        nn.Conv2d(2, 4, (3, 2), groups=2),
        nn.BatchNorm2d(4),
        nn.PReLU(4),
        nn.ConvTranspose2d(4, 6, 3, groups=2, stride=2),
        nn.GroupNorm(2, 6),
        nn.LayerNorm([6, 9, 11]),
        nn.Conv2d(6, 6, 3, groups=6, bias=False),
        nn.Flatten(),
        nn.Linear(6 * 7 * 9, 3),
        nn.PReLU(),
    )
    network = network.double().eval()
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + 0.5 if name.endswith("var") else torch.randn_like(tensor))
    torch.save(network.state_dict(), FOLDER / "network.pth")
    (FOLDER / "network.txt").write_text(f"{network}\n")
    images = torch.randn(2, 2, 6, 6, dtype=torch.float64)
    np.savez_compressed(FOLDER / "network.npz", input=images.numpy(), output=network(images).detach().numpy())


def main() -> None:
    warnings.simplefilter("ignore")
    FOLDER.mkdir(exist_ok=True)
    tensors = all_tensors()
    torch.save(tensors, FOLDER / "zip.pth")
    torch.save(tensors, FOLDER / "protocol-5.pth", pickle_protocol=5)
    torch.save(tensors, FOLDER / "stream.pth", _use_new_zipfile_serialization=False)
    nested = {"epoch": 3, "state_dict": {f"module.{name}": tensor for name, tensor in tensors.items()}}
    torch.save(nested, FOLDER / "training.pth")
    module = torch.nn.Linear(1, 1)
    torch.save(module, FOLDER / "whole-module.pth")
    torch.save(module, FOLDER / "whole-module-stream.pth", _use_new_zipfile_serialization=False)
    torch.jit.save(torch.jit.script(module), FOLDER / "torchscript.pt")
    torch.save({"a": torch.ones(2).to(torch.float8_e5m2)}, FOLDER / "float8.pth")
    torch.save({"a": torch.ones(2, dtype=torch.complex64)}, FOLDER / "complex.pth")
    torch.save({"a": torch.eye(2).to_sparse()}, FOLDER / "sparse.pth")
    torch.save(torch.ones(2), FOLDER / "single.pth")
    torch.save([torch.ones(2)], FOLDER / "list.pth")
    save_network()
    wide = {name: (tensor.float() if tensor.dtype is torch.bfloat16 else tensor) for name, tensor in tensors.items()}
    np.savez_compressed(FOLDER / "expected.npz", **{name: tensor.detach().numpy() for name, tensor in wide.items()})
    print(f"torch {torch.__version__}: {len(tensors)} tensors, {len(list(FOLDER.iterdir()))} files")


if __name__ == "__main__":
    main()

"""Write torchvision.json: the printed text of torchvision's sequential networks, and what PyTorch counts in them."""

import torch
from _store import write_lines

# Only the networks are used: the operators of torchvision need not fit this version of PyTorch.
register = torch.library.register_fake
torch.library.register_fake = lambda name, *rest, **named: (
    (lambda function: function) if str(name).startswith("torchvision::") else register(name, *rest, **named)
)
torch.library.Library("torchvision", "DEF")

import torchvision  # noqa: E402


def facts(name: str, module: torch.nn.Module, shape: tuple[int, ...]) -> dict:
    macs = []

    def count(part: torch.nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        if isinstance(part, torch.nn.Conv2d | torch.nn.Linear):
            macs.append(part.weight.numel() * output[0, 0].numel() if output.ndim > 2 else part.weight.numel())

    for part in module.modules():
        part.register_forward_hook(count)
    with torch.no_grad():
        output = module.eval()(torch.zeros(1, *shape))
    return {
        "name": name,
        "printed": str(module),
        "shape": list(shape),
        "output_shape": list(output.shape[1:]),
        "params": sum(parameter.numel() for parameter in module.parameters()),
        "buffers": sum(buffer.numel() for buffer in module.buffers()),
        "macs": sum(macs),
    }


models = torchvision.models
cases = [
    facts(name, getattr(models, name)(), (3, 224, 224))
    for name in ("alexnet", "vgg11", "vgg13_bn", "vgg16", "vgg19", "vgg19_bn")
]
cases.append(facts("alexnet.features", models.alexnet().features, (3, 224, 224)))
cases.append(facts("vgg16_bn.features", models.vgg16_bn().features, (3, 224, 224)))
squeezenet = models.squeezenet1_1()
cases.append(facts("squeezenet1_1.features[:3]", squeezenet.features[:3], (3, 224, 224)))
fire = squeezenet.features[3]
for branch in (1, 3):
    names = ("squeeze", "squeeze_activation", f"expand{branch}x{branch}", f"expand{branch}x{branch}_activation")
    block = torch.nn.Sequential(*(getattr(fire, name) for name in names))
    cases.append(facts(f"squeezenet1_1.features[3], branch {branch}", block, (64, 55, 55)))
cases.append(facts("squeezenet1_1.classifier", squeezenet.classifier, (512, 13, 13)))
write_lines("torchvision", {"made_with": {"torch": torch.__version__, "torchvision": "0.28"}, "cases": cases})

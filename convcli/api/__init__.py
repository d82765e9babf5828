"""The library: load a model, ask for its shapes and counts, apply it to arrays; or one function, `convolve`."""

from convcli.api.explaining import explain, explained, scene
from convcli.api.learning import Fitted, Learned, Lesson, fit
from convcli.api.models import build, load
from convcli.api.options import Options
from convcli.api.running import Prepared, apply, convolve, prepare, run
from convcli.api.shapes import sizes, summarize
from convcli.api.tasks import ENOUGH, TOLERANCE, Run, Task

__all__ = [
    "ENOUGH",
    "TOLERANCE",
    "Fitted",
    "Learned",
    "Lesson",
    "Options",
    "Prepared",
    "Run",
    "Task",
    "apply",
    "build",
    "convolve",
    "explain",
    "explained",
    "fit",
    "load",
    "prepare",
    "run",
    "scene",
    "sizes",
    "summarize",
]

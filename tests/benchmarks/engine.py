"""How fast the engine is: 19 layers and 3 networks, in steady state and as whole processes, beside other programs.

    python tests/benchmarks/engine.py [--rounds N] [--parts PART ...] [--only NAME ...] [--core CORE ...] [--json]
                                      [--plot FILE.svg]

The peers are those of PyTorch, ONNX Runtime, OpenCV, SciPy and Keras that this Python has. They take turns with
convcli, round after round. So does convcli on further cores (`--core avx512 numpy`): ratios are those of the first, and
in steady state the times on the others stand beside them. Figures are medians. A ratio is the median, over the rounds,
of convcli's time over that of the peer that is the fastest in that case. A share is the least time that the machine
would need, by its measured matrix products and copies, over the time taken.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from math import exp, log
from pathlib import Path
from typing import Any

# As the command line does; other programs do not read this variable.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

import growth
import measure
import networks
import numpy as np
import peers
from cases import BOUND, CASES, NETWORKS, TOY, Case

import convcli
from convcli.engine.algorithms.table import ALGORITHMS
from convcli.engine.native.core import LEVELS, describe_core, native_core

PARTS = ("steady", "algorithms", "networks", "whole", "growth")
Row = dict[str, Any]


def error_of(y: np.ndarray, exact: np.ndarray) -> float:
    """Return the largest difference over the largest value."""
    return float(np.abs(y - exact).max() / np.abs(exact).max())


def on_cores(cores: Sequence[str], prepare: Callable[[], convcli.Prepared]) -> dict[str, convcli.Prepared]:
    """Return what `prepare` makes on each of the cores; on the one that is there by default, where none is named."""
    if not cores:
        return {"convcli": prepare()}
    prepared = {}
    for core in cores:
        os.environ["CONVCLI_CORE"] = core
        native_core.cache_clear()
        prepared[f"convcli {core}" if prepared else "convcli"] = prepare()
    os.environ["CONVCLI_CORE"] = cores[0]
    native_core.cache_clear()
    return prepared


def steady_row(
    name: str,
    own: Mapping[str, convcli.Prepared],
    x: np.ndarray,
    exact: np.ndarray,
    scripts: Sequence[peers.Script],
    rounds: int,
) -> Row:
    """Return the milliseconds of all programs, and convcli's ratio, error and algorithms. `own` is from `on_cores`."""
    calls: dict[str, Callable[[], Any]] = {program: partial(prepared, x) for program, prepared in own.items()}
    calls |= {script.peer: script.prepared_call() for script in scripts}
    prepared = own["convcli"]
    times = measure.time_calls(calls, rounds)
    row: Row = {"name": name, "ms": {program: measure.median_ms(times[program]) for program in calls}, "ratio": None}
    if scripts:
        row["best peer"] = best = measure.fastest(times, [script.peer for script in scripts])
        row["ratio"] = measure.median_ratio(times["convcli"], times[best])
    row["algorithm"] = sorted({*sum(prepared.algorithms.values(), ())})
    row["error"] = error_of(prepared(x), exact)
    for each in own.values():
        each.close()
    return row


def steady(
    cases: Sequence[Case], rounds: int, limits: Mapping[str, float], installed: list[str], cores: Sequence[str]
) -> Iterator[Row]:
    """Yield a row for each layer in steady state."""
    for case in cases:
        x, kernel = case.arrays()
        model = convcli.load(case.spec)
        weights = None if kernel is None else {f"{model.nodes[0].name}/kernel": kernel}
        exact = convcli.apply(model, x, weights=weights, dtype="float64")
        with tempfile.TemporaryDirectory() as folder:
            peers.write_files(case, Path(folder), installed)
            scripts = peers.scripts(case, Path(folder), installed)
            own = on_cores(cores, partial(convcli.prepare, model, case.input_shape, weights=weights))
            row = steady_row(case.name, own, x, exact, scripts, rounds)
        macs = convcli.summarize(model, case.input_shape)["macs"]
        moved = 4 * (x.size + exact.size + (0 if kernel is None else kernel.size))
        least = max(2 * macs / limits["flops"], moved / limits["bytes"])
        row["share"] = {program: 1e3 * least / ms for program, ms in row["ms"].items()}
        yield row


def algorithms(cases: Sequence[Case], rounds: int) -> Iterator[Row]:
    """Yield a row for each layer: the time of every algorithm that suits it.

    The constants of `convcli.engine.algorithms.choose` come from these figures.
    """
    for case in cases:
        x, kernel = case.arrays()
        if kernel is None:
            continue
        model = convcli.load(case.spec)
        weights = {f"{model.nodes[0].name}/kernel": kernel}
        prepare = partial(convcli.prepare, model, case.input_shape, weights=weights)
        calls = {}
        for name in ALGORITHMS[:-1]:  # without the reference
            with suppress(convcli.ConvcliError):  # where it does not suit
                calls[name] = partial(prepare(algorithm=name), x)
        times = measure.time_calls(calls, rounds)
        (chosen,) = prepare().algorithms.values()
        yield {"name": case.name, "ms": {name: measure.median_ms(times[name]) for name in calls}, "auto": chosen[0]}


def steady_networks(names: Sequence[str], rounds: int, installed: list[str], cores: Sequence[str]) -> Iterator[Row]:
    """Yield a row for each network in steady state."""
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            model, weights = networks.write_files(name, Path(folder), installed)
            x = np.load(Path(folder) / "x.npy")
            exact = convcli.apply(model, x, weights=weights, dtype="float64")
            scripts = networks.scripts(Path(folder), installed)
            own = on_cores(cores, partial(convcli.prepare, model, x.shape[1:], weights=weights))
            yield steady_row(name, own, x, exact, scripts, rounds)


def whole(cases: Sequence[Case], names: Sequence[str], rounds: int, installed: list[str]) -> Iterator[Row]:
    """Yield a row for each layer and network: whole processes from .npy to .npy, with their peak memory."""
    for case in (*cases, *names):
        with tempfile.TemporaryDirectory() as folder:
            name = case if isinstance(case, str) else case.name
            commands = (_network_commands if isinstance(case, str) else _layer_commands)(case, Path(folder), installed)
            figures = measure.time_processes(commands, rounds)
        times = {program: [seconds for seconds, _ in figures[program]] for program in commands}
        peaks = {program: statistics.median(peak for _, peak in figures[program]) / 1024 for program in commands}
        yield {
            "name": name,
            "ms": {program: measure.median_ms(times[program]) for program in commands},
            "ratio": {
                program: measure.median_ratio(times["convcli"], times[program])
                for program in commands
                if program != "convcli"
            },
            "peak_mb": peaks,
        }


def _network_commands(name: str, folder: Path, installed: list[str]) -> dict[str, list[str]]:
    networks.write_files(name, folder, installed)
    return _commands(folder, networks.scripts(folder, installed), "--weights", str(folder / "w.npz"))


def _layer_commands(case: Case, folder: Path, installed: list[str]) -> dict[str, list[str]]:
    peers.write_files(case, folder, installed)
    ((layer, options),) = case.spec[0].items()
    if case.kernel_shape:  # the kernel's file says how many filters there are, and of which size
        options = {key: value for key, value in options.items() if key not in ("filters", "kernel_size")}
        options["kernel"] = "k.npy"
    (folder / "model.json").write_text(json.dumps({"layers": [{layer: options}]}))
    return _commands(folder, peers.scripts(case, folder, installed))


def _commands(folder: Path, scripts: Sequence[peers.Script], *more: str) -> dict[str, list[str]]:
    """Return the command of each program that makes y.npy of x.npy in the folder."""
    x, model, y = (str(folder / name) for name in ("x.npy", "model.json", "y.npy"))
    own = {"convcli": [sys.executable, "-m", "convcli", "apply", x, model, *more, "-o", y]}
    return own | {script.peer: [sys.executable, "-c", script.program(folder)] for script in scripts}


def mean_and_largest(rows: Sequence[Row], names: Sequence[str]) -> tuple[float, float] | None:
    """Return the geometric mean and the largest of convcli's ratios in some cases; None where there are none."""
    ratios = [row["ratio"] for row in rows if row["name"] in names and row["ratio"] is not None]
    return (exp(sum(map(log, ratios)) / len(ratios)), max(ratios)) if ratios else None


# ---- what is printed ----


def steady_line(row: Row) -> str:
    best = row.get("best peer")
    parts = [f"{row['name']:<12}", f"{best or '-':<22} {row['ms'][best]:9.3f}" if best else f"{'-':<32}"]
    ratio = "     -" if row["ratio"] is None else f"{row['ratio']:6.2f}"
    share = f"{100 * row['share']['convcli']:4.0f} %" if "share" in row else ""
    parts.append(f"{row['ms']['convcli']:9.3f} {ratio} {row['error']:8.0e} {share}")
    parts.append(f"{100 * row['share'][best]:4.0f} %" if best and "share" in row else "")
    others = [
        f"{program.removeprefix('convcli ')} {ms:.3f}" for program, ms in row["ms"].items() if "convcli " in program
    ]
    return "  ".join([*parts, "+".join(row["algorithm"]), *others])


def algorithms_line(row: Row) -> str:
    figures = sorted(row["ms"].items(), key=lambda pair: pair[1])
    return f"{row['name']:<12} " + "   ".join(f"{name}{'*' * (name == row['auto'])} {ms:.3g}" for name, ms in figures)


def whole_line(row: Row) -> str:
    ratios = "  ".join(f"{peer} {ratio:.2f}" for peer, ratio in sorted(row["ratio"].items(), key=lambda pair: -pair[1]))
    peaks = "  ".join(f"{program} {peak:.0f}" for program, peak in row["peak_mb"].items())
    return f"{row['name']:<12} {row['ms']['convcli']:8.0f} ms   of {ratios}\n{'':<12} peak MB: {peaks}"


def heading() -> str:
    return f"{'':<12}  {'best peer':<22} {'ms':>9}  {'convcli ms':>9}  ratio    error  share"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="rounds that count [7]")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure [all]")
    parser.add_argument("--only", nargs="+", help="names of cases and networks [all]")
    parser.add_argument(
        "--core", nargs="+", default=[], choices=("numpy", *LEVELS), help="the cores, the first for ratios"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--plot", metavar="FILE.svg", help="draw how the cost grows")
    arguments = parser.parse_args()
    names = [*(case.name for case in (*CASES, TOY)), *NETWORKS]
    if unknown := set(arguments.only or ()) - set(names):
        parser.error(f"--only {' '.join(sorted(unknown))}: there are {', '.join(names)}")
    if arguments.rounds < 1:
        parser.error("--rounds: at least 1")
    arguments.only = set(arguments.only or names)
    return arguments


def main() -> None:
    arguments = parse_arguments()
    cases = [case for case in CASES if case.name in arguments.only]
    names = [name for name in NETWORKS if name in arguments.only]
    if arguments.core:
        os.environ["CONVCLI_CORE"] = arguments.core[0]
    rounds, installed, limits = arguments.rounds, peers.installed(), measure.machine_limits()
    result: dict[str, Any] = {
        "machine": machine(),
        "core": describe_core(os.environ),
        "versions": versions(installed),
        "limits": limits,
        "rounds": rounds,
    }
    say = (lambda *words, **options: None) if arguments.json else print

    def tell(part: str, title: str, rows: Iterator[Row], line: Callable[[Row], str]) -> None:
        if part in arguments.parts:
            say(f"\n{title}")
            result[part] = []
            for row in rows:
                result[part].append(row)
                say(line(row), flush=True)

    say(f"{result['machine']['processor']}, {result['machine']['cores']} cores", end="; ")
    say(", ".join(f"{name} {version}" for name, version in result["versions"].items()))
    say(f"core: {result['core']}")
    say(f"limits: {limits['flops'] / 1e9:.0f} GFLOP/s (float32 products), {limits['bytes'] / 1e9:.1f} GB/s (copies)")
    title = f"Steady state, layers\n{heading()}  share of the peer"
    tell("steady", title, steady(cases, rounds, limits, installed, arguments.core), steady_line)
    for kind, members in BOUND.items():
        if figures := mean_and_largest(result.get("steady", ()), members):
            say(f"{kind} bound: geometric mean {figures[0]:.2f}, largest {figures[1]:.2f}")
    title = "Steady state, every algorithm that suits: ms; * is the one that is chosen"
    tell("algorithms", title, algorithms(cases, rounds), algorithms_line)
    title = f"Steady state, networks\n{heading()}"
    tell("networks", title, steady_networks(names, rounds, installed, arguments.core), steady_line)
    title = "Whole processes, .npy to .npy: convcli's time, and its ratio to each peer's"
    toys = [TOY] if TOY.name in arguments.only else []
    tell("whole", title, whole([*cases, *toys], names, rounds, installed), whole_line)
    title = "How cost grows: milliseconds, and the slope of log time over the upper half"
    tell("growth", title, growth.rows(rounds), growth.line)
    if arguments.plot and "growth" in result:
        Path(arguments.plot).write_text(growth.plot(result["growth"]), encoding="utf-8")
    if arguments.json:
        print(json.dumps(result, indent=2))


def machine() -> dict[str, Any]:
    """Return the processor's name, its cores that this process may use, and the version of Python."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return {
        "processor": next(names, platform.processor()),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
    }


def versions(installed: Sequence[str]) -> dict[str, str]:
    """Return the versions of NumPy and of the peers."""
    from importlib.metadata import PackageNotFoundError, version

    packages = {"PyTorch": "torch", "ONNX Runtime": "onnxruntime", "OpenCV": "opencv-python-headless"}
    known = {"NumPy": np.__version__}
    for name in installed:
        try:
            known[name] = version(packages.get(name, name.lower()))
        except PackageNotFoundError:
            known[name] = "?"
    return known


if __name__ == "__main__":
    main()

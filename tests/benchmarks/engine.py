"""How fast the engine is: 17 layers and 3 networks, in steady state and as whole processes, beside other programs.

    python tests/benchmarks/engine.py [--rounds N] [--parts PART ...] [--only NAME ...] [--json] [--plot FILE.svg]

Peers are whichever of PyTorch, ONNX Runtime, OpenCV, SciPy and Keras this Python has; they take turns with convcli,
round after round. Figures are medians; a ratio is the median over the rounds of convcli's time to that of the peer that
is the fastest in that case. `fast` is convcli with the extra of that name, where numba is installed. A share is the
least time that the machine would need, by its measured matrix products and copies, over the time taken.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from math import exp, log
from pathlib import Path
from typing import Any

# As the command line does; other programs do not go by this name.
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

PARTS = ("steady", "ways", "networks", "whole", "growth")
FAST = find_spec("numba") is not None
Row = dict[str, Any]


def programs(model: convcli.Model, shape: Sequence[int], weights: Any) -> dict[str, convcli.Prepared]:
    """convcli with and without compiled code."""
    found = {"convcli": convcli.prepare(model, shape, weights=weights, compiled=False)}
    if FAST:
        found["convcli fast"] = convcli.prepare(model, shape, weights=weights, compiled=True)
    return found


def error(y: np.ndarray, exact: np.ndarray) -> float:
    """The largest difference over the largest value."""
    return float(np.abs(y - exact).max() / np.abs(exact).max())


def compared(
    name: str, prepared: Mapping[str, convcli.Prepared], x: np.ndarray, scripts: Sequence[peers.Script], rounds: int
) -> Row:
    """One row of the steady state: milliseconds of all, ratios of convcli to the best peer."""
    calls = {own: (lambda each=each: each(x)) for own, each in prepared.items()}
    calls |= {script.peer: script.steady() for script in scripts}
    times = measure.steady(calls, rounds)
    others = [script.peer for script in scripts]
    row: Row = {"name": name, "ms": {each: 1e3 * statistics.median(times[each]) for each in calls}, "ratio": {}}
    if others:
        row["best peer"] = measure.best(times, others)
        row["ratio"] = {own: measure.ratio(times[own], times[row["best peer"]]) for own in prepared}
    row["algorithm"] = {
        own: sorted({way for ways in each.algorithms.values() for way in ways}) for own, each in prepared.items()
    }
    return row


def steady(cases: Sequence[Case], rounds: int, limits: Mapping[str, float], found: list[str]) -> Iterator[Row]:
    """A row for each layer."""
    for case in cases:
        x, kernel = case.arrays()
        model = convcli.load(case.spec)
        weights = None if kernel is None else {f"{model.nodes[0].name}/kernel": kernel}
        exact = convcli.apply(model, x, weights=weights, dtype="float64")
        prepared = programs(model, case.input_shape, weights)
        with tempfile.TemporaryDirectory() as folder:
            peers.write(case, Path(folder), found)
            row = compared(case.name, prepared, x, peers.scripts(case, Path(folder), found), rounds)
        row["error"] = {own: error(each(x), exact) for own, each in prepared.items()}
        summary = convcli.summarize(model, case.input_shape)
        moved = 4 * (x.size + exact.size + (0 if kernel is None else kernel.size))
        least = max(2 * summary["macs"] / limits["flops"], moved / limits["bytes"])
        row["share"] = {each: 1e3 * least / taken for each, taken in row["ms"].items()}
        for each in prepared.values():
            each.close()
        yield row


def ways(cases: Sequence[Case], rounds: int) -> Iterator[Row]:
    """A row for each layer: every algorithm that suits it. The crossovers of the rule come from here."""
    for case in cases:
        x, kernel = case.arrays()
        if kernel is None:
            continue
        model = convcli.load(case.spec)
        weights = {f"{model.nodes[0].name}/kernel": kernel}
        calls = {}
        for way in ALGORITHMS:
            if way == "plain" or (way == "compiled" and not FAST):
                continue
            with suppress(convcli.ConvcliError):  # where it does not suit
                prepared = convcli.prepare(model, case.input_shape, weights=weights, algorithm=way, compiled=False)
                calls[way] = partial(prepared, x)
        times = measure.steady(calls, rounds)
        taken = {way: 1e3 * statistics.median(each) for way, each in times.items()}
        chosen = convcli.prepare(model, case.input_shape, weights=weights, compiled=False).algorithms
        yield {"name": case.name, "ms": taken, "auto": next(iter(chosen.values()))[0]}


def forward(names: Sequence[str], rounds: int, found: list[str]) -> Iterator[Row]:
    """A row for each network."""
    for name in names:
        with tempfile.TemporaryDirectory() as top:
            folder = Path(top) / name
            folder.mkdir()
            model, weights = networks.write(name, folder, found)
            x = np.load(folder / "x.npy")
            exact = convcli.apply(model, x, weights=weights, dtype="float64")
            prepared = programs(model, x.shape[1:], weights)
            row = compared(name, prepared, x, networks.scripts(folder, found), rounds)
            row["error"] = {own: error(each(x), exact) for own, each in prepared.items()}
            for each in prepared.values():
                each.close()
            yield row


def processes(cases: Sequence[Case], names: Sequence[str], rounds: int, found: list[str]) -> Iterator[Row]:
    """A row for each layer and network: whole processes from .npy to .npy, with their peak memory."""
    command = [sys.executable, "-m", "convcli", "apply"]
    for work in (*cases, *names):
        with tempfile.TemporaryDirectory() as top:
            name = work if isinstance(work, str) else work.name
            folder = Path(top) / name
            folder.mkdir()
            files = [str(folder / each) for each in ("x.npy", "model.json", "y.npy")]
            more: list[str] = []
            if isinstance(work, str):
                networks.write(work, folder, found)
                scripts = networks.scripts(folder, found)
                more = ["--weights", str(folder / "w.npz")]
            else:
                peers.write(work, folder, found)
                ((layer, options),) = work.spec[0].items()
                kernel = {"kernel": "k.npy"} if work.kernel_shape else {}
                options = {
                    key: value
                    for key, value in options.items()
                    if key not in (("filters", "kernel_size") if kernel else ())
                }
                (folder / "model.json").write_text(json.dumps({"layers": [{layer: {**options, **kernel}}]}))
                scripts = peers.scripts(work, folder, found)
            commands = {"convcli": [*command, files[0], files[1], *more, "-o", files[2]]}
            commands |= {script.peer: [sys.executable, "-c", script.whole(folder)] for script in scripts}
            taken = measure.whole(commands, rounds)
            times = {each: [one for one, _ in figures] for each, figures in taken.items()}
            others = [script.peer for script in scripts]
            row: Row = {"name": name, "ms": {each: 1e3 * statistics.median(times[each]) for each in commands}}
            row["ratio"] = {each: measure.ratio(times["convcli"], times[each]) for each in others}
            row["peak_mb"] = {
                each: statistics.median(peak for _, peak in figures) / 1024 for each, figures in taken.items()
            }
            yield row


def mean(rows: Sequence[Row], names: Sequence[str], own: str) -> tuple[float, float] | None:
    """The geometric mean and the largest of the ratios of some cases."""
    ratios = [row["ratio"][own] for row in rows if row["name"] in names and own in row["ratio"]]
    return (exp(sum(map(log, ratios)) / len(ratios)), max(ratios)) if ratios else None


# ---- what is printed ----


def steady_line(row: Row) -> str:
    best = row.get("best peer")
    parts = [f"{row['name']:<12}", f"{best or '-':<22} {row['ms'][best]:9.3f}" if best else f"{'-':<32}"]
    for own in ("convcli", "convcli fast"):
        if own in row["ms"]:
            ratio = f"{row['ratio'][own]:6.2f}" if row["ratio"] else "     -"
            share = f"{100 * row['share'][own]:4.0f} %" if "share" in row else ""
            parts.append(f"{row['ms'][own]:9.3f} {ratio} {row['error'][own]:8.0e} {share}")
    parts.append(f"{100 * row['share'][best]:4.0f} %" if best and "share" in row else "")
    return "  ".join(parts) + "  " + "+".join(row["algorithm"].get("convcli fast", row["algorithm"]["convcli"]))


def ways_line(row: Row) -> str:
    figures = sorted(row["ms"].items(), key=lambda pair: pair[1])
    return f"{row['name']:<12} " + "   ".join(f"{way}{'*' * (way == row['auto'])} {ms:.3g}" for way, ms in figures)


def whole_line(row: Row) -> str:
    ratios = "  ".join(f"{peer} {ratio:.2f}" for peer, ratio in sorted(row["ratio"].items(), key=lambda pair: -pair[1]))
    peaks = "  ".join(f"{peer} {peak:.0f}" for peer, peak in row["peak_mb"].items())
    return f"{row['name']:<12} {row['ms']['convcli']:8.0f} ms   of {ratios}\n{'':<12} peak MB: {peaks}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="rounds that count [7]")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure [all]")
    parser.add_argument("--only", nargs="+", help="names of cases and networks [all]")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--plot", metavar="FILE.svg", help="draw how the cost grows")
    arguments = parser.parse_args()
    every = [*(case.name for case in (*CASES, TOY)), *NETWORKS]
    if unknown := set(arguments.only or ()) - set(every):
        parser.error(f"--only {' '.join(sorted(unknown))}: there are {', '.join(every)}")
    if arguments.rounds < 1:
        parser.error("--rounds: at least 1")
    chosen = set(arguments.only or every)
    cases, names = [case for case in CASES if case.name in chosen], [name for name in NETWORKS if name in chosen]
    found, limits = peers.installed(), measure.limits()
    result: dict[str, Any] = {
        "machine": {
            "processor": processor(),
            "cores": len(os.sched_getaffinity(0)),
            "python": platform.python_version(),
        },
        "versions": versions(found),
        "limits": limits,
        "rounds": arguments.rounds,
    }
    say = (lambda *words: None) if arguments.json else print
    say(
        f"{processor()}, {result['machine']['cores']} cores; "
        + ", ".join(f"{k} {v}" for k, v in result["versions"].items())
    )
    say(f"limits: {limits['flops'] / 1e9:.0f} GFLOP/s (float32 products), {limits['bytes'] / 1e9:.1f} GB/s (copies)")
    heading = f"{'':<12}  {'best peer':<22} {'ms':>9}  {'convcli ms':>9}  ratio    error  share" + (
        f"  {'fast ms':>9}  ratio    error  share" if FAST else ""
    )
    if "steady" in arguments.parts:
        say("\nSteady state, layers\n" + heading + "  share of the peer")
        result["steady"] = _told(steady(cases, arguments.rounds, limits, found), steady_line, say)
        for kind, members in BOUND.items():
            for own in ("convcli", "convcli fast"):
                if figures := mean(result["steady"], members, own):
                    say(f"{kind} bound, {own}: geometric mean {figures[0]:.2f}, largest {figures[1]:.2f}")
    if "ways" in arguments.parts:
        say("\nSteady state, every algorithm that suits: ms; * is what the rule takes without compiled code")
        result["ways"] = _told(ways(cases, arguments.rounds), ways_line, say)
    if "networks" in arguments.parts:
        say("\nSteady state, networks\n" + heading)
        result["networks"] = _told(forward(names, arguments.rounds, found), steady_line, say)
    if "whole" in arguments.parts:
        say("\nWhole processes, .npy to .npy: convcli's time, and its ratio to each peer's")
        toys = [*cases, TOY] if TOY.name in chosen else cases
        result["whole"] = _told(processes(toys, names, arguments.rounds, found), whole_line, say)
    if "growth" in arguments.parts:
        say("\nHow cost grows: milliseconds, and the slope of log time over the upper half")
        result["growth"] = _told(growth.rows(arguments.rounds), growth.line, say)
        if arguments.plot:
            Path(arguments.plot).write_text(growth.plot(result["growth"]), encoding="utf-8")
    if arguments.json:
        print(json.dumps(result, indent=2))


def _told(rows: Iterator[Row], line: Any, say: Any) -> list[Row]:
    kept = []
    for row in rows:
        kept.append(row)
        say(line(row), flush=True) if say is print else None
    return kept


def processor() -> str:
    """What the machine's processor calls itself."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


def versions(found: Sequence[str]) -> dict[str, str]:
    """The versions of NumPy, of the peers, and of what the extra `fast` brings."""
    from importlib.metadata import PackageNotFoundError, version

    packages = {"PyTorch": "torch", "ONNX Runtime": "onnxruntime", "OpenCV": "opencv-python-headless"}
    known = {"NumPy": np.__version__}
    for name in (*found, *(["numba"] if FAST else [])):
        try:
            known[name] = version(packages.get(name, name.lower()))
        except PackageNotFoundError:
            known[name] = "?"
    return known


if __name__ == "__main__":
    main()

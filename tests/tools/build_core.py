"""Build the native core in place, as `pip install -e .` does, in a few seconds and without pip.

`--strict`: every warning of the compiler is an error. `--sanitize`: with the sanitizers for addresses and undefined
behaviour; run Python with the libraries that this prints in LD_PRELOAD. `--compiler`: another one than `cc`.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import sysconfig
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent.parent
STRICT = ["-Wall", "-Wextra", "-Werror"]
SANITIZE = ["-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]


def build(compiler: str, options: list[str], target: Path | None = None) -> Path:
    """Compile and link the extension module that pyproject.toml describes, and return where it is."""
    (extension,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["ext-modules"]
    target = target or ROOT / f"{extension['name'].replace('.', '/')}.abi3.so"
    macros = [f"-D{name}={value}" for name, value in extension["define-macros"]]
    flags = ["-fPIC", *extension["extra-compile-args"], *macros, f"-I{sysconfig.get_paths()['include']}", *options]
    with TemporaryDirectory() as folder:
        objects = [f"{folder}/{number}.o" for number in range(len(extension["sources"]))]

        def compile_one(source: str, output: str) -> None:
            run([*shlex.split(compiler), "-c", str(ROOT / source), "-o", output, *flags])

        with ThreadPoolExecutor() as pool:
            list(pool.map(compile_one, extension["sources"], objects))
        shared = ["-bundle", "-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-shared"]
        run([*shlex.split(compiler), *shared, *objects, "-o", str(target), *extension["extra-link-args"], *options])
    return target


def run(command: list[str]) -> None:
    """Run a command. Where it fails, end the program with what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{shlex.join(command)}\n{done.stdout}{done.stderr}")


def sanitizer_libraries(compiler: str) -> str:
    """Return the libraries that a program must load first, for LD_PRELOAD."""
    names = ("libasan.so", "libubsan.so")
    commands = ([*shlex.split(compiler), f"-print-file-name={name}"] for name in names)
    return " ".join(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() for command in commands
    )


def main() -> None:
    """Build as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--sanitize", action="store_true")
    parser.add_argument("--compiler", default="cc")
    arguments = parser.parse_args()
    options = [*(STRICT if arguments.strict else []), *(SANITIZE if arguments.sanitize else [])]
    build(arguments.compiler, options)
    if arguments.sanitize:
        print(sanitizer_libraries(arguments.compiler))


if __name__ == "__main__":
    main()

"""The virtual environment in which the peers run."""

import subprocess
import sys
import venv
from pathlib import Path

from . import pictures

HERE = Path(__file__).resolve().parents[1]
# What torch and timm need of the packages they ask for, then what the peers import.
PACKAGES = ["filelock", "typing-extensions", "sympy", "networkx", "jinja2", "fsspec", "setuptools>=77.0.3", "pillow",
            "numpy", "transformers", "onnx", "onnxscript", "onnxruntime", "sentencepiece"]
# In a folder of its own, where the suite `train` finds its transforms: beside a build of torch that is not its own the rest
# does not load, and transformers and timm import it if they can.
TORCHVISION = "torchvision==0.29.2"
# A build for CPUs where an index offers one; the usual build includes one.
TORCH = ["torch==2.13.0+cpu", "torch"]


def python():
    """The interpreter of `Benchmarks/.venv`, which is made on first use."""
    folder = HERE / ".venv"
    interpreter = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    complete = folder / "complete"
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    listed = "\n".join(PACKAGES + [TORCHVISION])
    torchvision = ["--no-deps", "--target", str(folder / "torchvision"), TORCHVISION]
    if complete.exists():
        if complete.read_text() != listed:
            # The list has grown since.
            subprocess.run(pip + PACKAGES, check=True)
            subprocess.run(pip + torchvision, check=True)
            complete.write_text(listed)
        return str(interpreter)
    print(f"making {folder}: PyTorch, transformers, timm, torchvision, onnxruntime", file=sys.stderr)
    venv.create(folder, with_pip=True, clear=True)
    for torch in TORCH:
        # Only a wheel: a CPU build that is not offered must not start a search for another.
        if subprocess.run(pip + ["--only-binary", ":all:", "--no-deps", torch]).returncode == 0:
            break
    else:
        sys.exit("compare.py: PyTorch cannot be installed")
    subprocess.run(pip + PACKAGES, check=True)
    # timm asks for torchvision, which is not needed and would ask for another torch.
    subprocess.run(pip + ["--no-deps", "timm"], check=True)
    subprocess.run(pip + torchvision, check=True)
    complete.write_text(listed)
    return str(interpreter)


def versions(interpreter):
    """Names and versions of the peers and of Python."""
    program = (
        "import importlib.metadata as m, platform; "
        "names = 'torch', 'transformers', 'timm', 'onnxruntime', 'numpy', 'sentencepiece', 'tokenizers', "
        "'pillow'; "
        "print(', '.join(f'{n} {m.version(n)}' for n in names) "
        "+ ', Python ' + platform.python_version())")
    return subprocess.run([interpreter, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def make_pictures(interpreter):
    """The files that the suite `train` reads, unless they are there."""
    folder = HERE / ".pictures"
    version = folder / "version"
    if not version.exists() or version.read_text() != pictures.VERSION:
        subprocess.run([interpreter or sys.executable, pictures.__file__, folder], check=True)


def build(reads_images):
    """Builds our program, with libjpeg and libpng if it is to read images, and returns its path."""
    command = ["swift", "build", "--package-path", str(HERE), "-c", "release"]
    if reads_images:
        command += ["--traits", "ImageCodecs"]
    subprocess.run(command + ["--product", "benchmark"], check=True, stdout=sys.stderr)
    folder = subprocess.run(command + ["--show-bin-path"], check=True, capture_output=True, text=True).stdout.strip()
    return f"{folder}/benchmark"

"""Those who do the work: Pairwise and its peers, as processes that answer a name by a measurement."""

import json
import os
import subprocess

from .environment import HERE
from .targets import BARE


class Contender:
    """One program. It keeps running between measurements unless memory is to be measured."""

    def __init__(self, name, command, threads, is_isolated):
        self.name, self.command, self.threads, self.is_isolated = name, command, threads, is_isolated
        self.process = None

    def measure(self, work):
        """One measurement, as a dictionary."""
        if self.process is None:
            # OpenBLAS is told its number of threads by the environment alone.
            environment = os.environ | {"OPENBLAS_NUM_THREADS": str(self.threads)}
            if not self.is_isolated:
                # Else glibc gives memory back or keeps it depending on earlier measurements, and new pages for each result
                # take PyTorch up to ten times as long as a depthwise convolution.
                environment |= {"MALLOC_TRIM_THRESHOLD_": str(1 << 32), "MALLOC_MMAP_THRESHOLD_": str(1 << 32)}
            self.process = subprocess.Popen(self.command, cwd=HERE, text=True, env=environment,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdin.write(work + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise ChildProcessError(f"{self.name} failed at {work} (exit status {self.process.wait()})")
        if self.is_isolated:
            self.stop()
        return json.loads(line)

    def stop(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()
            self.process = None


# Suites in which each measurement has a process of its own, so that its memory is that of the work alone.
ISOLATED = {"loss", "optimizer", "step", "inference", "tower", "train"}
# What the peers compute with, where it is not PyTorch alone. NumPy brings OpenBLAS, PyTorch MKL.
ENGINES = {"gemm": ["torch", "numpy"], "inference": ["torch", "onnxruntime"], "tower": ["torch", "onnxruntime"],
           "tokenize": ["sentencepiece", "tokenizers"]}
TITLES = {"torch": "PyTorch", "numpy": "NumPy"}


def contenders(suite, program, interpreter, options):
    """Pairwise first, then the suite's peers, or the earlier build alone."""
    choice = ["--threads", str(options.threads)] + (["--iterations", str(options.iterations)]
                                                    if options.iterations else [])
    isolated = suite in ISOLATED
    result = [Contender("Pairwise", [program, suite, "--serve"] + choice, options.threads, isolated)]
    if suite == "limits":
        return result
    if options.before:
        command = [str(options.before.resolve()), suite, "--serve"] + choice
        result.append(Contender("before", command, options.threads, isolated))
    else:
        if suite == "train":
            result.append(Contender(BARE, [program, "bare", "--serve"] + choice, options.threads, isolated))
        for engine in ENGINES.get(suite, ["torch"]):
            command = [interpreter, "-m", "peers", suite, "--engine", engine] + choice
            result.append(Contender(TITLES.get(engine, engine), command, options.threads, isolated))
    return result


def capable(everyone, name):
    """Those who can do the work: a step with data has the bare step beside it, a loader PyTorch's; a peer of the tokenizers
    reads one kind of file; PyTorch alone has products of 16-bit numbers."""
    if name.endswith("/bf16"):
        everyone = [who for who in everyone if who.name not in ("NumPy", "onnxruntime")]
    if name.startswith("train/"):
        return [who for who in everyone if who.name != ("PyTorch" if "/step/" in name else BARE)]
    other = "tokenizers" if ".model/" in name else "sentencepiece"
    return [who for who in everyone if not name.startswith("tokenize/") or who.name != other]


def names(suite, program, filter):
    """The work of a suite whose name contains `filter`."""
    listed = subprocess.run([program, suite, "--list"], check=True, capture_output=True, text=True).stdout.split()
    return [name for name in listed if filter in name]

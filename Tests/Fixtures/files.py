"""Writes the fixtures of the file readers: safetensors, npy and npz as their reference implementations write them.

    python Tests/Fixtures/files.py      # needs numpy, ml_dtypes, safetensors
"""

from pathlib import Path

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

FOLDER = Path(__file__).parent / "files"

# Values that every type can hold exactly; the tests compute them from the same formula.
COUNTING = np.arange(6).reshape(2, 3)


def main():
    FOLDER.mkdir(exist_ok=True)
    types = {
        "F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16,
        "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8,
        "U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8, "BOOL": np.bool_,
    }
    arrays = {name: COUNTING.astype(dtype) for name, dtype in types.items()}
    # Every kind of half-precision number: signs, largest, subnormal, infinite.
    specials = np.array([-0.0, 1 / 3, -65504, 2**-24, -(2**-15), np.inf, -np.inf])
    arrays["special.F16"] = specials.astype(np.float16)
    arrays["special.BF16"] = specials.astype(ml_dtypes.bfloat16)
    arrays["special.F32"] = specials.astype(np.float16).astype(np.float32)
    arrays["scalar"] = np.array(2.5, np.float32)
    arrays["empty"] = np.zeros((3, 0), np.float32)
    arrays["wide"] = np.array([2**31], np.int64)
    arrays['naïve "name"\\ with\ttab'] = np.array([7], np.uint8)
    save_file(arrays, FOLDER / "types.safetensors", metadata={"format": "pt", "note": 'a "b" \\ ü'})

    np.save(FOLDER / "row_major.npy", COUNTING.astype(np.float32))
    np.save(FOLDER / "column_major.npy", np.asfortranarray(np.arange(24, dtype=np.int16).reshape(2, 3, 4)))
    np.save(FOLDER / "bfloat16.npy", COUNTING.astype(ml_dtypes.bfloat16))
    np.save(FOLDER / "scalar.npy", np.float64(2.5))
    np.save(FOLDER / "big_endian.npy", COUNTING.astype(">f4"))
    np.save(FOLDER / "text.npy", np.array(["a", "b"]))

    generator = np.random.default_rng(0)
    named = {
        "params/kernel": COUNTING.astype(np.float32),
        "params/bias": COUNTING.astype(ml_dtypes.bfloat16),
        "flags": COUNTING % 2 == 0,
        "half": np.asfortranarray(COUNTING.astype(np.float16)),
        # Compresses to dynamic blocks with matches of many lengths.
        "counting": (np.arange(4000) // 3 % 50).astype(np.int32),
        # Does not compress.
        "noise": generator.integers(0, 256, 300).astype(np.uint8),
        "zeros": np.zeros((3, 1000), np.float32),
    }
    np.savez(FOLDER / "stored.npz", **named)
    np.savez_compressed(FOLDER / "deflated.npz", **named)


if __name__ == "__main__":
    main()

"""Writes all fixtures anew by running the scripts beside it; each says what it needs.

    python Tests/Fixtures/generate.py
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve()

for script in sorted(HERE.parent.glob("*.py")):
    if script != HERE:
        print(script.name, flush=True)
        subprocess.run([sys.executable, script], check=True)

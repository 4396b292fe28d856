"""pytest, also where the caller has closed a standard stream (``make test >&-``): without them it does not start."""

import os
import sys

while (stream := os.open(os.devnull, os.O_RDWR)) <= 2:
    os.set_inheritable(stream, True)
os.execv(sys.executable, [sys.executable, "-m", "pytest", *sys.argv[1:]])

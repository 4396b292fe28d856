"""The command line as a process of its own: ``shorepass``, and ``python -m shorepass``.

Cycles are not looked for in a process that is so short: it would cost a millisecond while the modules load, and double the
time to decode a large file.
"""

import gc

gc.disable()

from shorepass.cli import program  # noqa: E402 -- only now

if __name__ == "__main__":
    program()

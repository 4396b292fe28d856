"""The command line as a process of its own: ``shorepass``, and ``python -m shorepass``."""

from shorepass.cli import program

if __name__ == "__main__":
    program()

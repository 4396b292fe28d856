"""``python -m shorepass``."""

from shorepass.cli import program

if __name__ == "__main__":
    program()

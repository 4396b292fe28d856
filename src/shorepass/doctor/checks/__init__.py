"""What ``doctor`` looks for. Each module has ``CODES`` (code to title) and ``check(examination)``."""

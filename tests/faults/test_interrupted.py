"""Which system calls change a file: a save is killed only before these, so none may be missing."""

from __future__ import annotations

import pytest

from faults.interrupted import Call


@pytest.mark.parametrize(
    "text",
    [
        'openat(3, "a", O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600) = 5',
        'openat(3, "a", O_WRONLY|O_TRUNC) = 5',
        'write(5, "TCGETS", 6) = 6',
        "fsync(5) = 0",
        'linkat(5, "/proc/self/fd/5", AT_FDCWD, "a", AT_SYMLINK_FOLLOW) = 0',
        'rename("a", "b") = 0',
        'renameat2(3, "a", 3, "b", RENAME_EXCHANGE) = 0',
        'mkdirat(4, "a", 0700) = 0',
        "ioctl(5, FICLONE, 3) = 0",
        "ftruncate(5, 0) = 0",
        "a_call_of_the_future(5) = 0",
    ],
)
def test_a_change(text: str) -> None:
    """A call changes something unless it is known that it does not."""
    assert Call(text.partition("(")[0], 1, text).changes


@pytest.mark.parametrize(
    "text",
    [
        'openat(3, "a", O_RDONLY|O_NOFOLLOW|O_CLOEXEC|O_PATH) = 4',
        'openat(AT_FDCWD, "/proc/self/fd/3", O_WRONLY|O_CLOEXEC|O_TMPFILE, 0600) = 5',
        'read(3, "O_CREAT", 1024) = 7',
        "ioctl(3, TCGETS, 0x7ffc6b693530) = -1 ENOTTY (Inappropriate ioctl for device)",
        "close(3) = 0",
    ],
)
def test_a_call_that_reads(text: str) -> None:
    """A call that reads changes nothing."""
    assert not Call(text.partition("(")[0], 1, text).changes

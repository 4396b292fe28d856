"""Log in, log out, and the files and helper entries that both change."""

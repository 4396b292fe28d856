"""Changes of files that a user may undo: what a fix does, its preview, its journal."""

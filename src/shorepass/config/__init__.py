"""Config files of other programs: where they are, what an entry means, and how to change one as a good guest."""

// Lends the socket of a grant elsewhere, for programs on a Linux machine.
#pragma once

_Noreturn void relay(const char *program, const char *folder);

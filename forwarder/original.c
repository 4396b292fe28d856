// Starts the original program in the place of this one.

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

#include "call.h"

enum { PROGRAM_LIMIT = 256 << 10 };

// Writes what was read of standard input to a pipe, and then what was not read yet. It is a process of its own.
static _Noreturn void feed(int pipe_end, int source, struct bytes input) {
    unsigned char more[PIPE_BUF];
    close(STDIN_FILENO);
    close(STDOUT_FILENO); // a reader of the original program's output waits until no program has it open
    close(STDERR_FILENO);
    fcntl(pipe_end, F_SETFL, 0);
    for (;;) {
        while (input.size > 0) {
            ssize_t count = write(pipe_end, input.start, input.size);
            if (count < 0 && errno != EINTR) _exit(0);
            if (count > 0) input = (struct bytes){input.start + count, input.size - (size_t)count};
        }
        struct pollfd ends[] = {{.fd = source, .events = POLLIN}, {.fd = pipe_end}};
        if (source < 0 || (poll(ends, 2, -1) < 0 && errno != EINTR) || ends[1].revents != 0) _exit(0);
        ssize_t count = read(source, more, sizeof more);
        if (count == 0 || (count < 0 && !is_passing(errno))) _exit(0);
        if (count > 0) input = (struct bytes){more, (size_t)count};
    }
}

// Makes what was read of standard input readable again, for the original program.
static bool restore_input(const struct call *call) {
    int ends[2];
    if (call->input.size == 0) return true;
    if (pipe(ends) != 0) return false;
    int pipe_end = move_up(ends[1]), source = call->has_more ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : -1;
    if (pipe_end < 0 || (call->has_more && source < 0)) return false;
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    fcntl(pipe_end, F_SETFL, O_NONBLOCK);
    ssize_t count = write(pipe_end, call->input.start, call->input.size);
    size_t written = count > 0 ? (size_t)count : 0;
    if (call->has_more || written < call->input.size) { // it does not fit
        pid_t child = fork();
        if (child == 0 && fork() == 0) {
            feed(pipe_end, source, (struct bytes){call->input.start + written, call->input.size - written});
        }
        if (child == 0) _exit(0);
        if (child < 0) return false;
        waitpid(child, NULL, 0);
        if (source >= 0) close(source);
    }
    close(pipe_end);
    return true;
}

// Writes the folder of this program's own file into a path. Returns false if it is not known.
static bool find_own_folder(char path[PATH_MAX]) {
#ifdef __APPLE__
    char given[PATH_MAX];
    uint32_t room = sizeof given;
    if (_NSGetExecutablePath(given, &room) != 0 || realpath(given, path) == NULL) return false;
#else
    ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (size < 0) return false;
    path[size] = '\0';
#endif
    char *slash = strrchr(path, '/');
    if (slash != NULL) *slash = '\0';
    return slash != NULL;
}

// Returns whether a program is a forwarder: to start that instead of an original could go on without an end.
static bool is_forwarder(const char *path) {
    static unsigned char program[PROGRAM_LIMIT + 1];
    int file = move_up(open(path, O_RDONLY | O_NONBLOCK));
    size_t size = 0;
    ssize_t count = 1;
    while (file >= 0 && count > 0 && size <= PROGRAM_LIMIT) {
        count = read(file, program + size, sizeof program - size);
        if (count > 0) size += (size_t)count;
    }
    if (file >= 0) close(file);
    size_t mark = sizeof MARK - 1;
    for (size_t i = 0; size <= PROGRAM_LIMIT && i + mark <= size; i++) {
        if (memcmp(program + i, MARK, mark) == 0) return true;
    }
    return false;
}

// For this program a broken pipe is an error like others, and a core dump would have the secret in it.
void protect(struct call *call) {
    call->on_pipe = signal(SIGPIPE, SIG_IGN);
    getrlimit(RLIMIT_CORE, &call->core);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, call->core.rlim_max});
}

static void unprotect(const struct call *call) {
    signal(SIGPIPE, call->on_pipe);
    setrlimit(RLIMIT_CORE, &call->core);
}

// Starts the original program in the place of this one. Returns only if that fails: why.
const char *run_original(struct call *call) {
    char folder[PATH_MAX], link[PATH_MAX], target[PATH_MAX];
    if (!find_own_folder(folder)) return "/proc is not mounted";
    ssize_t size = -1;
    if (join(link, sizeof link, folder, "/originals/", call->program)) size = readlink(link, target, sizeof target - 1);
    if (size <= 0 || target[0] != '/') return "there is no original program";
    target[size] = '\0';
    if (is_forwarder(target)) return "the original program is a forwarder, too";
    if (!restore_input(call)) return "standard input cannot be given to the original program";
    unprotect(call);
    execve(target, call->argv, environ);
    int error = errno;
    protect(call);
    if (error == ENOENT) return "the original program is not there";
    return error == EACCES ? "the original program may not be run" : "the original program does not start";
}

// What the forwarder needs of a C library, for Linux on x86_64 and aarch64: system calls and a few functions on memory.
//
// A real library would be compiled for each target while a package is built, which takes 40 seconds each; this takes
// none. Prototypes and constants are musl's. The numbers and the structures are the kernel's: on both machines they are
// those of musl's headers, but for the one that is defined here.

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

char **environ;
static int last_error;

int *__errno_location(void) {
    return &last_error;
}

static long call(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long result __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(result)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
#endif
    if (result >= 0 || result < -4095) return result;
    last_error = (int)-result;
    return -1;
}

#define CALL(name, a, b, c, d, e) call(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

ssize_t read(int file, void *data, size_t size) {
    return CALL(read, file, data, size, 0, 0);
}

ssize_t write(int file, const void *data, size_t size) {
    return CALL(write, file, data, size, 0, 0);
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    int mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
    va_end(arguments);
    return (int)CALL(openat, AT_FDCWD, path, flags, mode, 0);
}

int mkdir(const char *path, mode_t mode) {
    return (int)CALL(mkdirat, AT_FDCWD, path, mode, 0, 0);
}

int unlink(const char *path) {
    return (int)CALL(unlinkat, AT_FDCWD, path, 0, 0, 0);
}

int rmdir(const char *path) {
    return (int)CALL(unlinkat, AT_FDCWD, path, AT_REMOVEDIR, 0, 0);
}

int symlink(const char *target, const char *path) {
    return (int)CALL(symlinkat, target, AT_FDCWD, path, 0, 0);
}

int fchown(int file, uid_t user, gid_t group) {
    return (int)CALL(fchown, file, user, group, 0, 0);
}

int lchown(const char *path, uid_t user, gid_t group) {
    return (int)CALL(fchownat, AT_FDCWD, path, user, group, AT_SYMLINK_NOFOLLOW);
}

mode_t umask(mode_t mask) {
    return (mode_t)CALL(umask, mask, 0, 0, 0, 0);
}

int flock(int file, int operation) {
    return (int)CALL(flock, file, operation, 0, 0, 0);
}

int close(int file) {
    return (int)CALL(close, file, 0, 0, 0, 0);
}

int fcntl(int file, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    long argument = va_arg(arguments, int);
    va_end(arguments);
    return (int)CALL(fcntl, file, command, argument, 0, 0);
}

int dup2(int from, int to) {
    return (int)CALL(dup3, from, to, 0, 0, 0);
}

int pipe(int ends[2]) {
    return (int)CALL(pipe2, ends, 0, 0, 0, 0);
}

int poll(struct pollfd *files, nfds_t count, int milliseconds) {
    struct timespec limit = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    return (int)CALL(ppoll, files, count, milliseconds < 0 ? NULL : &limit, NULL, 8);
}

int lstat(const char *restrict path, struct stat *restrict found) {
    return (int)CALL(newfstatat, AT_FDCWD, path, found, AT_SYMLINK_NOFOLLOW, 0);
}

int fstat(int file, struct stat *found) {
    return (int)CALL(fstat, file, found, 0, 0, 0);
}

ssize_t readlink(const char *restrict path, char *restrict target, size_t room) {
    return CALL(readlinkat, AT_FDCWD, path, target, room, 0);
}

char *getcwd(char *path, size_t room) {
    return CALL(getcwd, path, room, 0, 0, 0) < 0 ? NULL : path;
}

int isatty(int file) {
    char settings[256]; // more than the kernel's struct termios
    return CALL(ioctl, file, TCGETS, settings, 0, 0) == 0;
}

int socket(int family, int type, int protocol) {
    return (int)CALL(socket, family, type, protocol, 0, 0);
}

int connect(int file, const struct sockaddr *address, socklen_t size) {
    return (int)CALL(connect, file, address, size, 0, 0);
}

int bind(int file, const struct sockaddr *address, socklen_t size) {
    return (int)CALL(bind, file, address, size, 0, 0);
}

int listen(int file, int waiting) {
    return (int)CALL(listen, file, waiting, 0, 0, 0);
}

int accept(int file, struct sockaddr *restrict address, socklen_t *restrict size) {
    return (int)CALL(accept4, file, address, size, 0, 0);
}

int setsockopt(int file, int level, int option, const void *value, socklen_t size) {
    return (int)CALL(setsockopt, file, level, option, value, size);
}

int getsockopt(int file, int level, int option, void *restrict value, socklen_t *restrict size) {
    return (int)CALL(getsockopt, file, level, option, value, size);
}

ssize_t send(int file, const void *data, size_t size, int flags) {
    return CALL(sendto, file, data, size, flags, 0);
}

ssize_t recv(int file, void *data, size_t size, int flags) {
    return CALL(recvfrom, file, data, size, flags, 0);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    return (int)CALL(clock_gettime, clock, time, 0, 0, 0);
}

int getrlimit(int resource, struct rlimit *limit) {
    return (int)CALL(prlimit64, 0, resource, NULL, limit, 0);
}

int setrlimit(int resource, const struct rlimit *limit) {
    return (int)CALL(prlimit64, 0, resource, limit, NULL, 0);
}

uid_t geteuid(void) {
    return (uid_t)CALL(geteuid, 0, 0, 0, 0, 0);
}

int execve(const char *path, char *const arguments[], char *const environment[]) {
    return (int)CALL(execve, path, arguments, environment, 0, 0);
}

pid_t fork(void) {
    return (pid_t)CALL(clone, SIGCHLD, 0, 0, 0, 0);
}

pid_t waitpid(pid_t child, int *status, int options) {
    return (pid_t)CALL(wait4, child, status, options, 0, 0);
}

_Noreturn void _exit(int status) {
    for (;;) CALL(exit_group, status, 0, 0, 0, 0);
}

// Only for handlers that are no functions: those of a program would need code to return by.
void (*signal(int number, void (*handler)(int)))(int) {
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        unsigned long mask;
    } wanted = {.handler = handler}, former = {.handler = SIG_ERR};
    CALL(rt_sigaction, number, &wanted, &former, sizeof wanted.mask, 0);
    return former.handler;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
#if defined(__x86_64__)
    void *place = to;
    __asm__ volatile("rep movsb" : "+D"(place), "+S"(from), "+c"(size)::"memory");
#else
    char *place = to;
    for (const char *start = from; size > 0; size--) *place++ = *start++;
#endif
    return to;
}

void *memset(void *to, int value, size_t size) {
    for (volatile char *place = to; size > 0; size--) *place++ = (char)value;
    return to;
}

int memcmp(const void *first, const void *second, size_t size) {
    const unsigned char *one = first, *other = second;
    for (; size > 0 && *one == *other; size--) one++, other++;
    return size == 0 ? 0 : *one - *other;
}

size_t strlen(const char *text) {
    size_t size = 0;
    while (text[size] != '\0') size++;
    return size;
}

int strncmp(const char *first, const char *second, size_t size) {
    for (; size > 0 && *first == *second && *first != '\0'; size--) first++, second++;
    return size == 0 ? 0 : (unsigned char)*first - (unsigned char)*second;
}

int strcmp(const char *first, const char *second) {
    return strncmp(first, second, (size_t)-1);
}

char *strchr(const char *text, int wanted) {
    for (; *text != (char)wanted; text++) {
        if (*text == '\0') return NULL;
    }
    return (char *)text;
}

char *strrchr(const char *text, int wanted) {
    const char *last = NULL;
    for (; *text != '\0'; text++) {
        if (*text == wanted) last = text;
    }
    return (char *)last;
}

char *getenv(const char *name) {
    size_t size = strlen(name);
    for (char **variable = environ; *variable != NULL; variable++) {
        if (strncmp(*variable, name, size) == 0 && (*variable)[size] == '=') return *variable + size + 1;
    }
    return NULL;
}

int main(int argc, char **argv);

// The kernel's: the number of words, the words, NULL, the environment.
__attribute__((used)) static _Noreturn void start(long *stack) {
    char **argv = (char **)(stack + 1);
    environ = argv + *stack + 1;
    _exit(main((int)*stack, argv));
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call start\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start: mov x29, xzr\n mov x30, xzr\n mov x0, sp\n b start\n");
#endif

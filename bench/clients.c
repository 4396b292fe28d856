// clients SOCKET FRAMES TOTAL CLIENTS: asks an agent TOTAL times, by so many processes at once, each time with a new connection.
//
// FRAMES is a file with one request after another; the processes begin at different ones. Prints the number of answers that
// are wrong, the seconds of the whole, and in milliseconds the median and what 99 of 100 answers took at most. It is not in
// Python, because the clients share the processors with the agent: one of these needs a tenth of the time that an answer does.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 8, STATUS = 12, LIMIT = 65536 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static size_t size_at(const unsigned char *frame) {
    return HEADER + ((size_t)frame[4] << 24 | (size_t)frame[5] << 16 | (size_t)frame[6] << 8 | frame[7]);
}

// Returns the seconds of an answer, less than 0 if it is not one.
static double ask(const struct sockaddr_un *address, const unsigned char *frame) {
    unsigned char answer[LIMIT];
    size_t have = 0;
    ssize_t count = 1;
    double start = now();
    int agent = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(agent, (const struct sockaddr *)address, sizeof *address) != 0) return -1;
    if (send(agent, frame, size_at(frame), MSG_NOSIGNAL) != (ssize_t)size_at(frame)) return -1;
    shutdown(agent, SHUT_WR);
    for (; count > 0 && have < LIMIT; have += (size_t)count) count = recv(agent, answer + have, LIMIT - have, 0);
    close(agent);
    return have > STATUS && answer[1] == 'A' && answer[STATUS] == 0 ? now() - start : -1;
}

static int compare(const void *first, const void *second) {
    double one = *(const double *)first, other = *(const double *)second;
    return (one > other) - (one < other);
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
    int file = open(argv[2], O_RDONLY);
    struct stat found;
    if (file < 0 || fstat(file, &found) != 0) return 2;
    const unsigned char *frames = mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    size_t count = 0, total = strtoul(argv[3], NULL, 10), clients = strtoul(argv[4], NULL, 10), each = total / clients;
    const unsigned char **all = calloc((size_t)found.st_size / HEADER, sizeof *all);
    for (const unsigned char *at = frames; at < frames + found.st_size; at += size_at(at)) all[count++] = at;
    double *times = mmap(NULL, total * sizeof *times, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    double start = now();
    for (size_t client = 0; client < clients; client++) {
        if (fork() != 0) continue;
        for (size_t turn = 0; turn < each; turn++) {
            times[client * each + turn] = ask(&address, all[(client * (count / clients) + turn) % count]);
        }
        _exit(0);
    }
    while (wait(NULL) > 0) continue;
    double seconds = now() - start;
    size_t wrong = 0;
    for (size_t i = 0; i < each * clients; i++) wrong += times[i] < 0;
    qsort(times, each * clients, sizeof *times, compare);
    printf("%zu %.1f %.2f %.2f\n", wrong, seconds, times[each * clients / 2] * 1000, times[each * clients * 99 / 100] * 1000);
    return 0;
}

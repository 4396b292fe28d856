#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

int milliseconds_until(int64_t deadline) {
    int64_t left = deadline - now();
    return left > 0 ? (int)left : 0;
}

// Returns what has happened to a descriptor, 0 if the deadline has passed.
int wait_for(int descriptor, short events, int64_t deadline) {
    struct pollfd wanted = {.fd = descriptor, .events = events};
    int count;
    do {
        count = poll(&wanted, 1, milliseconds_until(deadline));
    } while (count < 0 && errno == EINTR);
    return count < 0 ? events : wanted.revents; // if poll fails, the call that follows tells why
}

bool is_passing(int error) {
    return error == EINTR || error == EAGAIN || error == EWOULDBLOCK;
}

// Returns false if nothing reads the data, or not before the deadline.
bool write_all(int descriptor, const void *data, size_t size, int64_t deadline) {
    const char *start = data;
    while (size > 0) {
        if (wait_for(descriptor, POLLOUT, deadline) == 0) return false;
        // A pipe that is ready has room for so much. A write of more would wait without an end.
        ssize_t count = write(descriptor, start, size < PIPE_BUF ? size : PIPE_BUF);
        if (count < 0 && !is_passing(errno)) return false;
        if (count > 0) {
            start += count;
            size -= (size_t)count;
        }
    }
    return true;
}

// Adds text to a line as far as it fits. A control character would do something to a terminal.
void add(struct line *line, const void *text, size_t size) {
    const unsigned char *start = text;
    for (size_t i = 0; i < size && line->size < sizeof line->text - 1; i++) {
        bool is_control = start[i] < ' ' || start[i] == 0x7f;
        line->text[line->size++] = is_control ? '?' : (char)start[i];
    }
}

void add_text(struct line *line, const char *text) {
    add(line, text, strlen(text));
}

bool print_line(int descriptor, struct line *line, int64_t deadline) {
    line->text[line->size++] = '\n';
    return write_all(descriptor, line->text, line->size, deadline);
}

void set_number(unsigned char place[4], size_t number) {
    for (int i = 0; i < 4; i++) place[i] = (unsigned char)(number >> (24 - 8 * i));
}

size_t number_at(const unsigned char place[4]) {
    return (size_t)place[0] << 24 | (size_t)place[1] << 16 | (size_t)place[2] << 8 | place[3];
}

unsigned char *put_field(unsigned char *place, const void *data, size_t size) {
    set_number(place, size);
    memcpy(place + 4, data, size);
    return place + 4 + size;
}

// Reads the fields of a body. Returns how many there are, -1 if they are more than most, or do not fill the body.
int split(const unsigned char *body, size_t size, struct bytes *fields, int most) {
    size_t at = 0;
    int count = 0;
    for (; at < size && count < most; count++) {
        if (size - at < 4 || number_at(body + at) > size - at - 4) return -1;
        fields[count] = (struct bytes){body + at + 4, number_at(body + at)};
        at += 4 + fields[count].size;
    }
    return at == size ? count : -1;
}

// Joins three texts to a path. Returns false if there is no first text, or no room.
bool join(char *path, size_t room, const char *first, const char *second, const char *third) {
    const char *parts[] = {first, second, third};
    size_t at = 0;
    if (first == NULL) return false;
    for (int i = 0; i < 3; i++) {
        size_t size = strlen(parts[i]);
        if (size >= room - at) return false;
        memcpy(path + at, parts[i], size + 1);
        at += size;
    }
    return true;
}

// Moves a descriptor away from the standard streams, which the caller may have closed. Only this program has it.
int move_up(int descriptor) {
    if (descriptor < 0) return descriptor;
    int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    close(descriptor);
    return moved;
}

// Returns a connection to the socket at a path, or -1.
int connect_to(const char *path, int64_t deadline) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!join(address.sun_path, sizeof address.sun_path, path, "", "")) return -1;
    int agent = move_up(socket(AF_UNIX, SOCK_STREAM, 0));
    if (agent < 0) return -1;
    // An agent with a full queue lets connect wait, with this limit.
    int left = milliseconds_until(deadline) + 1;
    struct timeval limit = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};
    setsockopt(agent, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    int done;
    do {
        done = connect(agent, (struct sockaddr *)&address, sizeof address);
    } while (done != 0 && errno == EINTR);
    if (done == 0) return agent;
    close(agent);
    return -1;
}

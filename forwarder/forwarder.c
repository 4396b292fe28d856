// docker-credential-NAME: passes one call of a credential helper to Shorepass's agent, and the agent's answer back.
//
// One program for every NAME, which it reads from argv[0]. It interprets nothing. If no agent answers, it starts the
// original program. The frames are described in docs/reference/agent-protocol.md, the rest in docs/concepts/forwarder.md.
// linux.c has what a C library would have; on macOS this file uses the system's library.

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

#ifndef SECONDS
#define SECONDS 55 // for the whole call: BuildKit gives up after 60. The tests also build a less patient forwarder.
#endif
#ifndef VERSION
#define VERSION "unknown"
#endif
#define IN_TIME " within " AS_TEXT(SECONDS) " seconds"
#define AS_TEXT(macro) TEXT_OF(macro)
#define TEXT_OF(word) #word
#define PREFIX "docker-credential-"
#define MARK " (shorepass forwarder) " // a program with these words in it is a forwarder

enum { HEADER = 8, LIMIT = 8 << 20, ENVIRONMENT_LIMIT = 256 << 10, PROGRAM_LIMIT = 256 << 10, FIELDS = 5 };
enum { GRANT_LIMIT = 1 << 20 }; // of the relay
#define BUSY "another relay is there already"
#ifndef RELAY_SECONDS
#define RELAY_SECONDS 10 // for a caller to send its frame, or to take its answer
#endif
enum outcome { ANSWERED, NOT_ANSWERED, WRONG, OUT_OF_TIME };

extern char **environ;

struct bytes {
    const unsigned char *start;
    size_t size;
};

struct call {
    char **argv;
    const char *program;       // the last part of argv[0]
    const char *verb;          // the one word behind it, "" if there are more or none
    int64_t deadline;          // milliseconds of the monotonic clock
    struct bytes input;        // what was read of standard input
    bool has_more;             // standard input was not read to its end
    const char *reason;        // why the agent has not answered
    struct bytes agent_reason; // the same, in the agent's words
    void (*on_pipe)(int);      // what the caller has chosen for a broken pipe
    struct rlimit core;        // the caller's limit of a core dump
};

struct answer {
    int status;
    struct bytes output, errors, reason;
};

// A frame, and right behind it the answer. Too large for the stack; the system gives only those pages that are used.
static unsigned char frame[2 * (HEADER + LIMIT)];

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static int milliseconds_until(int64_t deadline) {
    int64_t left = deadline - now();
    return left > 0 ? (int)left : 0;
}

// Returns what has happened to a descriptor, 0 if the deadline has passed.
static int wait_for(int descriptor, short events, int64_t deadline) {
    struct pollfd wanted = {.fd = descriptor, .events = events};
    int count;
    do {
        count = poll(&wanted, 1, milliseconds_until(deadline));
    } while (count < 0 && errno == EINTR);
    return count < 0 ? events : wanted.revents; // if poll fails, the call that follows tells why
}

static bool is_passing(int error) {
    return error == EINTR || error == EAGAIN || error == EWOULDBLOCK;
}

// Returns false if nothing reads the data, or not before the deadline.
static bool write_all(int descriptor, const void *data, size_t size, int64_t deadline) {
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

struct line {
    char text[2048];
    size_t size;
};

// Adds text to a line as far as it fits. A control character would do something to a terminal.
static void add(struct line *line, const void *text, size_t size) {
    const unsigned char *start = text;
    for (size_t i = 0; i < size && line->size < sizeof line->text - 1; i++) {
        bool is_control = start[i] < ' ' || start[i] == 0x7f;
        line->text[line->size++] = is_control ? '?' : (char)start[i];
    }
}

static void add_text(struct line *line, const char *text) {
    add(line, text, strlen(text));
}

static bool print_line(int descriptor, struct line *line, const struct call *call) {
    line->text[line->size++] = '\n';
    return write_all(descriptor, line->text, line->size, call->deadline);
}

static void set_number(unsigned char place[4], size_t number) {
    for (int i = 0; i < 4; i++) place[i] = (unsigned char)(number >> (24 - 8 * i));
}

static size_t number_at(const unsigned char place[4]) {
    return (size_t)place[0] << 24 | (size_t)place[1] << 16 | (size_t)place[2] << 8 | place[3];
}

// Returns the size of the body that an answer's header announces, or -1 if the header is wrong.
static ptrdiff_t body_size(const unsigned char header[HEADER]) {
    bool is_known = header[0] == 1 && (header[1] == 'A' || header[1] == 'D') && header[2] == 0 && header[3] == 0;
    size_t size = number_at(header + 4);
    return is_known && size <= LIMIT ? (ptrdiff_t)size : -1;
}

// Reads the fields of a body. Returns how many there are, -1 if they are more than most, or do not fill the body.
static int split(const unsigned char *body, size_t size, struct bytes *fields, int most) {
    size_t at = 0;
    int count = 0;
    for (; at < size && count < most; count++) {
        if (size - at < 4 || number_at(body + at) > size - at - 4) return -1;
        fields[count] = (struct bytes){body + at + 4, number_at(body + at)};
        at += 4 + fields[count].size;
    }
    return at == size ? count : -1;
}

// Reads the fields of an answer's body. Returns false if they are not exactly those of its kind.
static bool decode(int kind, const unsigned char *body, size_t size, struct answer *answer) {
    struct bytes fields[3] = {{0}};
    if (split(body, size, fields, 3) != (kind == 'A' ? 3 : 1) || (kind == 'A' && fields[0].size != 1)) return false;
    *answer = (struct answer){.reason = fields[0]};
    if (kind == 'A') *answer = (struct answer){fields[0].start[0], fields[1], fields[2], {0}};
    return true;
}

static unsigned char *put_field(unsigned char *place, const void *data, size_t size) {
    set_number(place, size);
    memcpy(place + 4, data, size);
    return place + 4 + size;
}

static bool reads_input(const char *verb) {
    return strcmp(verb, "get") == 0 || strcmp(verb, "store") == 0 || strcmp(verb, "erase") == 0;
}

// Reads standard input to its end, or one byte more than there is room for. A closed one is an empty one.
static enum outcome read_input(struct call *call, unsigned char *place, size_t room) {
    call->input.start = place;
    call->has_more = true;
    call->reason = "standard input has not ended" IN_TIME;
    while (call->input.size <= room) {
        if (wait_for(STDIN_FILENO, POLLIN, call->deadline) == 0) return OUT_OF_TIME;
        ssize_t count = read(STDIN_FILENO, place + call->input.size, room + 1 - call->input.size);
        if (count > 0) call->input.size += (size_t)count;
        if (count == 0 || (count < 0 && !is_passing(errno))) {
            call->has_more = false;
            return ANSWERED;
        }
    }
    call->reason = "standard input is too large";
    return WRONG;
}

// Makes the frame of a call. ANSWERED: *size is its size.
static enum outcome make_frame(struct call *call, size_t *size) {
    char folder[PATH_MAX] = "";
    if (getcwd(folder, sizeof folder) == NULL || folder[0] != '/') folder[0] = '\0';
    const char *name = call->program + strlen(PREFIX);
    size_t environment_size = 0;
    for (char **variable = environ; *variable != NULL; variable++) environment_size += strlen(*variable) + 1;
    size_t fixed = 4 * FIELDS + strlen(name) + strlen(call->verb) + strlen(folder) + environment_size;
    if (environment_size > ENVIRONMENT_LIMIT || fixed > LIMIT) {
        call->reason = "the environment is too large";
        return WRONG;
    }
    unsigned char *at = put_field(frame + HEADER, name, strlen(name));
    at = put_field(at, call->verb, strlen(call->verb));
    if (reads_input(call->verb)) {
        enum outcome outcome = read_input(call, at + 4, LIMIT - fixed);
        if (outcome != ANSWERED) return outcome;
    }
    set_number(at, call->input.size);
    at = put_field(at + 4 + call->input.size, folder, strlen(folder));
    set_number(at, environment_size);
    at += 4;
    for (char **variable = environ; *variable != NULL; variable++) {
        memcpy(at, *variable, strlen(*variable) + 1);
        at += strlen(*variable) + 1;
    }
    *size = (size_t)(at - frame);
    memcpy(frame, "\1C\0\0", 4);
    set_number(frame + 4, *size - HEADER);
    return ANSWERED;
}

// Joins three texts to a path. Returns false if there is no first text, or no room.
static bool join(char *path, size_t room, const char *first, const char *second, const char *third) {
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
static int move_up(int descriptor) {
    if (descriptor < 0) return descriptor;
    int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    close(descriptor);
    return moved;
}

static bool has_own_peer(int agent) {
#ifdef __APPLE__
    uid_t user;
    gid_t group;
    return getpeereid(agent, &user, &group) == 0 && user == geteuid();
#else
    struct { pid_t process; uid_t user; gid_t group; } peer;
    socklen_t size = sizeof peer;
    return getsockopt(agent, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.user == geteuid();
#endif
}

// Returns whether a folder and the socket that was found in it are the user's, and the folder is closed to others.
static bool is_own(const char *folder, const struct stat *found_socket) {
    struct stat found;
    if (lstat(folder, &found) != 0 || !S_ISDIR(found.st_mode)) return false;
    uid_t user = geteuid();
    if (found.st_uid != user || (found.st_mode & 077) != 0) return false;
    return S_ISSOCK(found_socket->st_mode) && found_socket->st_uid == user;
}

// Returns a connection to the socket at a path, or -1.
static int connect_to(const char *path, const struct call *call) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!join(address.sun_path, sizeof address.sun_path, path, "", "")) return -1;
    int agent = move_up(socket(AF_UNIX, SOCK_STREAM, 0));
    if (agent < 0) return -1;
    // An agent with a full queue lets connect wait, with this limit.
    int left = milliseconds_until(call->deadline) + 1;
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

// Returns a connection to the agent, or -1.
static int find_agent(struct call *call) {
    const char *chosen = getenv("SHOREPASS_SOCK"), *state = getenv("XDG_STATE_HOME");
    call->reason = "no Shorepass agent is running";
    if (chosen != NULL && chosen[0] != '\0') return connect_to(chosen, call);
    int agent = connect_to("/run/shorepass/agent.sock", call);
    if (agent >= 0) return agent;
    bool has_state = state != NULL && state[0] == '/';
    const char *places[][2] = {
        {getenv("XDG_RUNTIME_DIR"), "/shorepass"},
        {has_state ? state : getenv("HOME"), has_state ? "/shorepass/run" : "/.local/state/shorepass/run"},
    };
    for (int i = 0; i < 2; i++) {
        char folder[PATH_MAX], path[PATH_MAX];
        struct stat found;
        if (!join(folder, sizeof folder, places[i][0], places[i][1], "") || folder[0] != '/') continue;
        if (!join(path, sizeof path, folder, "/agent.sock", "") || lstat(path, &found) != 0) continue;
        bool is_safe = is_own(folder, &found);
        agent = is_safe ? connect_to(path, call) : -1;
        if (agent >= 0 && has_own_peer(agent)) return agent;
        if (agent >= 0 || !is_safe) call->reason = "the socket of Shorepass's agent is not safe; fix: shorepass doctor";
        if (agent >= 0) close(agent);
    }
    return -1;
}

static enum outcome is_late(struct call *call) {
    call->reason = "Shorepass's agent has not answered" IN_TIME;
    return OUT_OF_TIME;
}

// Sends the frame and reads the answer.
static enum outcome exchange(int agent, size_t size, struct call *call, struct answer *answer) {
    unsigned char *received = frame + size;
    size_t sent = 0, have = 0, wanted = HEADER;
    call->reason = "Shorepass's agent has sent a wrong answer";
    while (have < wanted) {
        int happened = wait_for(agent, sent < size ? POLLIN | POLLOUT : POLLIN, call->deadline);
        if (happened == 0) return is_late(call);
        if (sent < size && (happened & ~POLLIN)) {
            ssize_t count = send(agent, frame + sent, size - sent, MSG_DONTWAIT);
            if (count > 0) sent += (size_t)count;
            if (count < 0 && !is_passing(errno)) sent = size; // it reads no more, but may have answered
        }
        if (!(happened & ~POLLOUT)) continue;
        ssize_t count = recv(agent, received + have, wanted - have, MSG_DONTWAIT);
        if (count > 0) have += (size_t)count;
        if (count == 0 || (count < 0 && !is_passing(errno))) {
            if (have > 0) return WRONG;
            call->reason = "Shorepass's agent has ended before its answer";
            return NOT_ANSWERED;
        }
        if (have == HEADER && wanted == HEADER) {
            ptrdiff_t body = body_size(received);
            if (body < 0) return WRONG;
            wanted += (size_t)body;
        }
    }
    if (!decode(received[1], received + HEADER, have - HEADER, answer)) return WRONG;
    if (received[1] == 'A') return ANSWERED;
    call->agent_reason = answer->reason;
    call->reason = "Shorepass's agent has no answer";
    return NOT_ANSWERED;
}

// Asks the agent. If the outcome is not ANSWERED, the call has the reason.
static enum outcome ask(struct call *call, struct answer *answer) {
    int agent = find_agent(call); // before the frame is made, so that the agent wakes up meanwhile
    if (agent < 0) return milliseconds_until(call->deadline) > 0 ? NOT_ANSWERED : is_late(call);
    size_t size = 0;
    enum outcome outcome = make_frame(call, &size);
    if (outcome == ANSWERED) outcome = exchange(agent, size, call, answer);
    close(agent);
    return outcome;
}

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
static void protect(struct call *call) {
    call->on_pipe = signal(SIGPIPE, SIG_IGN);
    getrlimit(RLIMIT_CORE, &call->core);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, call->core.rlim_max});
}

static void unprotect(const struct call *call) {
    signal(SIGPIPE, call->on_pipe);
    setrlimit(RLIMIT_CORE, &call->core);
}

// Starts the original program in the place of this one. Returns only if that fails: why.
static const char *run_original(struct call *call) {
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

// Ends with the answer for a call that nothing has answered. is_failure: the agent or this program has failed.
static _Noreturn void end_without_answer(struct call *call, const char *why, bool is_failure) {
    struct line reason = {.size = 0}, prefixed = {.size = 0}, output = {.size = 0};
    if (call->agent_reason.size > 0) {
        add(&reason, call->agent_reason.start, call->agent_reason.size < 1024 ? call->agent_reason.size : 1024);
    } else {
        add_text(&reason, call->reason);
    }
    if (why != NULL) {
        add_text(&reason, ", and ");
        add_text(&reason, why);
    }
    add_text(&prefixed, call->program);
    add_text(&prefixed, ": ");
    add(&prefixed, reason.text, reason.size);
    int status = strcmp(call->verb, "list") == 0 || strcmp(call->verb, "version") == 0 ? 0 : 1;
    if (is_failure) {
        status = 1;
        output = reason;
    } else if (strcmp(call->verb, "get") == 0) {
        add_text(&output, "credentials not found in native keychain");
    } else if (strcmp(call->verb, "list") == 0) {
        add_text(&output, "{}");
    } else if (strcmp(call->verb, "version") == 0) {
        add_text(&output, call->program);
        add_text(&output, MARK VERSION);
    } else {
        output = reason;
    }
    print_line(STDERR_FILENO, &prefixed, call);
    _exit(print_line(STDOUT_FILENO, &output, call) ? status : 1);
}

static _Noreturn void end_with_usage(const struct call *call) {
    struct line line = {.size = 0};
    add_text(&line, "Usage: ");
    add_text(&line, call->program);
    add_text(&line, " <store|get|erase|list|version>");
    print_line(STDOUT_FILENO, &line, call);
    _exit(1);
}

#ifndef __APPLE__ // a container is a Linux machine

// One caller of the relay. Its frame is read, then it waits for the answer, then the answer is written.
struct caller {
    int connection; // -1: nobody
    short awaited;  // POLLIN, 0, POLLOUT: which of the three
    unsigned number; // of its frame, for the answer
    size_t have, size;
    int64_t deadline;
    unsigned char *place;
};

// Each caller has a place in the memory of frame; the answer that arrives has one, and so has the first frame.
enum { CALLERS = 13, PLACE = HEADER + GRANT_LIMIT, NAMES = 13 };
_Static_assert((CALLERS + 2) * PLACE <= sizeof frame, "there is not room for so many callers");

// Reads more of a frame. Returns 1 if it is whole, 0 if not yet, -1 at the end or if it is no such frame.
static int read_some(int source, const char *kinds, unsigned char *place, size_t *have) {
    size_t wanted = *have < HEADER ? HEADER : HEADER + number_at(place + 4);
    ssize_t count = read(source, place + *have, wanted - *have);
    if (count < 0 && is_passing(errno)) return 0;
    if (count <= 0) return -1;
    *have += (size_t)count;
    if (*have < HEADER) return 0;
    bool is_known = place[0] == 1 && place[1] != '\0' && strchr(kinds, place[1]) != NULL;
    if (!is_known || number_at(place + 4) > GRANT_LIMIT) return -1;
    return *have == HEADER + number_at(place + 4);
}

static void set_deadline(struct caller *caller, int seconds) {
    caller->deadline = now() + seconds * 1000;
}

static void leave(struct caller *caller) {
    close(caller->connection);
    caller->connection = -1;
}

static bool write_output(const unsigned char *data, size_t size) {
    return write_all(STDOUT_FILENO, data, size, now() + RELAY_SECONDS * 1000);
}

// Goes on with a caller that is ready. Returns false if standard output takes no frame.
static bool go_on_with(struct caller *caller, unsigned number) {
    if (caller->awaited == POLLIN) {
        int is_whole = read_some(caller->connection, "C", caller->place, &caller->have);
        if (is_whole == 0) return true;
        if (is_whole > 0 && caller->place[2] == 0 && caller->place[3] == 0) {
            caller->number = number;
            caller->place[2] = (unsigned char)(number >> 8);
            caller->place[3] = (unsigned char)number;
            caller->awaited = 0;
            set_deadline(caller, SECONDS + RELAY_SECONDS);
            return write_output(caller->place, caller->have);
        }
    } else if (caller->awaited == POLLOUT) {
        ssize_t count = send(caller->connection, caller->place + caller->have, caller->size - caller->have, MSG_DONTWAIT);
        if (count > 0) caller->have += (size_t)count;
        if (count < 0 ? is_passing(errno) : caller->have < caller->size) return true;
    }
    leave(caller); // it has its answer, or is gone
    return true;
}

// Gives an answer to its caller, who may be gone.
static void deliver(struct caller *callers, const unsigned char *answer, size_t size) {
    unsigned number = (unsigned)answer[2] << 8 | answer[3];
    for (struct caller *one = callers; one < callers + CALLERS; one++) {
        if (one->connection < 0 || one->awaited != 0 || one->number != number) continue;
        memcpy(one->place, answer, size);
        one->place[2] = one->place[3] = 0;
        one->have = 0;
        one->size = size;
        one->awaited = POLLOUT;
        set_deadline(one, RELAY_SECONDS);
    }
}

// Serves callers until standard input ends. Further ones wait until a place is free.
static void serve(int listening) {
    struct caller callers[CALLERS];
    unsigned calls = 0;
    size_t have = 0; // of the answer that arrives
    for (int i = 0; i < CALLERS; i++) callers[i] = (struct caller){.connection = -1, .place = frame + (i + 1) * PLACE};
    for (;;) {
        struct pollfd wanted[CALLERS + 2];
        struct caller *unused = NULL;
        int wait = -1;
        for (int i = 0; i < CALLERS; i++) {
            struct caller *one = callers + i;
            int left = milliseconds_until(one->deadline);
            if (one->connection >= 0 && left == 0) leave(one);
            if (one->connection < 0) unused = one;
            if (one->connection >= 0 && (wait < 0 || left < wait)) wait = left;
            wanted[i] = (struct pollfd){.fd = one->connection, .events = one->awaited};
        }
        wanted[CALLERS] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
        wanted[CALLERS + 1] = (struct pollfd){.fd = unused != NULL ? listening : -1, .events = POLLIN};
        int count = poll(wanted, CALLERS + 2, wait);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return;
        for (int i = 0; i < CALLERS; i++) {
            if (wanted[i].revents == 0) continue;
            calls = (calls + 1) & 0xffff;
            if (!go_on_with(callers + i, calls)) return;
        }
        if (wanted[CALLERS].revents != 0) {
            int is_whole = read_some(STDIN_FILENO, "AD", frame, &have);
            if (is_whole < 0) return;
            if (is_whole > 0) {
                deliver(callers, frame, have);
                have = 0;
            }
        }
        if (wanted[CALLERS + 1].revents != 0) {
            unused->connection = move_up(accept(listening, NULL, NULL));
            unused->awaited = POLLIN;
            unused->have = 0;
            set_deadline(unused, RELAY_SECONDS);
        }
    }
}

// Listens on a socket that every user of this machine may use. Returns -1 if that is not possible.
static int listen_at(const struct sockaddr_un *address) {
    int listening = move_up(socket(AF_UNIX, SOCK_STREAM, 0));
    if (listening < 0) return -1;
    umask(0111);
    if (bind(listening, (const struct sockaddr *)address, sizeof *address) == 0 && listen(listening, 128) == 0) return listening;
    close(listening);
    return -1;
}

// Makes a file in a folder that may belong to another user. The owner is two numbers, or empty.
static bool write_file(const char *path, struct bytes data, struct bytes owner) {
    unlink(path);
    int file = move_up(open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
    if (file < 0) return false;
    bool is_written = write(file, data.start, data.size) == (ssize_t)data.size;
    if (owner.size == 8) (void)!fchown(file, (uid_t)number_at(owner.start), (gid_t)number_at(owner.start + 4));
    close(file);
    return is_written;
}

static _Noreturn void end_relay(struct call *call, const char *text) {
    struct line line = {.size = 0};
    call->deadline = now() + RELAY_SECONDS * 1000;
    add_text(&line, text);
    print_line(STDERR_FILENO, &line, call);
    _exit(1);
}

// Writes the path of another name of this program, beside it. Returns false if it is no such name.
static bool find_name(char path[PATH_MAX], const char *program, struct bytes name) {
    char folder[PATH_MAX], text[64];
    const char *slash = strrchr(program, '/');
    if (slash == NULL || !join(folder, sizeof folder, program, "", "") || name.size >= sizeof text) return false;
    folder[slash - program] = '\0';
    memcpy(text, name.start, name.size);
    text[name.size] = '\0';
    bool is_name = name.size > 0 && strlen(text) == name.size && strchr(text, '/') == NULL;
    return is_name && join(path, PATH_MAX, folder, "/" PREFIX, text);
}

// Makes a folder, and those above it. Keeps it from other relays while this program runs. Returns why not, or NULL.
static const char *claim(const char *folder) {
    char path[PATH_MAX];
    struct stat found;
    if (!join(path, sizeof path, folder, "/", "")) return NULL;
    umask(0);
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at != '/') continue;
        *at = '\0';
        mkdir(path, 0755);
        *at = '/';
    }
    if (lstat(folder, &found) != 0) return NULL; // what follows fails, too
    bool is_closed = S_ISDIR(found.st_mode) && found.st_uid == geteuid() && (found.st_mode & 022) == 0;
    if (!is_closed) return "another user can change the folder";
    int kept = move_up(open(folder, O_RDONLY | O_DIRECTORY));
    bool is_taken = kept >= 0 && flock(kept, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    return is_taken ? BUSY : NULL;
}

// Lends the socket of a grant elsewhere: FOLDER/agent.sock here is answered by the process at the other end of the
// standard streams. It begins with a frame R: a config file, its owner, and further names of this program. It gets R when
// the socket is there. At the end of standard input, the socket, the names and this program are removed.
static _Noreturn void relay(struct call *call, const char *folder) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char config_folder[PATH_MAX], config[PATH_MAX], name[PATH_MAX];
    bool fits = join(address.sun_path, sizeof address.sun_path, folder, "/agent.sock", "");
    fits = fits && join(config_folder, sizeof config_folder, folder, "/config", "");
    fits = fits && join(config, sizeof config, config_folder, "/config.json", "");
    if (!fits) end_relay(call, "the folder's name is too long");
    const char *refusal = connect_to(address.sun_path, call) >= 0 ? BUSY : claim(folder);
    int is_whole = 0, listening = -1, error = 0;
    unsigned char *first = frame + (CALLERS + 1) * PLACE;
    struct bytes fields[2 + NAMES] = {{0}};
    size_t size = 0;
    while (is_whole == 0) is_whole = read_some(STDIN_FILENO, "R", first, &size);
    int count = is_whole > 0 ? split(first + HEADER, size - HEADER, fields, 2 + NAMES) : 0;
    if (refusal != NULL && strcmp(refusal, BUSY) != 0) unlink(call->argv[0]); // the other relay has the same program
    if (refusal != NULL) end_relay(call, refusal);
    bool is_made[NAMES] = {false};
    if (count >= 2) {
        struct bytes owner = fields[1];
        mkdir(config_folder, 0755);
        if (owner.size == 8) (void)!lchown(config_folder, (uid_t)number_at(owner.start), (gid_t)number_at(owner.start + 4));
        unlink(address.sun_path);
        if (write_file(config, fields[0], owner)) listening = listen_at(&address);
        error = errno;
    }
    for (int i = 0; listening >= 0 && i < count - 2; i++) {
        is_made[i] = find_name(name, call->argv[0], fields[2 + i]) && symlink(strrchr(call->argv[0], '/') + 1, name) == 0;
    }
    static const unsigned char ready[HEADER] = {1, 'R'};
    if (listening >= 0 && write_output(ready, HEADER)) serve(listening);
    for (int i = 0; i < NAMES; i++) {
        if (is_made[i] && find_name(name, call->argv[0], fields[2 + i])) unlink(name);
    }
    unlink(address.sun_path);
    unlink(call->argv[0]);
    // podman stops if REGISTRY_AUTH_FILE names no file. In a folder of its own, which no other relay gets, nothing may remain.
    size_t own = strlen(folder);
    bool is_own = strncmp(call->argv[0], folder, own) == 0 && call->argv[0][own] == '/';
    bool remains = listening >= 0 && !is_own && write_file(config, (struct bytes){(const unsigned char *)"{}\n", 3}, fields[1]);
    if (!remains) unlink(config);
    rmdir(config_folder);
    rmdir(folder);
    if (listening >= 0 || count == 0) _exit(listening >= 0 ? 0 : 1);
    end_relay(call, error == EROFS ? "the folder's file system is read only" : "the folder or its socket cannot be made");
}

#endif

static bool is_call(int argc, char **argv) {
    if (argc != 2) return false;
    return reads_input(argv[1]) || strcmp(argv[1], "list") == 0 || strcmp(argv[1], "version") == 0;
}

int main(int argc, char **argv) {
    struct call call = {.argv = argv, .program = "", .verb = "", .deadline = now() + SECONDS * 1000};
    protect(&call);
    if (argc > 0) {
        const char *slash = strrchr(argv[0], '/');
        call.program = slash != NULL ? slash + 1 : argv[0];
    }
    if (strncmp(call.program, PREFIX, strlen(PREFIX)) != 0 || call.program[strlen(PREFIX)] == '\0') {
        call.program = PREFIX "NAME";
        end_with_usage(&call);
    }
    if (argc == 2) call.verb = argv[1];
#ifndef __APPLE__
    if (argc == 3 && strcmp(argv[1], "--relay") == 0) relay(&call, argv[2]);
#endif
    // Other words may be the original program's own, and may ask the user. So may a call that the user types.
    const char *why = NULL;
    if (!is_call(argc, argv) || (reads_input(call.verb) && isatty(STDIN_FILENO))) why = run_original(&call);
    if (argc != 2) end_with_usage(&call);
    struct answer answer;
    enum outcome outcome = ask(&call, &answer);
    if (outcome == ANSWERED) {
        bool is_written = write_all(STDOUT_FILENO, answer.output.start, answer.output.size, call.deadline);
        write_all(STDERR_FILENO, answer.errors.start, answer.errors.size, call.deadline);
        _exit(is_written ? answer.status : 1);
    }
    if (outcome != OUT_OF_TIME) why = run_original(&call);
    end_without_answer(&call, why, outcome != NOT_ANSWERED);
}

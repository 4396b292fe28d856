#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "relay.h"
#include "wire.h"

#ifndef RELAY_SECONDS
#define RELAY_SECONDS 10 // for a caller to take its answer
#endif
#define BUSY "another relay is there already"
#define OTHER_USER "another user can change the folder"
#define NOT_MADE "the folder or its socket cannot be made"

enum { GRANT_LIMIT = 1 << 20, PLACE = HEADER + GRANT_LIMIT, CALLERS = 13, NAMES = 13 };

// One caller of the relay. Its frame is read, then it waits for the answer, then the answer is written.
struct caller {
    int connection;  // -1: nobody
    short awaited;   // POLLIN, 0, POLLOUT: which of the three
    unsigned number; // of its frame, for the answer
    size_t have, size;
    int64_t deadline;
    unsigned char place[PLACE];
};

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
    // Too large for the stack; the system gives only those pages that are used.
    static struct caller callers[CALLERS];
    static unsigned char answer[PLACE];
    size_t have = 0; // of the answer that arrives
    unsigned calls = 0;
    for (int i = 0; i < CALLERS; i++) callers[i].connection = -1;
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
            int is_whole = read_some(STDIN_FILENO, "AD", answer, &have);
            if (is_whole < 0) return;
            if (is_whole > 0) {
                deliver(callers, answer, have);
                have = 0;
            }
        }
        if (wanted[CALLERS + 1].revents != 0) {
            unused->connection = move_up(accept(listening, NULL, NULL));
            unused->awaited = POLLIN;
            unused->have = 0;
            set_deadline(unused, SECONDS); // it connects before it reads its input
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

static _Noreturn void end_relay(const char *text) {
    struct line line = {.size = 0};
    add_text(&line, text);
    print_line(STDERR_FILENO, &line, now() + RELAY_SECONDS * 1000);
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

// Makes a folder, and those above it.
static void make_folder(const char *folder) {
    char path[PATH_MAX];
    if (!join(path, sizeof path, folder, "/", "")) return;
    umask(0);
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at != '/') continue;
        *at = '\0';
        mkdir(path, 0755);
        *at = '/';
    }
}

// Keeps a folder from other relays while this program runs. Returns why not, or NULL.
static const char *claim(const char *folder, const char *socket_path, const char *lock) {
    struct stat found;
    if (lstat(folder, &found) != 0) return NULL; // what follows fails, too
    bool is_closed = S_ISDIR(found.st_mode) && found.st_uid == geteuid() && (found.st_mode & 022) == 0;
    if (!is_closed) return OTHER_USER;
    if (connect_to(socket_path, now() + SECONDS * 1000) >= 0) return BUSY;
    // Who can open a file can lock it. The folder is open to all, so the lock is on a file that is not.
    int kept = move_up(open(lock, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    if (kept < 0) return errno == EROFS ? NULL : NOT_MADE;
    bool is_taken = flock(kept, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    bool is_own = fstat(kept, &found) == 0 && found.st_uid == geteuid() && (found.st_mode & 077) == 0;
    if (!is_own) return OTHER_USER;
    // A relay that ends removes the file, which this one may have opened just before.
    return is_taken || found.st_nlink == 0 ? BUSY : NULL;
}

// The paths that a relay makes and removes.
struct paths {
    const char *program, *folder;
    struct sockaddr_un address;
    char lock[PATH_MAX], config_folder[PATH_MAX], config[PATH_MAX];
};

// The frame R at the beginning: a config file, its owner, and further names of this program.
struct order {
    int count; // of the fields: 0 without such a frame, -1 if it is broken
    struct bytes fields[2 + NAMES];
    bool is_made[NAMES]; // whether this relay has made the name
};

// Writes the paths. Returns false if one is too long.
static bool find_paths(struct paths *paths, const char *program, const char *folder) {
    paths->program = program;
    paths->folder = folder;
    paths->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    return join(paths->address.sun_path, sizeof paths->address.sun_path, folder, "/agent.sock", "") &&
           join(paths->lock, sizeof paths->lock, folder, "/lock", "") &&
           join(paths->config_folder, sizeof paths->config_folder, folder, "/config", "") &&
           join(paths->config, sizeof paths->config, paths->config_folder, "/config.json", "");
}

// Waits for the frame at the beginning of standard input. Its fields remain in place.
static void read_order(struct order *order, unsigned char *place) {
    int is_whole = 0;
    size_t size = 0;
    while (is_whole == 0) is_whole = read_some(STDIN_FILENO, "R", place, &size);
    if (is_whole > 0) order->count = split(place + HEADER, size - HEADER, order->fields, 2 + NAMES);
}

// Ends if another relay or another user has the folder.
static void end_if_refused(const struct paths *paths, const char *refusal) {
    if (refusal == NULL) return;
    if (strcmp(refusal, BUSY) != 0) unlink(paths->program); // the other relay has the same program
    end_relay(refusal);
}

// Makes the config file and the socket. Returns the socket, or -1 with the reason in errno.
static int make_files(const struct paths *paths, const struct order *order) {
    struct bytes owner = order->fields[1];
    mkdir(paths->config_folder, 0755);
    if (owner.size == 8) {
        (void)!lchown(paths->config_folder, (uid_t)number_at(owner.start), (gid_t)number_at(owner.start + 4));
    }
    unlink(paths->address.sun_path);
    return write_file(paths->config, order->fields[0], owner) ? listen_at(&paths->address) : -1;
}

// Makes symlinks of further names to this program, beside it.
static void make_names(const char *program, struct order *order) {
    char name[PATH_MAX];
    for (int i = 0; i < order->count - 2; i++) {
        bool is_name = find_name(name, program, order->fields[2 + i]);
        order->is_made[i] = is_name && symlink(strrchr(program, '/') + 1, name) == 0;
    }
}

static void remove_names(const char *program, const struct order *order) {
    char name[PATH_MAX];
    for (int i = 0; i < NAMES; i++) {
        if (order->is_made[i] && find_name(name, program, order->fields[2 + i])) unlink(name);
    }
}

// Empties the config file, or removes it. podman stops if REGISTRY_AUTH_FILE names no file. In a folder of its own, which no
// other relay gets, nothing may remain.
static void end_config(const struct paths *paths, const struct order *order, bool has_served) {
    static const struct bytes empty = {(const unsigned char *)"{}\n", 3};
    size_t own = strlen(paths->folder);
    bool is_own = strncmp(paths->program, paths->folder, own) == 0 && paths->program[own] == '/';
    bool remains = has_served && !is_own && write_file(paths->config, empty, order->fields[1]);
    if (!remains) unlink(paths->config);
}

// Removes all that the relay has made, and this program.
static void remove_all(const struct paths *paths, const struct order *order, bool has_served) {
    remove_names(paths->program, order);
    unlink(paths->address.sun_path);
    unlink(paths->program);
    end_config(paths, order, has_served);
    rmdir(paths->config_folder);
    unlink(paths->lock);
    rmdir(paths->folder);
}

// Lends the socket of a grant elsewhere: FOLDER/agent.sock here is answered by the process at the other end of the
// standard streams. It begins with a frame R: a config file, its owner, and further names of this program. It gets R when
// the socket is there. At the end of standard input, the socket, the names and this program are removed.
_Noreturn void relay(const char *program, const char *folder) {
    static const unsigned char ready[HEADER] = {1, 'R'};
    static unsigned char first[PLACE];
    static struct paths paths;
    static struct order order;
    if (!find_paths(&paths, program, folder)) end_relay("the folder's name is too long");
    make_folder(folder);
    const char *refusal = claim(folder, paths.address.sun_path, paths.lock);
    read_order(&order, first);
    end_if_refused(&paths, refusal);
    int listening = -1, error = 0;
    if (order.count >= 2) {
        listening = make_files(&paths, &order);
        error = errno;
    }
    bool is_listening = listening >= 0;
    if (is_listening) make_names(program, &order);
    if (is_listening && write_output(ready, HEADER)) serve(listening);
    remove_all(&paths, &order, is_listening);
    if (is_listening) _exit(0);
    if (order.count == 0) _exit(1);
    end_relay(error == EROFS ? "the folder's file system is read only" : NOT_MADE);
}

// Finds the agent, and asks it.

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call.h"

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

// Returns a connection to the agent, or -1.
int find_agent(struct call *call) {
    const char *chosen = getenv("SHOREPASS_SOCK"), *state = getenv("XDG_STATE_HOME");
    call->reason = "no Shorepass agent is running";
    if (chosen != NULL && chosen[0] != '\0') return connect_to(chosen, call->deadline);
    int agent = connect_to("/run/shorepass/agent.sock", call->deadline);
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
        agent = is_safe ? connect_to(path, call->deadline) : -1;
        if (agent >= 0 && has_own_peer(agent)) return agent;
        if (agent >= 0 || !is_safe) call->reason = "the socket of Shorepass's agent is not safe; fix: shorepass doctor";
        if (agent >= 0) close(agent);
    }
    return -1;
}

// Returns the size of the body that an answer's header announces, or -1 if the header is wrong.
static ptrdiff_t body_size(const unsigned char header[HEADER]) {
    bool is_known = header[0] == 1 && (header[1] == 'A' || header[1] == 'D') && header[2] == 0 && header[3] == 0;
    size_t size = number_at(header + 4);
    return is_known && size <= LIMIT ? (ptrdiff_t)size : -1;
}

// Reads the fields of an answer's body. Returns false if they are not exactly those of its kind.
bool decode(int kind, const unsigned char *body, size_t size, struct answer *answer) {
    struct bytes fields[3] = {{0}};
    if (split(body, size, fields, 3) != (kind == 'A' ? 3 : 1) || (kind == 'A' && fields[0].size != 1)) return false;
    *answer = (struct answer){.reason = fields[0]};
    if (kind == 'A') *answer = (struct answer){fields[0].start[0], fields[1], fields[2], {0}};
    return true;
}

enum outcome is_late(struct call *call) {
    call->reason = "Shorepass's agent has not answered" IN_TIME;
    return OUT_OF_TIME;
}

// Sends a frame and reads the answer, for which there is room behind the frame.
enum outcome exchange(int agent, unsigned char *frame, size_t size, struct call *call, struct answer *answer) {
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

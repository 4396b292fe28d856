// docker-credential-NAME: passes one call of a credential helper to Shorepass's agent, and the agent's answer back.
//
// One program for every NAME, which it reads from argv[0]. It interprets nothing. If no agent answers, it starts the
// original program. The frames are described in docs/reference/agent-protocol.md, the rest in docs/concepts/forwarder.md.

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "relay.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

enum { ENVIRONMENT_LIMIT = 256 << 10, FIELDS = 5 };

// A frame, and right behind it the answer. Too large for the stack; the system gives only those pages that are used.
static unsigned char frame[2 * (HEADER + LIMIT)];

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

// Asks the agent. If the outcome is not ANSWERED, the call has the reason.
static enum outcome ask(struct call *call, struct answer *answer) {
    int agent = find_agent(call); // before the frame is made, so that the agent wakes up meanwhile
    if (agent < 0) return milliseconds_until(call->deadline) > 0 ? NOT_ANSWERED : is_late(call);
    size_t size = 0;
    enum outcome outcome = make_frame(call, &size);
    if (outcome == ANSWERED) outcome = exchange(agent, frame, size, call, answer);
    close(agent);
    return outcome;
}

// Reads what the caller still writes, and keeps none of it: a broken pipe could keep the answer from the caller.
static void drop_input(struct call *call) {
    const char *reason = call->reason;
    read_input(call, frame, LIMIT);
    call->reason = reason;
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
    print_line(STDERR_FILENO, &prefixed, call->deadline);
    _exit(print_line(STDOUT_FILENO, &output, call->deadline) ? status : 1);
}

static _Noreturn void end_with_usage(const struct call *call) {
    struct line line = {.size = 0};
    add_text(&line, "Usage: ");
    add_text(&line, call->program);
    add_text(&line, " <store|get|erase|list|version>");
    print_line(STDOUT_FILENO, &line, call->deadline);
    _exit(1);
}

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
    if (argc == 3 && strcmp(argv[1], "--relay") == 0) relay(argv[0], argv[2]);
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
    if (reads_input(call.verb) && call.input.start == NULL) drop_input(&call);
    end_without_answer(&call, why, outcome != NOT_ANSWERED);
}

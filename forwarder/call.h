// One call of a helper, and what agent.c and original.c do for it.
#pragma once

#include <sys/resource.h>

#include "wire.h"

#define IN_TIME " within " AS_TEXT(SECONDS) " seconds"
#define AS_TEXT(macro) TEXT_OF(macro)
#define TEXT_OF(word) #word
#define MARK " (shorepass forwarder) " // a program with these words in it is a forwarder

enum outcome { ANSWERED, NOT_ANSWERED, WRONG, OUT_OF_TIME };

struct call {
    char **argv;
    const char *program;       // the last part of argv[0]
    const char *verb;          // the one word behind it, "" if there are more or none
    int64_t deadline;
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

extern char **environ;

int find_agent(struct call *call);
enum outcome exchange(int agent, unsigned char *frame, size_t size, struct call *call, struct answer *answer);
enum outcome is_late(struct call *call);
bool decode(int kind, const unsigned char *body, size_t size, struct answer *answer);

void protect(struct call *call);
const char *run_original(struct call *call);

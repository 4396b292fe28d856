// Gives the forwarder answers of an agent that are wrong in many ways. Built with the sanitisers, which find each access
// outside of an answer.
//
// main makes the inputs: fuzz CASES SEED changes good answers at random. With -DLIBFUZZER, clang's libFuzzer can make them
// instead, which no test does.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call.h"

enum { LONGEST = 65536, CALL = 100 }; // bytes of an answer, and of the frame that is before it

static unsigned char frame[CALL + HEADER + LIMIT];

static volatile unsigned char seen;

static void look_at(struct bytes field) {
    for (size_t i = 0; i < field.size; i++) seen ^= field.start[i];
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    // From memory that ends where the answer ends.
    if (size >= HEADER) {
        unsigned char *body = malloc(size - HEADER + 1);
        struct answer answer = {0};
        memcpy(body, data + HEADER, size - HEADER);
        body = realloc(body, size - HEADER > 0 ? size - HEADER : 1);
        if (decode(data[1], body, size - HEADER, &answer)) {
            look_at(answer.output);
            look_at(answer.errors);
            look_at(answer.reason);
            struct line line = {.size = 0};
            add(&line, answer.reason.start, answer.reason.size);
        }
        free(body);
    }
    // Through a socket, as it comes from an agent that then closes the connection.
    int ends[2];
    struct answer answer = {0};
    struct call call = {.deadline = now() + SECONDS * 1000};
    signal(SIGPIPE, SIG_IGN); // as main does
    if (size > LONGEST || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 0;
    if (send(ends[1], data, size, MSG_DONTWAIT) != (ssize_t)size) abort();
    close(ends[1]);
    if (exchange(ends[0], frame, CALL, &call, &answer) == ANSWERED && answer.output.size + answer.errors.size + HEADER > size) abort();
    close(ends[0]);
    return 0;
}

#ifndef LIBFUZZER
static uint64_t next_random(uint64_t *state) { // splitmix64
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

// Writes a good answer, with fields of up to 63 bytes. Returns its size.
static size_t make_answer(unsigned char *data, uint64_t *state) {
    bool is_answer = next_random(state) % 4 != 0;
    unsigned char *at = data + HEADER, text[64];
    for (size_t i = 0; i < sizeof text; i++) text[i] = (unsigned char)next_random(state);
    if (is_answer) at = put_field(at, text, 1);
    for (int i = 0; i < (is_answer ? 2 : 1); i++) at = put_field(at, text, next_random(state) % sizeof text);
    memcpy(data, is_answer ? "\1A\0\0" : "\1D\0\0", 4);
    set_number(data + 4, (size_t)(at - data) - HEADER);
    return (size_t)(at - data);
}

int main(int argc, char **argv) {
    static const unsigned char numbers[] = {0, 1, 3, 4, 5, 8, 0x7f, 0x80, 0xfc, 0xff};
    uint64_t cases = argc > 1 ? strtoull(argv[1], NULL, 10) : 0, state = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    for (uint64_t i = 0; i < cases; i++) {
        unsigned char data[512] = {0};
        size_t size = make_answer(data, &state);
        for (uint64_t changes = next_random(&state) % 4; changes > 0; changes--) {
            uint64_t choice = next_random(&state);
            unsigned char *at = data + next_random(&state) % size;
            if (choice % 4 == 0) *at = (unsigned char)next_random(&state);
            if (choice % 4 == 1) *at = numbers[next_random(&state) % sizeof numbers];
            if (choice % 4 == 2) size = 1 + next_random(&state) % size;
            if (choice % 4 == 3) size += next_random(&state) % 64;
        }
        LLVMFuzzerTestOneInput(data, size);
    }
    printf("%llu cases\n", (unsigned long long)cases);
    return 0;
}
#endif

// What a call and the relay share: bytes, deadlines, lines for the user, frames, paths and connections.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef SECONDS
#define SECONDS 55 // for a whole call: BuildKit gives up after 60. The tests also build a less patient forwarder.
#endif
#define PREFIX "docker-credential-"

enum { HEADER = 8, LIMIT = 8 << 20 }; // bytes of a frame: its header, and at most its body

struct bytes {
    const unsigned char *start;
    size_t size;
};

struct line {
    char text[2048];
    size_t size;
};

// A deadline is in milliseconds of the monotonic clock.
int64_t now(void);
int milliseconds_until(int64_t deadline);
int wait_for(int descriptor, short events, int64_t deadline);
bool is_passing(int error);
bool write_all(int descriptor, const void *data, size_t size, int64_t deadline);

void add(struct line *line, const void *text, size_t size);
void add_text(struct line *line, const char *text);
bool print_line(int descriptor, struct line *line, int64_t deadline);

void set_number(unsigned char place[4], size_t number);
size_t number_at(const unsigned char place[4]);
unsigned char *put_field(unsigned char *place, const void *data, size_t size);
int split(const unsigned char *body, size_t size, struct bytes *fields, int most);

bool join(char *path, size_t room, const char *first, const char *second, const char *third);
int move_up(int descriptor);
int connect_to(const char *path, int64_t deadline);

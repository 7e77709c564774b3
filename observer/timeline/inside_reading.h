/* The inside of a reading: for reading.c, and reading_open.c which fills one from a file. */
#ifndef ORRERY_TIMELINE_INSIDE_READING_H
#define ORRERY_TIMELINE_INSIDE_READING_H

#include "timeline/reading.h"

#include <pthread.h>

enum { READING_CACHE = 8 };

struct ZSTD_DCtx_s;

struct chunks {
    struct orr_chunk *all;
    size_t n, cap;
};

struct cached {
    struct orr_chunk chunk;
    struct buf data;
    uint32_t *offsets; /* count + 1 of them. */
    uint64_t used;
    bool filled;
    bool broken; /* It was tried, and cannot be read. */
};

struct reading {
    int fd;
    bool own_fd;
    bool whole;
    pthread_mutex_t mutex; /* Of events, others, end: a recording's thread adds to them. */
    struct chunks events;  /* Contiguous: each begins where the one before it ends. */
    struct chunks others;
    uint64_t end;
    uint64_t holes;
    char *trouble;
    struct cached cache[READING_CACHE];
    struct cached *last;
    uint64_t uses;
    struct buf stored;
    struct buf single;
    struct ZSTD_DCtx_s *zstd;
};

struct reading *reading_new(int fd, bool own_fd);
int reading_read(struct reading *r, uint64_t at, uint8_t *into, size_t n);

#endif

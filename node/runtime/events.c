#include "runtime/events.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

bool events_open(struct events *e, int fd, char *why, size_t why_size)
{
    *e = (struct events){0};
    struct stat st;
    if (fstat(fd, &st) < 0 || st.st_size <= 0) {
        snprintf(why, why_size, "the event ring is not readable: %s",
                 errno ? strerror(errno) : "it is empty");
        return false;
    }
    e->size = (size_t)st.st_size;
    e->memory = mmap(NULL, e->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (e->memory == MAP_FAILED) {
        snprintf(why, why_size, "the event ring cannot be mapped: %s", strerror(errno));
        return false;
    }
    if (ring_attach(&e->ring, e->memory, e->size) < 0) {
        munmap(e->memory, e->size);
        snprintf(why, why_size, "what was given as event ring is none");
        return false;
    }
    return true;
}

void events_close(struct events *e)
{
    munmap(e->memory, e->size);
}

void events_write(struct events *e, struct bytes event)
{
    if (!ring_write(&e->ring, event))
        e->gap = true;
}

void events_stamp(struct events *e)
{
    ring_stamps(&e->ring);
}

void events_stamped(struct events *e, uint64_t mono_ns)
{
    ring_stamped(&e->ring, mono_ns);
}

void events_settled(struct events *e)
{
    ring_settled(&e->ring);
}

bool events_wants_view(struct events *e)
{
    if (!e->gap)
        return false;
    uint64_t head = atomic_load_explicit(&e->ring.header->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&e->ring.header->tail, memory_order_acquire);
    if (head - tail > e->ring.capacity / 2)
        return false;
    e->gap = false;
    return true;
}

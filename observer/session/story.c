#include "session/story.h"

#include "base/check.h"
#include "timeline/clean.h"

#include <stdlib.h>
#include <string.h>

/* Blobs of a recording are found by these. */
enum { LAB_ID = 1, MOMENT_ID = 2 };

static void keep(struct timeline *t, uint64_t id, const char *type, const ProtobufCMessage *m)
{
    struct buf packed = {0};
    protobuf_c_message_pack(m, buf_extend(&packed, protobuf_c_message_get_packed_size(m)));
    (void)timeline_put_blob(t, id, type, buf_bytes(&packed));
    buf_free(&packed);
}

void story_keep_lab(struct timeline *t, const Orrery__Lab *lab)
{
    keep(t, LAB_ID, lab->base.descriptor->name, &lab->base);
}

void story_keep(struct timeline *t, size_t i, const Orrery__LabState *state, uint64_t at_ns)
{
    if (i >= STORY_MOMENTS_MAX)
        return;
    Orrery__LabMoment moment = ORRERY__LAB_MOMENT__INIT;
    moment.at_ns = (double)at_ns;
    moment.state = (Orrery__LabState *)(uintptr_t)state;
    keep(t, MOMENT_ID + i, moment.base.descriptor->name, &moment.base);
}

/* Made fit to be printed; NULL when there is no such blob. */
static void *read_one(struct timeline *t, uint64_t id, const ProtobufCMessageDescriptor *type)
{
    struct buf name = {0}, body = {0};
    ProtobufCMessage *m = NULL;
    if (timeline_blob(t, id, &name, &body) == 0 && name.len == strlen(type->name) &&
        memcmp(name.base, type->name, name.len) == 0)
        m = protobuf_c_message_unpack(type, NULL, body.len, body.base);
    if (m)
        clean_message(m);
    buf_free(&name);
    buf_free(&body);
    return m;
}

void story_read(struct story *s, struct timeline *t)
{
    *s = (struct story){.lab = read_one(t, LAB_ID, &orrery__lab__descriptor)};
    if (!s->lab)
        return;
    s->moments = calloc(STORY_MOMENTS_MAX, sizeof(Orrery__LabMoment *));
    CHECK(s->moments);
    while (s->n < STORY_MOMENTS_MAX) {
        Orrery__LabMoment *m = read_one(t, MOMENT_ID + s->n, &orrery__lab_moment__descriptor);
        if (!m)
            break;
        s->moments[s->n++] = m;
    }
}

void story_free(struct story *s)
{
    for (size_t i = 0; i < s->n; i++)
        orrery__lab_moment__free_unpacked(s->moments[i], NULL);
    free(s->moments);
    if (s->lab)
        orrery__lab__free_unpacked(s->lab, NULL);
    *s = (struct story){0};
}

/* The write-ahead rule between kv's two logs: the image of a page goes to disk only once every
 * record that it contains is durable in the log "wal". What was durable by then the disk itself
 * says, in the events of its syncs. */
#include "check/inner.h"

#include "base/must.h"
#include "base/wire.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct wal {
    bool known; /* This life promises it, and tells of its syncs. */
    uint32_t instance;
    uint32_t log;
    uint64_t durable;
    uint64_t told_by; /* Ordinal of the event that said so; 0: none yet. */
};

struct write_ahead_check {
    struct check *check;
    struct wal *wals; /* By node - 1. */
    uint32_t n;
};

struct write_ahead_check *write_ahead_check_new(struct check *c)
{
    struct write_ahead_check *w = must_alloc(1, sizeof *w);
    w->check = c;
    return w;
}

void write_ahead_check_free(struct write_ahead_check *w)
{
    free(w->wals);
    free(w);
}

/* NULL for a node that runs no kv. */
static struct wal *wal_of(struct write_ahead_check *w, uint32_t node)
{
    return node >= 1 && node <= w->n ? &w->wals[node - 1] : NULL;
}

static void take_start(struct write_ahead_check *w, uint32_t node)
{
    const struct subject *s = check_subject(w->check, node);
    const Orrery__Instance *i = subject_instance(s, "kv");
    if (!i)
        return;
    if (node > w->n) {
        w->wals = must_grow(w->wals, w->n, node, sizeof *w->wals);
        w->n = node;
    }
    struct wal *wal = wal_of(w, node);
    const char *sync = instance_setting(i, "sync");
    *wal = (struct wal){.instance = i->number};
    for (size_t k = 0; k < i->n_logs; k++)
        if (strcmp(i->logs[k], "wal") == 0) {
            wal->log = (uint32_t)k;
            wal->known = s->start->level != ORRERY__LEVEL__LEVEL_OFF &&
                         (!sync || strcmp(sync, "never") != 0);
        }
    if (wal->known)
        (void)check_find(w->check, "kv", "write-ahead");
}

/* Recovered or Durable: field 1 is the log, field 2 the record. */
static void take_durable(struct wal *wal, const struct entry *e)
{
    uint64_t lsn = wire_number(e->head.payload, 2);
    if (wire_number(e->head.payload, 1) != wal->log || lsn <= wal->durable)
        return;
    wal->durable = lsn;
    wal->told_by = e->ordinal;
}

static void judge(struct write_ahead_check *w, const struct wal *wal, const struct entry *e)
{
    struct finding *f = check_find(w->check, "kv", "write-ahead");
    struct bytes flush = trace_body(e->head.payload);
    uint64_t lsn = wire_number(flush, 2);
    f->judged++;
    if (lsn <= wal->durable)
        return;
    if (check_subject(w->check, e->node)->holes)
        finding_unknown(f, "events of n%u are missing, syncs perhaps among them", e->node);
    else
        finding_refute(f, (uint64_t[]){wal->told_by, e->ordinal}, 2,
                       "n%u gave page %" PRIu64 " with record %" PRIu64
                       " of its log to the disk, when the log was durable up to %" PRIu64,
                       e->node, wire_number(flush, 1), lsn, wal->durable);
}

void write_ahead_check_entry(struct write_ahead_check *w, const struct entry *e, enum kind kind)
{
    if (e->node && e->head.body == ORRERY__EVENT__BODY_START)
        take_start(w, e->node);
    struct wal *wal = wal_of(w, e->node);
    if (!wal || !wal->known || e->head.instance != wal->instance)
        return;
    if (e->head.body == ORRERY__EVENT__BODY_RECOVERED ||
        e->head.body == ORRERY__EVENT__BODY_DURABLE)
        take_durable(wal, e);
    else if (e->head.body == ORRERY__EVENT__BODY_SETTING)
        wal->known = false; /* Its promise may be another from here on. */
    else if (kind == KIND_KV_PAGE_FLUSH)
        judge(w, wal, e);
}

void write_ahead_check_end(struct write_ahead_check *w)
{
    if (!w->n)
        return;
    struct finding *f = check_find(w->check, "kv", "write-ahead");
    if (w->check->holes)
        finding_unknown(f, "events are missing, a page that went too early perhaps among them");
    finding_proven(f, "no page went to disk before the records that changed it");
}

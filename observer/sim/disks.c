/* The simulated disks' timing: jobs of logs take simulated time, and a crash finds them half done.
 */
#include "sim/inner.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>

struct recovery {
    struct sim_node *node;
    uint32_t instance;
    uint32_t log;
};

static void recovered(void *ctx, const struct log_recovered *r)
{
    struct recovery *at = ctx;
    struct sim_node *n = at->node;
    if (n->doomed)
        return;
    Orrery__Recovered m = ORRERY__RECOVERED__INIT;
    m.log = at->log;
    m.lsn = r->record.at;
    m.type = r->record.type;
    m.body = (ProtobufCBinaryData){r->record.body.len, (uint8_t *)(uintptr_t)r->record.body.base};
    m.snapshot = r->snapshot;
    m.segment = r->place.segment;
    m.offset = r->place.offset;
    m.size = r->place.size;
    host_recover(n->host, node_moment(n), at->instance, &m);
}

int disks_open(struct sim_node *n, char *why, size_t why_size)
{
    struct recovery r = {.node = n};
    bool ok = true;
    for (r.instance = 1; ok && r.instance <= host_instances(n->host); r.instance++) {
        const struct core_ops *ops = host_ops(n->host, r.instance);
        for (r.log = 0; ok && ops->logs && ops->logs[r.log]; r.log++) {
            struct log_options options = {0};
            if (ops->log_options)
                ops->log_options(host_settings_of(n->host, r.instance), r.log, &options);
            char name[LEDGER_NAME_MAX];
            snprintf(name, sizeof name, "%u-%s", r.instance, ops->logs[r.log]);
            struct sim_log *l = &n->logs[r.instance - 1][r.log];
            l->never = options.sync == SYNC_NEVER;
            l->log = log_open(&n->disk.disk, name, &options, NULL, recovered, &r, why, why_size);
            ok = l->log != NULL;
        }
    }
    return ok ? 0 : ERROR_DAMAGED;
}

static void synced_run(struct world *w, struct happening *h);
static void written_run(struct world *w, struct happening *h);

static struct happening *job_happening(struct sim_node *n, uint32_t instance, uint32_t log,
                                       void (*run)(struct world *, struct happening *))
{
    struct happening *h = happening_new(n->world, run, 0);
    h->node = n->id;
    h->boot = n->boot;
    h->stalls = true;
    h->disk.instance = instance;
    h->disk.log = log;
    h->disk.began = n->world->now;
    return h;
}

static void disk_failed(struct sim_node *n, int error)
{
    char why[WORDS_MAX];
    snprintf(why, sizeof why, "%s", error_text(error));
    node_fail(n, why);
}

static void written_run(struct world *w, struct happening *h)
{
    struct sim_node *n = world_find(w, h->node);
    struct sim_log *l = &n->logs[h->disk.instance - 1][h->disk.log];
    CHECK(l->job && !l->written);
    int error = log_job_write(l->job);
    if (error) {
        disk_failed(n, error);
        return;
    }
    l->written = true;
    struct happening *sync = job_happening(n, h->disk.instance, h->disk.log, synced_run);
    nsec takes = 0;
    if (!l->never) {
        takes = w->options.sync_ns + n->disk.slow;
        takes += (nsec)random_exponential(&n->disk_random, (double)w->options.sync_spread);
    }
    happening_at(w, w->now + takes, sync);
    if (host_wants_written(n->host)) {
        host_written(n->host, node_moment(n), h->disk.instance, h->disk.log, log_job_upto(l->job));
        node_settle(n);
    }
}

static void synced_run(struct world *w, struct happening *h)
{
    struct sim_node *n = world_find(w, h->node);
    struct sim_log *l = &n->logs[h->disk.instance - 1][h->disk.log];
    CHECK(l->job && l->written);
    int error = log_job_sync(l->job);
    if (error) {
        disk_failed(n, error);
        return;
    }
    lsn upto = log_job_upto(l->job);
    log_done(l->log, l->job);
    l->job = NULL;
    l->written = false;
    host_durable(n->host, node_moment(n), h->disk.instance, h->disk.log, upto,
                 w->now - h->disk.began);
    node_settle(n);
}

void disks_start_jobs(struct sim_node *n)
{
    for (uint32_t i = 0; i < host_instances(n->host); i++) {
        for (uint32_t k = 0; k < LOGS_MAX; k++) {
            struct sim_log *l = &n->logs[i][k];
            if (!l->log || l->job)
                continue;
            l->job = log_take(l->log);
            if (l->job)
                happening_at(n->world, n->world->now + n->world->options.write_ns,
                             job_happening(n, i + 1, k, written_run));
        }
    }
}

static void read_run(struct world *w, struct happening *h)
{
    struct sim_node *n = world_find(w, h->node);
    struct buf data = {0};
    struct log *log = n->logs[h->read.instance - 1][h->read.log].log;
    int error = log_read_records(log, h->read.at, h->read.count, &data);
    if (error) {
        buf_free(&data);
        disk_failed(n, error);
        return;
    }
    host_data(n->host, node_moment(n), h->read.instance, h->read.log, h->read.tag,
              buf_bytes(&data));
    buf_free(&data);
    node_settle(n);
}

void disks_read(struct sim_node *n, uint32_t instance, uint32_t log, lsn at, uint32_t count,
                uint64_t tag)
{
    struct happening *h = happening_new(n->world, read_run, 0);
    h->node = n->id;
    h->boot = n->boot;
    h->stalls = true;
    h->read.instance = instance;
    h->read.log = log;
    h->read.at = at;
    h->read.count = count;
    h->read.tag = tag;
    happening_at(n->world, n->world->now + n->world->options.write_ns, h);
}

/* A job that a crash interrupts: some of its bytes reached the kernel, perhaps all of them, and
 * perhaps the sync was just done; not where the power is told to take all that was not synced. */
static void interrupt_job(struct sim_node *n, struct sim_log *l, const struct ending *how,
                          struct random *random)
{
    bool takes_all = how->power && how->lose != ORRERY__LOSE__LOSE_RANDOM;
    struct disk_memory *m = &n->disk.memory;
    if (!l->written) {
        uint64_t bytes = log_job_bytes(l->job);
        m->power_left = random_below(random, bytes + bytes / 2 + 2);
        l->written = log_job_write(l->job) == 0;
    }
    if (l->written && random_chance(random, 0.25) && !takes_all)
        (void)log_job_sync(l->job);
    /* The disk refuses all until the crash is over; other logs' jobs have no luck. */
}

uint64_t disks_crash(struct sim_node *n, const struct ending *how)
{
    struct world *w = n->world;
    struct random random = how->seed
                               ? random_split(how->seed, n->id)
                               : concern_random(w, CONCERN_CRASH, (uint64_t)n->id << 24 | n->boot);
    for (int i = 0; i < INSTANCES_MAX; i++) {
        for (int k = 0; k < LOGS_MAX; k++) {
            struct sim_log *l = &n->logs[i][k];
            if (l->job) {
                interrupt_job(n, l, how, &random);
                log_done(l->log, l->job);
            }
            if (l->log)
                log_close(l->log);
            memset(l, 0, sizeof *l);
        }
    }
    enum disk_loss loss = !how->power                              ? DISK_LOSE_NOTHING
                          : how->lose == ORRERY__LOSE__LOSE_RANDOM ? DISK_LOSE_RANDOM
                                                                   : DISK_LOSE_ALL;
    return disk_memory_crash(&n->disk.memory, loss, &random);
}

void disks_drain(struct sim_node *n)
{
    for (int i = 0; i < INSTANCES_MAX; i++) {
        for (int k = 0; k < LOGS_MAX; k++) {
            struct sim_log *l = &n->logs[i][k];
            int error = 0;
            while (l->log && !error && (l->job || (l->job = log_take(l->log)))) {
                error = l->written ? 0 : log_job_write(l->job);
                l->written = error == 0;
                error = error ? error : log_job_sync(l->job);
                if (error)
                    break; /* disks_crash() frees the job. */
                log_done(l->log, l->job);
                l->job = NULL;
                l->written = false;
            }
        }
    }
}

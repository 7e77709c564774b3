/* The processes of a station. */
#include "agent/station_inside.h"

#include "agent/clocks.h"
#include "base/check.h"
#include "cluster/folder.h"
#include "cluster/frame.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    EVENTS_A_BATCH = 4096,
    BATCH_BYTES = 1 << 20,  /* And one event more. */
    BEHIND_BYTES = 4 << 20, /* What the link has not taken: then rings may fill. */
    RING_MIN = 1 << 16,
    RING_MAX = 64 << 20,
};

/* A node stamps the events of a step before it writes them, perhaps after it had to wait for the
 * processor; and machines know only about how their clocks differ. */
static const uint64_t stamp_to_ring_ns = 20000000;

static struct lodger *lodger_of(struct post *p, uint64_t life)
{
    struct lodger *l = p->lodgers;
    while (l && (l->life != life || l->closing))
        l = l->next;
    return l;
}

bool lodgers_any(const struct station *s)
{
    for (size_t i = 0; i < AGENT_PORTS; i++)
        if (s->posts[i].lodgers)
            return true;
    return false;
}

static void close_lodger(struct lodger *l)
{
    if (l->closing)
        return;
    l->closing = true;
    process_close(&l->process);
}

/* --- what it tells of a process --- */

static void on_said(void *ctx, struct bytes bytes)
{
    struct lodger *l = ctx;
    Orrery__Said said = ORRERY__SAID__INIT;
    Orrery__FromAgent message = ORRERY__FROM_AGENT__INIT;
    said.life = l->life;
    said.message = (ProtobufCBinaryData){bytes.len, (uint8_t *)(uintptr_t)bytes.base};
    message.kind_case = ORRERY__FROM_AGENT__KIND_SAID;
    message.said = &said;
    post_say(l->post, &message);
}

static void on_babbled(void *ctx)
{
    process_signal(&((struct lodger *)ctx)->process, SIGKILL);
}

static void on_worded(void *ctx, struct bytes words)
{
    struct lodger *l = ctx;
    Orrery__Worded worded = ORRERY__WORDED__INIT;
    Orrery__FromAgent message = ORRERY__FROM_AGENT__INIT;
    worded.life = l->life;
    worded.words = (ProtobufCBinaryData){words.len, (uint8_t *)(uintptr_t)words.base};
    message.kind_case = ORRERY__FROM_AGENT__KIND_WORDED;
    message.worded = &worded;
    post_say(l->post, &message);
}

static void on_stopped(void *ctx, bool is)
{
    struct lodger *l = ctx;
    Orrery__Stopped stopped = ORRERY__STOPPED__INIT;
    Orrery__FromAgent message = ORRERY__FROM_AGENT__INIT;
    stopped.life = l->life;
    stopped.stopped = is;
    message.kind_case = ORRERY__FROM_AGENT__KIND_STOPPED;
    message.stopped = &stopped;
    post_say(l->post, &message);
}

struct batch {
    struct buf *bytes;
    ProtobufCBinaryData events[EVENTS_A_BATCH];
    size_t n;
};

/* Places for now: the memory may move as it grows. */
static void put_event(void *ctx, struct bytes event)
{
    struct batch *b = ctx;
    b->events[b->n++] = (ProtobufCBinaryData){event.len, (uint8_t *)(uintptr_t)b->bytes->len};
    buf_append(b->bytes, event);
}

/* How many. */
static size_t tell_events(struct lodger *l)
{
    static struct batch b; /* Large; used up before anybody else comes to it. */
    struct station *s = l->post->station;
    b.bytes = &s->batch;
    b.n = 0;
    buf_clear(b.bytes);
    while (b.n < EVENTS_A_BATCH && b.bytes->len < BATCH_BYTES &&
           process_read(&l->process, 1, &s->scratch, put_event, &b) == 1)
        ;
    if (b.n == 0)
        return 0;
    for (size_t i = 0; i < b.n; i++)
        b.events[i].data = b.bytes->base + (uintptr_t)b.events[i].data;
    Orrery__Events events = ORRERY__EVENTS__INIT;
    Orrery__FromAgent message = ORRERY__FROM_AGENT__INIT;
    events.life = l->life;
    events.events = b.events;
    events.n_events = b.n;
    events.lost = process_lost(&l->process);
    message.kind_case = ORRERY__FROM_AGENT__KIND_EVENTS;
    message.events = &events;
    post_say(l->post, &message);
    return b.n;
}

static void tell_seen(struct post *p, uint64_t seen_ns)
{
    Orrery__Events events = ORRERY__EVENTS__INIT;
    Orrery__FromAgent message = ORRERY__FROM_AGENT__INIT;
    events.seen_ns = seen_ns;
    message.kind_case = ORRERY__FROM_AGENT__KIND_EVENTS;
    message.events = &events;
    post_say(p, &message);
}

void lodgers_sweep(struct station *s)
{
    uint64_t began = machine_now();
    for (size_t i = 0; i < AGENT_PORTS; i++) {
        struct post *p = &s->posts[i];
        bool all = true;
        if (!post_is_up(p) || !p->lodgers || p->link.waiting > BEHIND_BYTES)
            continue;
        for (struct lodger *l = p->lodgers; l; l = l->next)
            if (!l->ended && !l->closing)
                all &= tell_events(l) < EVENTS_A_BATCH;
        if (all)
            tell_seen(p, began - stamp_to_ring_ns);
    }
}

static void on_ended(void *ctx, int status)
{
    struct lodger *l = ctx;
    l->ended = true;
    if (!post_is_up(l->post)) {
        close_lodger(l);
        return;
    }
    while (tell_events(l) > 0)
        ;
    Orrery__Exited exited = ORRERY__EXITED__INIT;
    Orrery__FromAgent message = ORRERY__FROM_AGENT__INIT;
    exited.life = l->life;
    exited.status = status;
    message.kind_case = ORRERY__FROM_AGENT__KIND_EXITED;
    message.exited = &exited;
    post_say(l->post, &message);
}

static void on_closed(void *ctx)
{
    struct lodger *l = ctx;
    struct station *s = l->post->station;
    for (struct lodger **at = &l->post->lodgers; *at; at = &(*at)->next)
        if (*at == l) {
            *at = l->next;
            break;
        }
    free(l);
    station_look(s);
}

static const struct process_io io = {on_said,    on_babbled, on_worded,
                                     on_stopped, on_ended,   on_closed};

/* --- beginning one --- */

/* It becomes part of a path. */
static bool is_name(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    return n > 0 && n < ADDRESS_ROOM && !text[n];
}

void lodger_folder(const struct station *s, const char *run, char *into, size_t size)
{
    snprintf(into, size, "%s/%s", s->options.directory, run);
}

static bool make_folder(struct lodger *l, const Orrery__Begin *b, char *why, size_t why_size)
{
    char run[4000];
    lodger_folder(l->post->station, b->run, run, sizeof run);
    snprintf(l->path, sizeof l->path, "%s/%s", run, b->name);
    if ((mkdir(run, 0700) == 0 || errno == EEXIST) &&
        (mkdir(l->path, 0700) == 0 || errno == EEXIST))
        return true;
    snprintf(why, why_size, "cannot make %.200s: %s", l->path, strerror(errno));
    return false;
}

static void configure(struct lodger *l, Orrery__NodeConfig *config)
{
    char address[ADDRESS_ROOM] = "";
    const char *given = l->post->station->options.address;
    if (given)
        snprintf(address, sizeof address, "%s", given);
    else
        link_address(&l->post->link, true, address, sizeof address);
    char *theirs[2] = {config->directory, config->address};
    config->directory = l->path;
    config->address = address;
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    struct buf frame = {0};
    message.kind_case = ORRERY__TO_NODE__KIND_CONFIG;
    message.config = config;
    frame_put(&frame, &message.base);
    process_say(&l->process, buf_bytes(&frame));
    seal_wipe(frame.base, frame.len);
    buf_free(&frame);
    config->directory = theirs[0];
    config->address = theirs[1];
}

static void tell_begun(struct post *p, uint64_t life, int32_t pid, uint64_t at_ns,
                       const char *why_not)
{
    Orrery__Begun begun = ORRERY__BEGUN__INIT;
    Orrery__FromAgent message = ORRERY__FROM_AGENT__INIT;
    begun.life = life;
    begun.pid = pid;
    begun.why_not = (char *)(uintptr_t)why_not;
    begun.at_ns = at_ns;
    message.kind_case = ORRERY__FROM_AGENT__KIND_BEGUN;
    message.begun = &begun;
    post_say(p, &message);
}

static bool sensible(struct post *p, const Orrery__Begin *b, char *why, size_t why_size)
{
    bool ring = b->ring_bytes >= RING_MIN && b->ring_bytes <= RING_MAX &&
                (b->ring_bytes & (b->ring_bytes - 1)) == 0;
    snprintf(why, why_size, "%s",
             p->station->stopping ? "the agent is ending"
             : !b->config || !is_name(b->run) || !is_name(b->name) || !ring || lodger_of(p, b->life)
                 ? "what was asked of the agent makes no sense"
                 : "");
    return !*why;
}

void lodger_begin(struct post *p, Orrery__Begin *b)
{
    struct station *s = p->station;
    char why[400];
    if (!sensible(p, b, why, sizeof why)) {
        tell_begun(p, b->life, 0, 0, why);
        return;
    }
    struct lodger *l = calloc(1, sizeof *l);
    CHECK(l);
    l->post = p;
    l->life = b->life;
    l->process.io = &io;
    l->process.ctx = l;
    l->process.family = &s->family;
    snprintf(l->run, sizeof l->run, "%s", b->run);
    l->next = p->lodgers;
    p->lodgers = l;
    uint64_t at_ns = machine_now();
    if (!make_folder(l, b, why, sizeof why) ||
        process_start(&l->process, &s->family, s->program, b->name, b->ring_bytes, why,
                      sizeof why) < 0) {
        tell_begun(p, b->life, 0, 0, why);
        close_lodger(l);
        return;
    }
    configure(l, b->config);
    tell_begun(p, b->life, l->process.pid, at_ns, "");
}

/* --- what it is told --- */

static void say_to(struct lodger *l, const Orrery__ToNode *message)
{
    struct buf frame = {0};
    frame_put(&frame, &message->base);
    process_say(&l->process, buf_bytes(&frame));
    buf_free(&frame);
}

static void settle(struct lodger *l, const Orrery__Settle *how)
{
    if (!l->ended)
        return;
    Orrery__Settled settled = ORRERY__SETTLED__INIT;
    Orrery__FromAgent message = ORRERY__FROM_AGENT__INIT;
    settled.life = l->life;
    if (how->power)
        settled.lost_bytes = process_power_cut(&l->process, l->path, how->torn, how->seed);
    message.kind_case = ORRERY__FROM_AGENT__KIND_SETTLED;
    message.settled = &settled;
    post_say(l->post, &message);
    close_lodger(l);
}

static void forget(struct post *p, const char *run)
{
    char path[4096];
    if (!is_name(run))
        return;
    for (size_t i = 0; i < AGENT_PORTS; i++)
        for (const struct lodger *l = p->station->posts[i].lodgers; l; l = l->next)
            if (strcmp(l->run, run) == 0 && !l->closing)
                return;
    lodger_folder(p->station, run, path, sizeof path);
    folder_remove(path);
}

void lodger_hear(struct post *p, const Orrery__ToAgent *m)
{
    struct lodger *l;
    switch (m->kind_case) {
    case ORRERY__TO_AGENT__KIND_BEGIN:
        lodger_begin(p, m->begin);
        break;
    case ORRERY__TO_AGENT__KIND_SAY:
        l = lodger_of(p, m->say->life);
        if (l && !l->ended && m->say->message)
            say_to(l, m->say->message);
        break;
    case ORRERY__TO_AGENT__KIND_SIGNAL: {
        int number = m->signal->number;
        l = lodger_of(p, m->signal->life);
        if (l && (number == SIGKILL || number == SIGSTOP || number == SIGCONT))
            process_signal(&l->process, number);
        break;
    }
    case ORRERY__TO_AGENT__KIND_SETTLE:
        l = lodger_of(p, m->settle->life);
        if (l)
            settle(l, m->settle);
        break;
    case ORRERY__TO_AGENT__KIND_FORGET:
        forget(p, m->forget->run);
        break;
    default:
        break;
    }
}

/* --- ends --- */

void lodgers_orphaned(struct post *p)
{
    for (struct lodger *l = p->lodgers, *next; l; l = next) {
        next = l->next;
        if (l->ended)
            close_lodger(l);
        else
            process_signal(&l->process, SIGKILL);
    }
}

void lodgers_quit(struct station *s, bool at_once)
{
    Orrery__Quit quit = ORRERY__QUIT__INIT;
    Orrery__ToNode message = ORRERY__TO_NODE__INIT;
    message.kind_case = ORRERY__TO_NODE__KIND_QUIT;
    message.quit = &quit;
    for (size_t i = 0; i < AGENT_PORTS; i++)
        for (struct lodger *l = s->posts[i].lodgers, *next; l; l = next) {
            next = l->next;
            if (at_once && l->ended) {
                close_lodger(l); /* Nobody says what is to become of its disk. */
            } else if (at_once) {
                process_signal(&l->process, SIGKILL);
            } else if (!l->ended) {
                process_signal(&l->process, SIGCONT);
                say_to(l, &message);
            }
        }
}

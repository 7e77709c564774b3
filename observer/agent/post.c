/* The links of a station. */
#include "agent/station_inside.h"

#include "agent/clocks.h"
#include "base/check.h"
#include "cluster/units.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PAUSE_MIN_MS = 200, PAUSE_MAX_MS = 1000 };

static void call(uv_timer_t *timer);

/* One line on stderr, whenever it is another one than before. */
static void tell(struct post *p, const char *level, const char *what)
{
    char line[sizeof p->said];
    text_clean(line, sizeof line, bytes_str(what));
    if (strcmp(p->said, line) == 0)
        return;
    snprintf(p->said, sizeof p->said, "%s", line);
    fprintf(stderr, "level=%s observer=%s port=%u link=\"%s\"\n", level, p->observer.host,
            p->observer.port, line);
}

static bool any_up(const struct station *s)
{
    for (size_t i = 0; i < AGENT_PORTS; i++)
        if (post_is_up(&s->posts[i]))
            return true;
    return false;
}

/* That nobody listens at the other ports is as it should be. */
static void tell_failure(struct post *p, const char *why)
{
    bool unusual = p->link.up || p->welcome || strncmp(why, "was ", 4) == 0;
    if (unusual || (p == &p->station->posts[0] && !any_up(p->station)))
        tell(p, "warning", why);
}

static void again(struct post *p)
{
    if (p->station->closing)
        return;
    CHECK(uv_timer_start(&p->retry, call, p->pause_ms, 0) == 0);
    p->pause_ms = p->pause_ms * 2 < PAUSE_MAX_MS ? p->pause_ms * 2 : PAUSE_MAX_MS;
}

void post_say(struct post *p, Orrery__FromAgent *message)
{
    if (p->linked)
        link_say(&p->link, &message->base);
}

static void on_up(void *ctx)
{
    struct post *p = ctx;
    struct station *s = p->station;
    char host[ADDRESS_ROOM], address[ADDRESS_ROOM] = "", machine[MACHINE_ROOM];
    Orrery__Present present = ORRERY__PRESENT__INIT;
    Orrery__FromAgent message = ORRERY__FROM_AGENT__INIT;
    if (gethostname(host, sizeof host) < 0)
        snprintf(host, sizeof host, "?");
    host[sizeof host - 1] = '\0';
    if (s->options.address)
        snprintf(address, sizeof address, "%s", s->options.address);
    else
        link_address(&p->link, true, address, sizeof address);
    machine_name(machine);
    static char version[] = ORRERY_VERSION;
    present.version = version;
    present.disk = (ProtobufCBinaryData){DISK_ID, s->disk};
    present.host = host;
    present.address = address;
    present.machine = machine;
    message.kind_case = ORRERY__FROM_AGENT__KIND_PRESENT;
    message.present = &present;
    post_say(p, &message);
}

static void pong(struct post *p, const Orrery__Ping *ping)
{
    Orrery__Pong pong = ORRERY__PONG__INIT;
    Orrery__FromAgent message = ORRERY__FROM_AGENT__INIT;
    pong.sent_ns = ping->sent_ns;
    pong.here_ns = machine_now();
    pong.wall_ns = machine_wall();
    message.kind_case = ORRERY__FROM_AGENT__KIND_PONG;
    message.pong = &pong;
    post_say(p, &message);
}

static void on_heard(void *ctx, struct bytes bytes)
{
    struct post *p = ctx;
    Orrery__ToAgent *m = orrery__to_agent__unpack(NULL, bytes.len, bytes.base);
    if (m && m->kind_case == ORRERY__TO_AGENT__KIND_WELCOME) {
        p->welcome = !*m->welcome->why_not;
        tell(p, p->welcome ? "info" : "warning", p->welcome ? "up" : m->welcome->why_not);
        p->pause_ms = p->welcome ? PAUSE_MIN_MS : PAUSE_MAX_MS;
    } else if (m && m->kind_case == ORRERY__TO_AGENT__KIND_PING) {
        pong(p, m->ping);
    } else if (m && p->welcome) {
        lodger_hear(p, m);
    }
    if (m)
        orrery__to_agent__free_unpacked(m, NULL);
}

static void on_broke(void *ctx, const char *why)
{
    tell_failure(ctx, why);
}

static void on_closed(void *ctx)
{
    struct post *p = ctx;
    p->linked = p->welcome = false;
    lodgers_orphaned(p);
    again(p);
    station_look(p->station);
}

static const struct link_io link_io = {on_up, on_heard, on_broke, on_closed};

static void looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct post *p = request->data;
    if (status < 0 || !found || p->station->closing) {
        tell_failure(p, status < 0 ? uv_strerror(status) : "there is no such host");
        again(p);
    } else {
        p->link = (struct link){.io = &link_io, .ctx = p};
        p->linked = true;
        link_call(&p->link, &p->station->loop, p->station->options.key.key, found->ai_addr);
    }
    uv_freeaddrinfo(found);
    station_look(p->station);
}

static void call(uv_timer_t *timer)
{
    struct post *p = timer->data;
    char port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    snprintf(port, sizeof port, "%u", p->observer.port);
    p->look_up.data = p;
    int error =
        uv_getaddrinfo(&p->station->loop, &p->look_up, looked_up, p->observer.host, port, &hints);
    if (error < 0)
        looked_up(&p->look_up, error, NULL);
}

void post_open(struct post *p, struct station *s, uint16_t port)
{
    p->station = s;
    p->observer = s->options.observer;
    p->observer.port = port;
    p->pause_ms = PAUSE_MIN_MS;
    CHECK(uv_timer_init(&s->loop, &p->retry) == 0);
    p->retry.data = p;
    CHECK(uv_timer_start(&p->retry, call, 0, 0) == 0);
}

void post_close(struct post *p)
{
    if (!p->station)
        return; /* There is no such port. */
    if (p->linked)
        link_close(&p->link);
    uv_close((uv_handle_t *)&p->retry, NULL);
}

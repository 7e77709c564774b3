#include "web/inside.h"

#include "agent/endpoint.h"
#include "base/check.h"
#include "base/must.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOOK_MS = 250, ACCEPTED_A_TURN = 32, USUAL_HAIL_MS = 2000, USUAL_STALL_MS = 20000 };

static char last_words[200]; /* What libwebsockets complained of last. */

static void complain(int level, const char *line)
{
    (void)level;
    snprintf(last_words, sizeof last_words, "%.*s", (int)strcspn(line, "\n"), line);
}

static int connection_event(struct web *w, struct lws *wsi, enum lws_callback_reasons reason,
                            struct connection *c, struct bytes in)
{
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return http_request(w, wsi, c, (const char *)in.base);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return http_more(wsi, c);
    case LWS_CALLBACK_ESTABLISHED:
        page_new(w, wsi, c);
        return 0;
    case LWS_CALLBACK_TIMER:
        return c->page ? page_timer(c->page) : 0;
    case LWS_CALLBACK_RECEIVE:
        return page_heard(c->page, in, lws_is_first_fragment(wsi),
                          lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return page_writable(c->page);
    case LWS_CALLBACK_CLOSED:
        if (c->page)
            page_free(c->page);
        c->page = NULL;
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, c, (void *)(uintptr_t)in.base, in.len);
    }
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    struct web *w = lws_context_user(lws_get_context(wsi));
    if (reason == LWS_CALLBACK_WSI_DESTROY && w->n_connections > 0)
        w->n_connections--;
    if (!w)
        return 0;
    if (reason == LWS_CALLBACK_HTTP_CONFIRM_UPGRADE) /* It has no memory of its own yet. */
        return http_upgrade(w, wsi);
    if (!user)
        return 0;
    return connection_event(w, wsi, reason, user, bytes_of(in, len));
}

static const struct lws_protocols protocols[] = {
    {"orrery", callback, sizeof(struct connection), CHUNK, 0, NULL, 0},
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

/* --- listening --- */

static bool listen_somewhere(struct web *w, const struct web_options *o, char *why, size_t why_size)
{
    const char *host = o->host ? o->host : "127.0.0.1";
    uint16_t port = o->port_given ? o->port : WEB_PORT;
    if (!place_read(&w->place, host, port)) {
        snprintf(why, why_size, "--host takes an address of this machine, not '%.60s'", host);
        return false;
    }
    w->listener = endpoint_listen(w->place.host, w->place.port);
    for (int i = 0; i < WEB_PORTS_TRIED && w->listener == -EADDRINUSE && !o->port_given; i++) {
        w->place.port++;
        w->listener = endpoint_listen(w->place.host, w->place.port);
    }
    if (w->listener < 0) {
        snprintf(why, why_size, "cannot listen at %s, port %u: %s%s", host, w->place.port,
                 strerror(-w->listener),
                 w->listener == -EADDRINUSE ? ". Leave out --port, and a free one is taken" : "");
        return false;
    }
    w->place.port = endpoint_port(w->listener);
    return true;
}

static void somebody(uv_poll_t *poll, int status, int events)
{
    struct web *w = poll->data;
    if (status < 0 || !(events & UV_READABLE))
        return;
    for (int i = 0; i < ACCEPTED_A_TURN; i++) {
        int one = 1, fd = accept4(w->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if (w->n_connections >= CONNECTIONS_MAX) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        w->n_connections++;
        if (!lws_adopt_socket_vhost(w->vhost, fd) && w->n_connections > 0)
            w->n_connections--; /* It has closed it. */
    }
}

static void look(uv_timer_t *timer)
{
    pages_look(timer->data);
}

/* --- the whole --- */

static bool join_loop(struct web *w, char *why, size_t why_size)
{
    void *loops[1] = {w->loop};
    struct lws_context_creation_info info = {0};
    lws_set_log_level(LLL_ERR, complain);
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.protocols = protocols;
    info.user = w;
    info.gid = -1;
    info.uid = -1;
    info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
    info.foreign_loops = loops;
    info.pcontext = &w->context;
    info.server_string = "orrery";
    info.fd_limit_per_thread = CONNECTIONS_MAX + 32;
    info.max_http_header_pool = CONNECTIONS_MAX;
    info.max_http_header_data = 4096;
    info.timeout_secs = 10;
    info.keepalive_timeout = 15;
    w->context = lws_create_context(&info);
    w->vhost = w->context ? lws_create_vhost(w->context, &info) : NULL;
    if (!w->vhost)
        snprintf(why, why_size,
                 "the web server cannot begin (%s): is the package libwebsockets-evlib-uv there?",
                 last_words);
    return w->vhost != NULL;
}

static void make_token(struct web *w)
{
    uint8_t random[TOKEN_DIGITS / 2];
    char place[96];
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(w->token, sizeof w->token, random, sizeof random);
    place_url(&w->place, place, sizeof place);
    snprintf(w->url, sizeof w->url, "%s/#token=%s", place, w->token);
}

static void open_handles(struct web *w)
{
    CHECK(uv_poll_init(w->loop, &w->accepting, w->listener) == 0);
    w->accepting.data = w;
    CHECK(uv_poll_start(&w->accepting, UV_READABLE, somebody) == 0);
    CHECK(uv_timer_init(w->loop, &w->looking) == 0);
    w->looking.data = w;
    CHECK(uv_timer_start(&w->looking, look, LOOK_MS, LOOK_MS) == 0);
}

struct web *web_new(uv_loop_t *loop, const struct web_options *options, char *why, size_t why_size)
{
    struct web *w = must_alloc(1, sizeof *w);
    CHECK(sodium_init() >= 0);
    w->loop = loop;
    w->house = options->house;
    w->assets = options->assets;
    w->n_assets = options->n_assets;
    w->hail_ms = options->hail_ms ? options->hail_ms : USUAL_HAIL_MS;
    w->stall_ms = options->stall_ms ? options->stall_ms : USUAL_STALL_MS;
    if (!listen_somewhere(w, options, why, why_size)) {
        free(w);
        return NULL;
    }
    if (!join_loop(w, why, why_size)) {
        close(w->listener);
        if (w->context)
            lws_context_destroy(w->context);
        free(w);
        return NULL;
    }
    http_etags(w);
    make_token(w);
    open_handles(w);
    return w;
}

uint16_t web_port(const struct web *w)
{
    return w->place.port;
}

const char *web_token(const struct web *w)
{
    return w->token;
}

const char *web_url(const struct web *w)
{
    return w->url;
}

static void listener_closed(uv_handle_t *handle)
{
    struct web *w = handle->data;
    close(w->listener);
}

void web_close(struct web *w)
{
    if (w->closing)
        return;
    w->closing = true;
    uv_close((uv_handle_t *)&w->accepting, listener_closed);
    uv_close((uv_handle_t *)&w->looking, NULL);
    lws_context_destroy(w->context);
}

/* libwebsockets wants to be asked a second time once its handles have left a loop that is not its
 * own. */
void web_free(struct web *w)
{
    if (w->context)
        lws_context_destroy(w->context);
    free(w->etags);
    free(w);
}

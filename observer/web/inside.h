/* What the parts of the web server share. */
#ifndef ORRERY_WEB_INSIDE_H
#define ORRERY_WEB_INSIDE_H

#include "web/place.h"
#include "web/web.h"

#include <libwebsockets.h>

enum {
    TOKEN_DIGITS = 32,
    FRAME_MAX = 1 << 20,       /* Bytes of one question. */
    PAGE_QUEUE_MAX = 12 << 20, /* Answers that wait for a page before it is given up. */
    CHUNK = 64 << 10,          /* Bytes that are handed to the socket at once. */
    CONNECTIONS_MAX = 256,
    ETAG_SIZE = 40,
};

struct page;

struct web {
    uv_loop_t *loop;
    struct house *house;
    struct lws_context *context;
    struct lws_vhost *vhost;
    int listener;
    uv_poll_t accepting;
    uv_timer_t looking; /* After pages that do not read. */
    struct place place;
    char token[TOKEN_DIGITS + 1];
    char url[160];
    const struct asset *assets;
    size_t n_assets;
    char (*etags)[ETAG_SIZE];
    uint32_t hail_ms, stall_ms;
    struct page *pages;
    size_t n_pages;
    size_t n_connections;
    bool closing;
};

/* A connection: libwebsockets keeps one of these for each. */
struct connection {
    struct page *page; /* Of a WebSocket. */
    struct bytes left; /* Of an HTTP answer's body. */
};

/* http.c: what libwebsockets' callback is to return. */
int http_request(struct web *w, struct lws *wsi, struct connection *c, const char *path);
int http_more(struct lws *wsi, struct connection *c);
int http_upgrade(struct web *w, struct lws *wsi); /* 0: it may. */
void http_etags(struct web *w);

/* page.c */
void page_new(struct web *w, struct lws *wsi, struct connection *c);
void page_free(struct page *p);
int page_heard(struct page *p, struct bytes part, bool first, bool last);
int page_writable(struct page *p);
int page_timer(struct page *p);
void pages_look(struct web *w);

#endif

/* The page and its connections: HTTP for the files, a WebSocket at /ws for the rest, on the
 * observer's own loop (libwebsockets joins it).
 *
 * Who may come in: whoever knows the token, from a page that we served. Host must be an address
 * that we listen at, Origin that very address; a WebSocket's first message must be Hail with the
 * token, within two seconds. Nothing is answered before. */
#ifndef ORRERY_WEB_WEB_H
#define ORRERY_WEB_WEB_H

#include "session/house.h"
#include "web/assets.h"

#include <uv.h>

enum { WEB_PORT = 7400, WEB_PORTS_TRIED = 100, WEB_PAGES_MAX = 128 };

struct web;

struct web_options {
    struct house *house;
    const char *host; /* An address to listen at; NULL: 127.0.0.1. */
    uint16_t port;    /* When it is given, that one or none; 0 then: any that is free. */
    bool port_given;
    const struct asset *assets;
    size_t n_assets;
    uint32_t hail_ms;  /* 0: two seconds. */
    uint32_t stall_ms; /* How long one whose queue is full may take nothing; 0: twenty seconds. */
};

/* NULL and a sentence. */
struct web *web_new(uv_loop_t *loop, const struct web_options *options, char *why, size_t why_size);
uint16_t web_port(const struct web *w);
const char *web_token(const struct web *w);
const char *web_url(const struct web *w); /* With the token in its fragment. */

/* Lets go of the loop, which then ends by itself; the house's guests are gone when this returns or
 * soon after. */
void web_close(struct web *w);
void web_free(struct web *w); /* Once the loop has returned after web_close(). */

#endif

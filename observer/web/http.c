/* The page's files, and sentences where there is none. */
#include "web/inside.h"

#include "base/check.h"
#include "base/must.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { HEADERS_MAX = 2048, SENTENCE_MAX = 256, HOST_MAX = 128, ORIGIN_MAX = 160 };

struct answer {
    unsigned status;
    const char *type;
    struct bytes body; /* Lives on. */
    const char *cache;
    const char *etag;
    const char *allow;
    bool gzip;
    bool close;       /* The connection, after it. */
    const char *host; /* As the request has it, checked; or NULL. */
};

struct headers {
    struct lws *wsi;
    uint8_t *at, *end;
    bool full;
};

static void header(struct headers *h, const char *name, const char *value)
{
    h->full = h->full ||
              lws_add_http_header_by_name(h->wsi, (const uint8_t *)name, (const uint8_t *)value,
                                          (int)strlen(value), &h->at, h->end) != 0;
}

/* Nothing from elsewhere, nothing inline, nobody frames us. */
static void policy(struct headers *h, const char *host)
{
    char text[400];
    snprintf(text, sizeof text,
             "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
             "font-src 'self'; connect-src 'self'%s%s; base-uri 'none'; form-action 'none'; "
             "frame-ancestors 'none'",
             host ? " ws://" : "", host ? host : "");
    header(h, "content-security-policy:", text);
    header(h, "x-content-type-options:", "nosniff");
    header(h, "referrer-policy:", "no-referrer");
    header(h, "cross-origin-opener-policy:", "same-origin");
    header(h, "cross-origin-resource-policy:", "same-origin");
    header(h, "x-frame-options:", "DENY");
}

static bool is_head(struct lws *wsi)
{
    return lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0;
}

static int completed(struct lws *wsi)
{
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int head(struct lws *wsi, struct connection *c, const struct answer *a)
{
    uint8_t memory[LWS_PRE + HEADERS_MAX];
    uint8_t *start = memory + LWS_PRE;
    struct headers h = {wsi, start, memory + sizeof memory - 1, false};
    if (lws_add_http_header_status(wsi, a->status, &h.at, h.end) != 0)
        return -1;
    header(&h, "content-type:", a->type);
    policy(&h, a->host);
    header(&h, "cache-control:", a->cache);
    if (a->etag)
        header(&h, "etag:", a->etag);
    if (a->gzip)
        header(&h, "content-encoding:", "gzip");
    if (a->close)
        header(&h, "connection:", "close");
    if (a->allow)
        header(&h, "allow:", a->allow);
    if (h.full || lws_add_http_header_content_length(wsi, a->body.len, &h.at, h.end) != 0 ||
        lws_finalize_write_http_header(wsi, start, &h.at, h.end) != 0)
        return -1;
    c->left = a->body;
    return 0;
}

static int answer(struct lws *wsi, struct connection *c, const struct answer *a)
{
    if (head(wsi, c, a) < 0)
        return -1;
    if (a->body.len == 0 || is_head(wsi))
        return completed(wsi);
    lws_callback_on_writable(wsi);
    return 0;
}

/* Short, so that it leaves in one piece; whoever is told one has come the wrong way, and is shown
 * out. What it sends besides is not read. */
static int sentence(struct lws *wsi, unsigned status, const char *text)
{
    struct connection none = {0};
    uint8_t memory[LWS_PRE + SENTENCE_MAX];
    size_t n = strlen(text);
    CHECK(n <= SENTENCE_MAX);
    memcpy(memory + LWS_PRE, text, n);
    const struct answer a = {.status = status,
                             .type = "text/plain; charset=utf-8",
                             .body = bytes_of(text, n),
                             .cache = "no-store",
                             .allow = status == 405 ? "GET, HEAD" : NULL,
                             .close = true};
    if (head(wsi, &none, &a) == 0 && !is_head(wsi))
        lws_write(wsi, memory + LWS_PRE, n, LWS_WRITE_HTTP_FINAL);
    return -1;
}

int http_more(struct lws *wsi, struct connection *c)
{
    static uint8_t memory[LWS_PRE + CHUNK];
    size_t n = c->left.len < CHUNK ? c->left.len : CHUNK;
    if (n == 0)
        return 0;
    memcpy(memory + LWS_PRE, c->left.base, n);
    c->left = bytes_of(c->left.base + n, c->left.len - n);
    bool last = c->left.len == 0;
    if (lws_write(wsi, memory + LWS_PRE, n, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < (int)n)
        return -1;
    if (last)
        return completed(wsi);
    lws_callback_on_writable(wsi);
    return 0;
}

/* --- who asks --- */

/* False where there is no such header, or one that is too long to be right. */
static bool header_of(struct lws *wsi, enum lws_token_indexes which, char *into, int size)
{
    return lws_hdr_total_length(wsi, which) > 0 && lws_hdr_copy(wsi, into, size, which) > 0;
}

static bool host_is_ours(struct web *w, struct lws *wsi, char host[HOST_MAX])
{
    return header_of(wsi, WSI_TOKEN_HOST, host, HOST_MAX) && place_is_host(&w->place, host);
}

static const char not_here[] = "This is Orrery's observer, and the address that was used is not "
                               "its own. Open the address that "
                               "it printed when it was started.\n";

/* --- files --- */

void http_etags(struct web *w)
{
    w->etags = must_alloc(w->n_assets + 1, sizeof *w->etags);
    for (size_t i = 0; i < w->n_assets; i++) {
        uint8_t hash[16];
        crypto_generichash(hash, sizeof hash, w->assets[i].bytes.base, w->assets[i].bytes.len, NULL,
                           0);
        w->etags[i][0] = '"';
        sodium_bin2hex(w->etags[i] + 1, 2 * sizeof hash + 1, hash, sizeof hash);
        strcat(w->etags[i], "\"");
    }
}

static bool takes_gzip(struct lws *wsi)
{
    char accepted[256];
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_ACCEPT_ENCODING) == 0)
        return true; /* Then anything is. */
    return header_of(wsi, WSI_TOKEN_HTTP_ACCEPT_ENCODING, accepted, sizeof accepted) &&
           strstr(accepted, "gzip") != NULL;
}

static int file(struct web *w, struct lws *wsi, struct connection *c, size_t i, const char *host)
{
    const struct asset *asset = &w->assets[i];
    char known[64];
    bool named = strncmp(asset->path, "/assets/", 8) == 0; /* By its content. */
    struct answer a = {.status = 200,
                       .type = asset->type,
                       .body = asset->bytes,
                       .cache = named ? "private, max-age=31536000, immutable" : "no-cache",
                       .etag = w->etags[i],
                       .gzip = asset->gzip,
                       .host = host};
    if (asset->gzip && !takes_gzip(wsi))
        return sentence(wsi, 406, "This file comes compressed by gzip only.\n");
    if (header_of(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, known, sizeof known) &&
        strcmp(known, w->etags[i]) == 0) {
        a.status = 304;
        a.body = bytes_of(NULL, 0);
        a.gzip = false;
    }
    return answer(wsi, c, &a);
}

int http_request(struct web *w, struct lws *wsi, struct connection *c, const char *path)
{
    char host[HOST_MAX];
    bool get = lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) > 0;
    if (!host_is_ours(w, wsi, host))
        return sentence(wsi, 403, not_here);
    if (!get && !is_head(wsi))
        return sentence(wsi, 405, "Files can be read here, and nothing else.\n");
    if (strcmp(path, "/") == 0)
        path = "/index.html";
    for (size_t i = 0; i < w->n_assets; i++)
        if (strcmp(w->assets[i].path, path) == 0)
            return file(w, wsi, c, i, host);
    if (strcmp(path, "/ws") == 0)
        return sentence(wsi, 426, "This is for the page's WebSocket.\n");
    return sentence(wsi, 404, "There is no such file. The page is at /.\n");
}

int http_upgrade(struct web *w, struct lws *wsi)
{
    char path[16], host[HOST_MAX], origin[ORIGIN_MAX];
    const char *why = NULL;
    unsigned status = 403;
    if (!host_is_ours(w, wsi, host)) {
        why = not_here;
    } else if (!header_of(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin) ||
               !place_is_origin(host, origin)) {
        why = "Only the observer's own page may connect.\n";
    } else if (!header_of(wsi, WSI_TOKEN_GET_URI, path, sizeof path) || strcmp(path, "/ws") != 0) {
        why = "There is no WebSocket here but at /ws.\n";
        status = 404;
    } else if (w->n_pages >= WEB_PAGES_MAX) {
        why = "Too many pages are open.\n";
        status = 503;
    }
    if (!why)
        return 0;
    return sentence(wsi, status, why);
}

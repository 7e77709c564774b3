/* One page's connection. */
#include "web/inside.h"

#include "base/must.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNKS_A_TURN = 16, REASON_SIZE = 100 };

struct message {
    struct message *next;
    struct buf bytes;
};

struct page {
    struct web *web;
    struct page *next;
    struct lws *wsi;
    struct guest *guest;
    struct buf in;
    struct message *first, *last; /* To be sent; of the first, `sent` bytes are. */
    size_t sent;
    size_t waiting;
    uint64_t took_ms; /* When it last took something, or had nothing to take. */
    bool in_house;
    bool given_up;
    enum lws_close_status close; /* Once all is sent; 0: not. */
    char reason[REASON_SIZE];
};

static void give_up(struct page *p)
{
    if (p->given_up)
        return;
    p->given_up = true;
    lws_set_timeout(p->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

static void send_message(void *ctx, struct buf *bytes)
{
    struct page *p = ctx;
    if (p->given_up || p->waiting + bytes->len > PAGE_QUEUE_MAX) {
        buf_free(bytes);
        give_up(p);
        return;
    }
    struct message *m = must_alloc(1, sizeof *m);
    m->bytes = *bytes;
    if (p->waiting == 0)
        p->took_ms = uv_now(p->web->loop);
    p->waiting += bytes->len;
    if (p->last)
        p->last->next = m;
    else
        p->first = m;
    p->last = m;
    lws_callback_on_writable(p->wsi);
}

static size_t waiting(void *ctx)
{
    const struct page *p = ctx;
    return p->given_up || p->close ? SIZE_MAX : p->waiting;
}

static const struct guest_ops ops = {send_message, waiting};

void page_new(struct web *w, struct lws *wsi, struct connection *c)
{
    struct page *p = must_alloc(1, sizeof *p);
    p->web = w;
    p->wsi = wsi;
    p->guest = guest_new(w->house, &ops, p);
    p->next = w->pages;
    w->pages = p;
    w->n_pages++;
    c->page = p;
    lws_set_timer_usecs(wsi, (lws_usec_t)w->hail_ms * 1000);
}

static void pop(struct page *p)
{
    struct message *m = p->first;
    p->first = m->next;
    if (!p->first)
        p->last = NULL;
    p->sent = 0;
    buf_free(&m->bytes);
    free(m);
}

void page_free(struct page *p)
{
    for (struct page **at = &p->web->pages; *at; at = &(*at)->next)
        if (*at == p) {
            *at = p->next;
            break;
        }
    p->web->n_pages--;
    guest_free(p->guest);
    while (p->first)
        pop(p);
    buf_free(&p->in);
    free(p);
}

/* --- to it --- */

/* Its next piece: true when the socket takes more. */
static bool send_chunk(struct page *p)
{
    static uint8_t memory[LWS_PRE + CHUNK];
    struct message *m = p->first;
    size_t left = m->bytes.len - p->sent, n = left < CHUNK ? left : CHUNK;
    int how = p->sent == 0 ? LWS_WRITE_BINARY : LWS_WRITE_CONTINUATION;
    if (n < left)
        how |= LWS_WRITE_NO_FIN;
    if (n)
        memcpy(memory + LWS_PRE, m->bytes.base + p->sent, n);
    if (lws_write(p->wsi, memory + LWS_PRE, n, (enum lws_write_protocol)how) < (int)n) {
        p->given_up = true;
        return false;
    }
    p->sent += n;
    p->waiting -= n;
    p->took_ms = uv_now(p->web->loop);
    if (n == left)
        pop(p);
    return !lws_send_pipe_choked(p->wsi);
}

int page_writable(struct page *p)
{
    bool more = true;
    for (int i = 0; i < CHUNKS_A_TURN && p->first && more; i++)
        more = send_chunk(p);
    if (p->given_up)
        return -1;
    /* libwebsockets loses the reason where it is given in a turn to write. */
    if (!p->first && p->close)
        lws_set_timer_usecs(p->wsi, 1);
    else if (!p->first)
        guest_pump(p->guest);
    if (p->first)
        lws_callback_on_writable(p->wsi);
    return 0;
}

/* Closes at once. */
static int refuse(struct page *p, enum lws_close_status status, const char *reason)
{
    lws_close_reason(p->wsi, status, (unsigned char *)(uintptr_t)reason, strlen(reason));
    return -1;
}

/* Says why, and then closes. */
static void show_out(struct page *p, uint64_t ask, const char *reason)
{
    guest_refuse(p->guest, ask, reason);
    p->close = LWS_CLOSE_STATUS_POLICY_VIOLATION;
    strncpy(p->reason, reason, sizeof p->reason - 1);
}

/* The timer: a page that has said nothing has no way in; or it is being shown out. */
int page_timer(struct page *p)
{
    if (p->in_house)
        return 0;
    if (p->close)
        return refuse(p, p->close, p->reason);
    return refuse(p, LWS_CLOSE_STATUS_POLICY_VIOLATION, "The token did not come in time.");
}

void pages_look(struct web *w)
{
    uint64_t now = uv_now(w->loop);
    for (struct page *p = w->pages; p; p = p->next)
        if (p->waiting > 0 && now - p->took_ms > w->stall_ms)
            give_up(p);
}

/* --- from it --- */

static bool knows_token(const struct web *w, const char *token)
{
    return strlen(token) == TOKEN_DIGITS && sodium_memcmp(token, w->token, TOKEN_DIGITS) == 0;
}

static void greet(struct page *p, const Orrery__Ask *ask)
{
    if (ask->kind_case != ORRERY__ASK__KIND_HAIL) {
        show_out(p, ask->id, "The first message must bring the token.");
    } else if (!knows_token(p->web, ask->hail->token)) {
        show_out(p, ask->id, "The token is not this observer's: open the address that it printed.");
    } else {
        p->in_house = true;
        lws_set_timer_usecs(p->wsi, LWS_SET_TIMER_USEC_CANCEL);
        guest_hail(p->guest, ask->id, ask->hail->run);
    }
}

static int hear(struct page *p)
{
    Orrery__Ask *ask = orrery__ask__unpack(NULL, p->in.len, p->in.base);
    buf_clear(&p->in);
    if (!ask)
        return refuse(p, LWS_CLOSE_STATUS_INVALID_PAYLOAD, "That is no question.");
    if (p->in_house)
        guest_asks(p->guest, ask);
    else
        greet(p, ask);
    orrery__ask__free_unpacked(ask, NULL);
    return 0;
}

/* Before the token there is no room for much. */
int page_heard(struct page *p, struct bytes part, bool first, bool last)
{
    size_t max = p->in_house ? FRAME_MAX : 4096;
    if (p->close || p->given_up)
        return 0;
    if (!lws_frame_is_binary(p->wsi))
        return refuse(p, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "Questions are binary.");
    if (first)
        buf_clear(&p->in);
    if (part.len > max || p->in.len + part.len > max)
        return refuse(p, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "A question has at most 1 MiB.");
    buf_append(&p->in, part);
    int kept = last ? hear(p) : 0;
    if (p->in.cap > CHUNK && p->in.len == 0)
        buf_free(&p->in);
    return kept;
}

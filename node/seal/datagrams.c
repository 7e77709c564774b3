#include "seal/seal.h"

#include "base/check.h"
#include "base/errors.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 16 };

/* Which of the newest numbers of a sender's life were here. */
struct seal_window {
    uint32_t boot;
    uint64_t newest;
    uint64_t seen[SEAL_WINDOW / 64]; /* By number, modulo the window. */
};

void datagrams_open(struct datagrams *d, const uint8_t run_key[SEAL_KEY], uint32_t from,
                    uint32_t boot)
{
    static const char purpose[] = "datagrams";
    CHECK(sodium_init() >= 0);
    *d = (struct datagrams){.from = from, .boot = boot};
    crypto_generichash(d->key, SEAL_KEY, (const uint8_t *)purpose, sizeof purpose, run_key,
                       SEAL_KEY);
}

void datagrams_close(struct datagrams *d)
{
    for (uint32_t i = 0; i < d->n_windows; i++)
        free(d->windows[i]);
    free(d->windows);
    sodium_memzero(d, sizeof *d);
}

/* A life of a node is one of the run, and counts its datagrams: so no nonce comes twice. */
static void nonce_of(const uint8_t head[HEAD], uint8_t nonce[24])
{
    memcpy(nonce, head, HEAD);
    memset(nonce + HEAD, 0, 8);
}

void datagrams_seal(struct datagrams *d, struct bytes plain, uint8_t *into)
{
    uint8_t nonce[24];
    put_u32(into, d->from);
    put_u32(into + 4, d->boot);
    put_u64(into + 8, ++d->number);
    nonce_of(into, nonce);
    crypto_aead_xchacha20poly1305_ietf_encrypt(into + HEAD, NULL, plain.base, plain.len, NULL, 0,
                                               NULL, nonce, d->key);
}

static struct seal_window *window_of(struct datagrams *d, uint32_t from)
{
    if (from >= d->n_windows) {
        uint32_t n = (from | 15) + 1;
        d->windows = realloc(d->windows, n * sizeof(struct seal_window *));
        CHECK(d->windows);
        memset(d->windows + d->n_windows, 0, (n - d->n_windows) * sizeof(struct seal_window *));
        d->n_windows = n;
    }
    if (!d->windows[from])
        d->windows[from] = calloc(1, sizeof **d->windows);
    CHECK(d->windows[from]);
    return d->windows[from];
}

static uint64_t bit_of(uint64_t number)
{
    return UINT64_C(1) << (number % 64);
}

static uint64_t *word_of(struct seal_window *w, uint64_t number)
{
    return &w->seen[number / 64 % (SEAL_WINDOW / 64)];
}

/* Words that the window moves into are empty. */
static void advance(struct seal_window *w, uint64_t number)
{
    uint64_t from = w->newest / 64 + 1, to = number / 64;
    if (to - w->newest / 64 >= SEAL_WINDOW / 64)
        memset(w->seen, 0, sizeof w->seen);
    else
        for (uint64_t word = from; word <= to; word++)
            w->seen[word % (SEAL_WINDOW / 64)] = 0;
    w->newest = number;
}

static bool is_new(struct seal_window *w, uint32_t boot, uint64_t number)
{
    if (boot < w->boot)
        return false;
    if (boot > w->boot)
        *w = (struct seal_window){.boot = boot};
    if (number > w->newest)
        advance(w, number);
    /* Some of the oldest word has been given away already. */
    else if (w->newest / 64 - number / 64 >= SEAL_WINDOW / 64)
        return false;
    if (*word_of(w, number) & bit_of(number))
        return false;
    *word_of(w, number) |= bit_of(number);
    return true;
}

int datagrams_unseal(struct datagrams *d, uint8_t *sealed, size_t size, struct bytes *plain,
                     uint32_t *from)
{
    uint8_t nonce[24];
    uint8_t *at = sealed + HEAD;
    if (size < SEAL_DATAGRAM || get_u32(sealed) >= SEAL_SENDERS_MAX)
        return ERROR_REFUSED;
    nonce_of(sealed, nonce);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(at, NULL, NULL, at, size - HEAD, NULL, 0, nonce,
                                                   d->key) != 0)
        return ERROR_REFUSED;
    *from = get_u32(sealed);
    *plain = bytes_of(at, size - SEAL_DATAGRAM);
    return is_new(window_of(d, *from), get_u32(sealed + 4), get_u64(sealed + 8)) ? 0 : ERROR_IN_USE;
}

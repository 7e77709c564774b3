#include "seal/seal.h"

#include "base/check.h"
#include "base/errors.h"

#include <sodium.h>
#include <string.h>

static const uint8_t magic[8] = {'o', 'r', 'r', 'e', 'r', 'y', 0, 1};

static void hash(uint8_t into[SEAL_KEY], const uint8_t *key, const char *purpose, struct bytes a,
                 struct bytes b)
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, key, key ? SEAL_KEY : 0, SEAL_KEY);
    crypto_generichash_update(&state, (const uint8_t *)purpose, strlen(purpose) + 1);
    if (a.len)
        crypto_generichash_update(&state, a.base, a.len);
    if (b.len)
        crypto_generichash_update(&state, b.base, b.len);
    crypto_generichash_final(&state, into, SEAL_KEY);
}

static const struct bytes nothing = {NULL, 0};

void seal_key_of_text(struct bytes text, uint8_t key[SEAL_KEY])
{
    CHECK(sodium_init() >= 0);
    hash(key, NULL, "orrery cluster key", text, nothing);
}

void seal_random(uint8_t *into, size_t size)
{
    randombytes_buf(into, size);
}

void seal_wipe(void *secret, size_t size)
{
    sodium_memzero(secret, size);
}

/* --- records --- */

static void nonce_of(uint64_t number, uint8_t nonce[12])
{
    memset(nonce, 0, 12);
    put_u64(nonce, number);
}

void sealer_put(struct sealer *s, struct bytes plain, struct buf *into)
{
    uint8_t nonce[12];
    CHECK(plain.len <= UINT32_MAX - SEAL_TAG);
    uint8_t *at = buf_extend(into, SEAL_LENGTH + plain.len + SEAL_TAG);
    put_u32(at, (uint32_t)(plain.len + SEAL_TAG));
    nonce_of(s->number++, nonce);
    crypto_aead_chacha20poly1305_ietf_encrypt(at + SEAL_LENGTH, NULL, plain.base, plain.len, at,
                                              SEAL_LENGTH, NULL, nonce, s->key);
}

int sealer_next(struct sealer *s, struct bytes in, size_t max, struct buf *plain, size_t *size)
{
    uint8_t nonce[12];
    if (in.len < SEAL_LENGTH)
        return 0;
    size_t length = get_u32(in.base);
    if (length < SEAL_TAG)
        return ERROR_REFUSED;
    if (length - SEAL_TAG > max)
        return ERROR_TOO_LARGE;
    if (in.len - SEAL_LENGTH < length)
        return 0;
    buf_clear(plain);
    uint8_t *at = buf_extend(plain, length - SEAL_TAG);
    nonce_of(s->number, nonce);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(at, NULL, NULL, in.base + SEAL_LENGTH, length,
                                                  in.base, SEAL_LENGTH, nonce, s->key) != 0) {
        buf_clear(plain);
        return ERROR_REFUSED;
    }
    s->number++;
    *size = SEAL_LENGTH + length;
    return 1;
}

/* --- two that share a key --- */

static uint8_t *ours(struct handshake *h)
{
    return h->hellos[h->caller ? 0 : 1];
}

/* Over the public keys that were said so far. */
static void prove(const struct handshake *h, bool by_caller, uint8_t proof[32])
{
    hash(proof, h->key, by_caller ? "call" : "answer", bytes_of(h->hellos[0] + 8, 32),
         by_caller ? nothing : bytes_of(h->hellos[1] + 8, 32));
}

void handshake_begin(struct handshake *h, const uint8_t key[SEAL_KEY], bool caller)
{
    memset(h, 0, sizeof *h);
    memcpy(h->key, key, SEAL_KEY);
    h->caller = caller;
    CHECK(sodium_init() >= 0);
    randombytes_buf(h->secret, sizeof h->secret);
    memcpy(ours(h), magic, sizeof magic);
    crypto_scalarmult_base(ours(h) + 8, h->secret);
    if (caller)
        prove(h, true, ours(h) + 40);
}

void handshake_wipe(struct handshake *h)
{
    sodium_memzero(h, sizeof *h);
}

struct bytes handshake_call(struct handshake *h)
{
    CHECK(h->caller);
    return bytes_of(ours(h), SEAL_HELLO);
}

struct bytes handshake_answer(const struct handshake *h)
{
    CHECK(!h->caller);
    return bytes_of(h->hellos[1], SEAL_HELLO);
}

bool handshake_hear(struct handshake *h, const uint8_t hello[SEAL_HELLO], struct sealer *out,
                    struct sealer *in)
{
    uint8_t proof[32], shared[32], keys[2][SEAL_KEY];
    memcpy(h->hellos[h->caller ? 1 : 0], hello, SEAL_HELLO);
    prove(h, !h->caller, proof);
    if (memcmp(hello, magic, sizeof magic) != 0 || sodium_memcmp(proof, hello + 40, 32) != 0 ||
        crypto_scalarmult(shared, h->secret, hello + 8) != 0)
        return false;
    if (!h->caller)
        prove(h, false, ours(h) + 40);
    for (int answers = 0; answers < 2; answers++)
        hash(keys[answers], h->key, answers ? "to the caller" : "from the caller",
             bytes_of(shared, sizeof shared), bytes_of(h->hellos, sizeof h->hellos));
    *out = (struct sealer){.number = 0};
    *in = (struct sealer){.number = 0};
    memcpy(out->key, keys[h->caller ? 0 : 1], SEAL_KEY);
    memcpy(in->key, keys[h->caller ? 1 : 0], SEAL_KEY);
    sodium_memzero(shared, sizeof shared);
    sodium_memzero(keys, sizeof keys);
    return true;
}

void seal_stream(struct sealer *s, const uint8_t key[SEAL_KEY], const uint8_t theirs[SEAL_RANDOM],
                 const uint8_t mine[SEAL_RANDOM])
{
    s->number = 0;
    hash(s->key, key, "stream", bytes_of(theirs, SEAL_RANDOM), bytes_of(mine, SEAL_RANDOM));
}

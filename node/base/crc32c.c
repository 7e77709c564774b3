#include "base/crc32c.h"

#include "base/bytes.h"

#include <string.h>

/* Eight tables, so that eight bytes take one round ("slicing by 8"). */
static uint32_t tables[8][256];

static uint32_t (*chosen)(uint32_t crc, const uint8_t *at, size_t n);

static uint32_t by_tables(uint32_t crc, const uint8_t *at, size_t n)
{
    for (; n >= 8; n -= 8, at += 8) {
        uint32_t low = crc ^ get_u32(at);
        uint32_t high = get_u32(at + 4);
        crc = tables[7][low & 0xff] ^ tables[6][low >> 8 & 0xff] ^ tables[5][low >> 16 & 0xff] ^
              tables[4][low >> 24] ^ tables[3][high & 0xff] ^ tables[2][high >> 8 & 0xff] ^
              tables[1][high >> 16 & 0xff] ^ tables[0][high >> 24];
    }
    for (; n > 0; n--, at++)
        crc = tables[0][(crc ^ *at) & 0xff] ^ crc >> 8;
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_sse42(uint32_t crc, const uint8_t *at,
                                                           size_t n)
{
    uint64_t wide = crc;
    for (; n >= 8; n -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; n > 0; n--, at++)
        crc = __builtin_ia32_crc32qi(crc, *at);
    return crc;
}
#endif

/* Before main, so that threads find it done. */
__attribute__((constructor)) static void choose(void)
{
    const uint32_t polynomial = UINT32_C(0x82f63b78);
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
        tables[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int t = 1; t < 8; t++)
            tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 0xff];
    chosen = by_tables;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("sse4.2"))
        chosen = by_sse42;
#endif
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t n)
{
    return ~chosen(~crc, bytes, n);
}

uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t n)
{
    return ~by_tables(~crc, bytes, n);
}

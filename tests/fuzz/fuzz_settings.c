/* Lines of KEY=VALUE, or !FLAW, for the settings of either protocol. What was taken must pack and
 * come back the same. */
#include "base/check.h"
#include "core/settings.h"
#include "heartbeat.pb-c.h"
#include "kv.pb-c.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(ProtobufCMessage *m, struct bytes line, struct arena *arena)
{
    char why[80];
    memset(why, '#', sizeof why);
    bool ok;
    if (line.len > 0 && line.base[0] == '!') {
        ok = settings_flaw(m, bytes_of(line.base + 1, line.len - 1), arena, why, sizeof why);
    } else {
        const uint8_t *equal = line.len > 0 ? memchr(line.base, '=', line.len) : NULL;
        size_t n = equal ? (size_t)(equal - line.base) : line.len;
        struct bytes value = equal ? bytes_of(equal + 1, line.len - n - 1) : bytes_of(line.base, 0);
        ok = settings_set(m, bytes_of(line.base, n), value, arena, why, sizeof why);
    }
    if (!ok)
        CHECK(memchr(why, '\0', sizeof why) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena, 1 << 16);
    Heartbeat__Settings heartbeat = HEARTBEAT__SETTINGS__INIT;
    Kv__Settings kv = KV__SETTINGS__INIT;
    ProtobufCMessage *m = size > 0 && data[0] & 1 ? &heartbeat.base : &kv.base;
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t n = end ? (size_t)(end - data) : size;
        take(m, bytes_of(data, n), &arena);
        data += n + (end != NULL);
        size -= n + (end != NULL);
    }
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *packed = arena_alloc(&arena, n);
    if (packed) {
        CHECK(protobuf_c_message_pack(m, packed) == n);
        ProtobufCMessage *back = protobuf_c_message_unpack(m->descriptor, NULL, n, packed);
        CHECK(back != NULL);
        CHECK(protobuf_c_message_get_packed_size(back) == n);
        protobuf_c_message_free_unpacked(back, NULL);
    }
    arena_free(&arena);
    return 0;
}

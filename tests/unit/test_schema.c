/* Reading what one was never compiled for, and printing it so that no terminal is hurt. */
#include "google/protobuf/descriptor.pb-c.h"
#include "heartbeat.pb-c.h"
#include "schema_heartbeat.h"
#include "timeline/schema.h"
#include "timeline/text.h"
#include "unit/unit.h"

#include <string.h>

static struct schema *with_heartbeat(void)
{
    struct schema *s = schema_new();
    assert_int_equal(schema_add(s, schema_heartbeat()), 0);
    return s;
}

static size_t opinion(uint8_t into[128])
{
    Heartbeat__Opinion o = HEARTBEAT__OPINION__INIT;
    o.peer = 3;
    o.detector = HEARTBEAT__DETECTOR__PHI_ACCRUAL;
    o.level = 8.25;
    o.silent_ns = UINT64_C(9007199254740993);
    return heartbeat__opinion__pack(&o, into);
}

/* The protocol's own fields may become more. */
static void expect_begin(struct buf *b, const char *text)
{
    assert_true(b->len >= strlen(text));
    b->base[strlen(text)] = 0;
    assert_string_equal((const char *)b->base, text);
    buf_free(b);
}

static void expect(struct buf *b, const char *text)
{
    buf_append(b, bytes_of("", 1));
    assert_string_equal((const char *)b->base, text);
    buf_free(b);
}

static void text_and_json(void **state)
{
    (void)state;
    struct schema *s = with_heartbeat();
    uint8_t packed[128];
    struct bytes body = bytes_of(packed, opinion(packed));
    struct buf b = {0};
    const struct schema_type *t = schema_find(s, "heartbeat.Opinion");
    assert_non_null(t);
    schema_text(t, body, &b);
    expect_begin(
        &b, "peer=3 detector=PHI_ACCRUAL suspected=false silent_ns=9007199254740993 level=8.25 "
            "last_beat=0 expected_ns=0 deviation_ns=0");
    schema_json(t, body, &b);
    expect_begin(&b,
                 "{\"peer\":3,\"detector\":\"PHI_ACCRUAL\",\"suspected\":false,"
                 "\"silent_ns\":9007199254740993,\"level\":8.25,\"last_beat\":0,\"expected_ns\":0,"
                 "\"deviation_ns\":0");
    schema_free(s);
}

static void nested_and_repeated(void **state)
{
    (void)state;
    struct schema *s = with_heartbeat();
    Heartbeat__NodeView view = HEARTBEAT__NODE_VIEW__INIT;
    Heartbeat__PeerView peer = HEARTBEAT__PEER_VIEW__INIT, *peers[] = {&peer, &peer};
    uint32_t gaps[] = {10, 20};
    peer.peer = 2;
    peer.n_gaps_us = 2;
    peer.gaps_us = gaps;
    view.n_peers = 2;
    view.peers = peers;
    uint8_t packed[256];
    struct bytes body = bytes_of(packed, heartbeat__node_view__pack(&view, packed));
    const struct schema_type *t = schema_find(s, "heartbeat.NodeView");
    struct buf b = {0};
    schema_json(t, body, &b);
    buf_append(&b, bytes_of("", 1));
    assert_non_null(strstr((const char *)b.base, "\"peers\":[{\"peer\":2,"));
    assert_non_null(strstr((const char *)b.base, "\"gaps_us\":[10,20]"));
    buf_clear(&b);
    schema_lines(t, body, 2, &b);
    buf_append(&b, bytes_of("", 1));
    assert_non_null(strstr((const char *)b.base, "  beats_sent: 0\n"));
    assert_non_null(strstr((const char *)b.base, "  peers:\n    peer: 2\n"));
    assert_non_null(strstr((const char *)b.base, "    gaps_us: [10 20]\n"));
    buf_clear(&b);
    schema_text(t, body, &b);
    buf_append(&b, bytes_of("", 1));
    assert_non_null(strstr((const char *)b.base, "peers=[{peer=2 state=0"));
    buf_free(&b);
    schema_free(s);
}

static void cases_and_numbers(void **state)
{
    (void)state;
    struct schema *s = with_heartbeat();
    uint8_t packed[128];
    struct bytes body = bytes_of(packed, opinion(packed));
    const struct schema_type *t = schema_find(s, "heartbeat.Opinion");
    double v = -1;
    assert_true(schema_number(t, body, "level", &v) && v == 8.25);
    assert_true(schema_number(t, body, "suspected", &v) && v == 0);
    assert_false(schema_number(t, body, "nothing", &v));
    Heartbeat__Beat beat = HEARTBEAT__BEAT__INIT;
    Heartbeat__Message message = HEARTBEAT__MESSAGE__INIT;
    beat.number = 41;
    message.kind_case = HEARTBEAT__MESSAGE__KIND_BEAT;
    message.beat = &beat;
    body = bytes_of(packed, heartbeat__message__pack(&message, packed));
    t = schema_find(s, "heartbeat.Message");
    assert_string_equal(schema_case(t, body), "Beat");
    assert_null(schema_case(t, bytes_of(NULL, 0)));
    assert_true(schema_number(t, body, "beat.number", &v) && v == 41);
    assert_false(schema_number(t, body, "beat", &v));
    assert_false(schema_number(t, body, "beat.number.more", &v));
    int32_t value;
    assert_true(schema_enum_value(schema_find(s, "heartbeat.Detector"), "ADAPTIVE", &value));
    assert_int_equal(value, 2);
    schema_free(s);
}

static void known_from_the_start(void **state)
{
    (void)state;
    struct schema *s = schema_new();
    const struct schema_type *t = schema_find(s, "orrery.Event");
    struct schema_field f;
    assert_non_null(t);
    assert_non_null(schema_find(s, "history.Invoke"));
    bool receive = false;
    for (uint32_t i = 0; schema_field(t, i, &f); i++)
        receive = receive || (f.number == 12 && strcmp(f.name, "receive") == 0 && f.message &&
                              strcmp(schema_name(f.message), "orrery.Receive") == 0);
    assert_true(receive);
    assert_null(schema_find(s, "heartbeat.Opinion"));
    schema_free(s);
}

/* A set with one message of one string and one bytes field. */
static struct buf small_set(const char *file, const char *name, const char *field)
{
    Google__Protobuf__FieldDescriptorProto f[2], *fields[2];
    for (int i = 0; i < 2; i++) {
        google__protobuf__field_descriptor_proto__init(&f[i]);
        f[i].name = (char *)(uintptr_t)(i == 0 ? field : "raw");
        f[i].has_number = f[i].has_type = f[i].has_label = 1;
        f[i].number = i + 1;
        f[i].label = GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_OPTIONAL;
        f[i].type = i == 0 ? GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING
                           : GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BYTES;
        fields[i] = &f[i];
    }
    Google__Protobuf__DescriptorProto m = GOOGLE__PROTOBUF__DESCRIPTOR_PROTO__INIT, *ms[] = {&m};
    m.name = (char *)(uintptr_t)name;
    m.n_field = 2;
    m.field = fields;
    Google__Protobuf__FileDescriptorProto d = GOOGLE__PROTOBUF__FILE_DESCRIPTOR_PROTO__INIT;
    Google__Protobuf__FileDescriptorProto *ds[] = {&d};
    d.name = (char *)(uintptr_t)file;
    d.package = (char *)(uintptr_t) "p";
    d.n_message_type = 1;
    d.message_type = ms;
    Google__Protobuf__FileDescriptorSet set = GOOGLE__PROTOBUF__FILE_DESCRIPTOR_SET__INIT;
    set.n_file = 1;
    set.file = ds;
    struct buf b = {0};
    google__protobuf__file_descriptor_set__pack(
        &set, buf_extend(&b, google__protobuf__file_descriptor_set__get_packed_size(&set)));
    return b;
}

static void no_control_characters(void **state)
{
    (void)state;
    struct schema *s = schema_new();
    struct buf set = small_set("a.proto", "M", "text");
    assert_int_equal(schema_add(s, buf_bytes(&set)), 0);
    assert_int_equal(schema_add(s, buf_bytes(&set)), 0); /* Known: skipped. */
    const struct schema_type *t = schema_find(s, "p.M");
    assert_non_null(t);
    static const uint8_t body[] = {0x0a, 11,   'a',  0x1b, '[',  '2', 'J', 0xc2, 0x9b,
                                   0xe2, 0x80, 0xae, '"',  0x12, 3,   0,   1,    0xff};
    struct buf b = {0};
    schema_text(t, bytes_of(body, sizeof body), &b);
    expect(&b, "text=\"a\\x1b[2J\\x9b\\u202e\\\"\" raw=0x0001ff");
    schema_json(t, bytes_of(body, sizeof body), &b);
    expect(&b, "{\"text\":\"a\\u001b[2J\\u009b\\u202e\\\"\",\"raw\":\"0x0001ff\"}");
    buf_free(&set);
    set = small_set("b.proto", "Evil\x1b[2J", "text"); /* Names are printed too. */
    assert_int_equal(schema_add(s, buf_bytes(&set)), 0);
    assert_null(schema_find(s, "p.Evil\x1b[2J"));
    buf_free(&set);
    set = small_set("c.proto", "N", "te\nxt");
    assert_int_equal(schema_add(s, buf_bytes(&set)), 0);
    assert_int_equal(schema_fields(schema_find(s, "p.N")), 1);
    buf_free(&set);
    schema_free(s);
}

static void damaged_bodies_print_as_far_as_they_go(void **state)
{
    (void)state;
    struct schema *s = with_heartbeat();
    uint8_t packed[128];
    size_t n = opinion(packed);
    const struct schema_type *t = schema_find(s, "heartbeat.Opinion");
    for (size_t cut = 0; cut <= n; cut++) {
        struct buf b = {0};
        schema_text(t, bytes_of(packed, cut), &b);
        schema_json(t, bytes_of(packed, cut), &b);
        assert_true(b.len > 0);
        buf_free(&b);
    }
    struct buf b = {0};
    schema_text(t, bytes_of("\x08\x03\xff", 3), &b);
    buf_append(&b, bytes_of("", 1));
    assert_non_null(strstr((const char *)b.base, "peer=3"));
    assert_non_null(strstr((const char *)b.base, "_damaged=true"));
    buf_free(&b);
    schema_free(s);
}

/* Nested messages a hundred thousand deep, in descriptors and in bodies: no stack is worth that. */
static void depth_is_bounded(void **state)
{
    (void)state;
    struct buf b = {0};
    uint8_t deep[60000], *at = deep + sizeof deep;
    while (at - deep > 8) { /* DescriptorProto.nested_type = 3, one in the other. */
        size_t n = (size_t)(deep + sizeof deep - at);
        at -= n < 0x80 ? 2 : n < 0x4000 ? 3 : 4;
        uint8_t *w = at;
        *w++ = 3 << 3 | 2;
        for (; n >= 0x80; n >>= 7)
            *w++ = (uint8_t)(n | 0x80);
        *w = (uint8_t)n;
    }
    size_t n = (size_t)(deep + sizeof deep - at);
    Google__Protobuf__FileDescriptorSet set = GOOGLE__PROTOBUF__FILE_DESCRIPTOR_SET__INIT;
    (void)set;
    uint8_t head[] = {
        0x0a, (uint8_t)((n + 4) | 0x80), (uint8_t)((n + 4) >> 7 | 0x80), (uint8_t)((n + 4) >> 14),
        0x22, (uint8_t)(n | 0x80),       (uint8_t)(n >> 7 | 0x80),       (uint8_t)(n >> 14)};
    buf_append(&b, bytes_of(head, sizeof head));
    buf_append(&b, bytes_of(at, n));
    struct schema *s = schema_new();
    assert_int_equal(schema_add(s, buf_bytes(&b)), ERROR_MALFORMED);
    schema_free(s);
    buf_free(&b);
}

static void utf8(void **state)
{
    (void)state;
    assert_true(text_printable(bytes_str("gr\xc3\xbc\xc3\x9f \xf0\x9f\x8c\x8d")));
    assert_false(text_printable(bytes_str("\xc0\xaf")));         /* Overlong. */
    assert_false(text_printable(bytes_str("\xed\xa0\x80")));     /* A surrogate. */
    assert_false(text_printable(bytes_str("\xf4\x90\x80\x80"))); /* Beyond Unicode. */
    assert_false(text_printable(bytes_str("a\xe2\x82")));        /* Cut short. */
    assert_false(text_printable(bytes_of("a\0b", 3)));
    struct buf b = {0};
    text_json(bytes_str("\xff\xc3\xbc"), &b);
    expect(&b, "\"\\ufffd\xc3\xbc\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_json),
        cmocka_unit_test(nested_and_repeated),
        cmocka_unit_test(cases_and_numbers),
        cmocka_unit_test(known_from_the_start),
        cmocka_unit_test(no_control_characters),
        cmocka_unit_test(damaged_bodies_print_as_far_as_they_go),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What the files of kv share. Nobody else includes this.
 *
 *   kv.c          the step: which input goes where; settings, view, checks
 *   recover.c     images and records read back
 *   checkpoint.c  images written, logs shortened
 *   request.c     one request: from its bytes to its record, its reply and its history
 *   pack.c        records, as slices
 *
 * What commands do to keys is the machine's: node/machine. */
#ifndef ORRERY_PROTOCOLS_KV_IMPL_H
#define ORRERY_PROTOCOLS_KV_IMPL_H

#include "core/core.h"
#include "core/fsm.h"
#include "kv.pb-c.h"
#include "machine/connection.h"
#include "machine/machine.h"

enum { LOG_PAGES, LOG_WAL };
enum { RECORD_CHANGE = 1, RECORD_CHECKPOINT_END = 2 }; /* Of the wal. */
enum { RECORD_PAGE = 1 };                              /* Of the pages. */

enum checkpoint_state { CHECKPOINT_IDLE, CHECKPOINT_WRITING, CHECKPOINT_WAITING };

enum { UNSYNCED_REPLIES_MAX = 256 << 20 }; /* Bytes that wait for the disk. */

struct checkpoint {
    uint8_t state;
    lsn begin;       /* Newest record of the wal then. */
    uint32_t next;   /* Page to look at. */
    lsn renew_below; /* Images older than this are written again, so that their log can shrink. */
    lsn replay_from; /* Of the last one that ended. */
    uint64_t bytes;  /* Of wal since the last one began. */
};

struct kv {
    const Kv__Settings *settings;
    struct memory *memory;
    bool flaw_ack;
    bool flaw_pages;
    bool started;
    struct machine machine; /* Without pages until their number is known. */
    struct connections connections;
    struct checkpoint checkpoint;
    lsn last[2];         /* By log: emitted, or recovered; */
    lsn written[2];      /* with the kernel; */
    lsn durable[2];      /* on disk. */
    uint64_t waiting[2]; /* Bytes of held replies: those up to waiting_until, and later ones. */
    lsn waiting_until;
    struct {
        uint64_t replayed;
        uint64_t skipped;
        uint64_t malformed;
    } recovery;
};

extern const struct fsm_table kv_checkpoint_table;

/* request.c */
void kv_request(struct kv *kv, const struct input *in, struct out *out);
void kv_about(const void *ctx, struct arena *a, struct about *about);

/* checkpoint.c */
void checkpoint_step(struct kv *kv, struct out *out); /* After every input. */
void checkpoint_begin(struct kv *kv, struct out *out);
void checkpoint_logged(struct kv *kv, size_t bytes); /* So much went into the wal. */

/* recover.c */
void recover_record(struct kv *kv, const struct input *in, struct out *out);
void recover_done(struct kv *kv, struct out *out);
void kv_need_table(struct kv *kv, uint32_t pages); /* Nothing if it is there already. */

/* pack.c */
/* An empty body when the arena does not suffice. Large values stay where they lie. */
struct body pack_changes(struct out *out, const struct change *first);
struct body pack_page(struct out *out, const struct page *p, uint32_t number, uint32_t pages);

#endif

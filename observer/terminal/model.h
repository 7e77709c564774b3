/* Entries in, rows out: what the diagram says, before anybody asks how wide it is.
 *
 * A row is a moment or a span of time. A message is one row from its send on; its receives fill in
 * the heads as they come, unless they come late: then they get a row of their own. What repeats is
 * counted in a fold, one row a second, and quiet folds grow together as they get older, so that
 * what matters stays on the screen. The last row may be a fold that still grows.
 *
 * Pure: the same entries give the same rows. */
#ifndef ORRERY_TERMINAL_MODEL_H
#define ORRERY_TERMINAL_MODEL_H

#include "terminal/canvas.h"
#include "terminal/lanes.h"
#include "terminal/source.h"
#include "terminal/terminal.h"

enum row_kind {
    ROW_MARK,     /* A glyph on one lane, or on several that did the same. */
    ROW_OPERATOR, /* A command, and the lanes that it hits. */
    ROW_MESSAGE,  /* From its sender to the heads. */
    ROW_ARRIVAL,  /* A message sent in an earlier row, or one that repeats, arriving or lost. */
    ROW_FOLD,     /* A span of what repeats, counted. */
    ROW_QUIET,    /* A span in which nothing happened. */
};

enum head_outcome {
    HEAD_FLYING,
    HEAD_ARRIVED,
    HEAD_LATE, /* Arrives in a later row. */
    HEAD_LOST, /* Dropped, for `reason`. */
    HEAD_DEAD, /* The receiver was dead. */
    HEAD_MARK, /* No message: one more lane that the row is about. */
};

struct head {
    uint32_t lane;
    uint8_t outcome;
    uint8_t reason;      /* Orrery__DropReason */
    uint64_t ordinal;    /* Of the receive or drop; 0 unknown. */
    uint64_t latency_ns; /* UINT64_MAX unknown. */
    uint64_t bound_ns;   /* And no further off than this, where clocks are two and it matters. */
};

struct fold_lane {
    uint32_t sent;
    uint32_t received;
    uint32_t lost;   /* Sent to this lane, and never there. */
    uint32_t others; /* Neither sent nor received. */
};

enum { FOLD_KINDS_MAX = 4, FOLD_KIND_SIZE = 20 };

struct fold {
    struct fold_lane *lanes;
    uint32_t n_lanes;
    struct {
        char name[FOLD_KIND_SIZE];
        uint32_t count;
    } kinds[FOLD_KINDS_MAX]; /* Message kinds and traces, the first that came. */
    uint32_t received;
    uint32_t lost;
    uint32_t dead;    /* Of those lost: to a dead lane. */
    uint32_t reasons; /* Bit r: a drop for Orrery__DropReason r. */
    uint32_t others;  /* Events of kinds for which there was no place. */
    uint64_t fastest_ns;
    uint64_t slowest_ns;
};

struct row {
    uint64_t id; /* Ascending, not dense. */
    enum row_kind kind;
    uint32_t glyph;
    uint8_t style;
    uint32_t lane;
    uint64_t first; /* Ordinals that it covers; not all between them are its own. */
    uint64_t last;
    uint64_t entry;   /* The one that it is about. */
    uint64_t because; /* Its evidence, where it is no message; 0. */
    uint64_t from_ns;
    uint64_t to_ns;
    struct head *heads;
    uint32_t n_heads;
    char brief[16];  /* For the lane itself: "!n2". */
    char *text;      /* A sentence; of a message its name. */
    uint64_t detail; /* For merging: rows with the same one say the same. */
    struct fold *fold;
};

/* A message on its way, by sender's event. */
struct pending {
    uint32_t node;
    uint32_t boot;
    uint64_t seq;
    uint64_t mono_ns;
    uint64_t row; /* 0: it was counted in a fold. */
    char name[32];
};

/* A message that crosses rows, for the column it travels in. */
struct flight {
    uint64_t from_row;
    uint64_t to_row;
    uint32_t from;
    uint32_t to;
};

enum { INCIDENTS_MAX = 16, WITNESSES_MAX = 64 };

struct witness {
    uint32_t lane;
    uint64_t suspected_ns; /* 0: not. */
    uint64_t dead_ns;
    uint64_t cleared_ns;
    uint64_t entry;
};

/* Something befell a node, and who noticed. */
struct incident {
    uint32_t node;
    char what[20]; /* "killed", "paused", "cut off", "suspected" */
    uint64_t at_ns;
    uint64_t entry;
    uint64_t over_ns; /* 0: not yet. */
    struct witness witnesses[WITNESSES_MAX];
    uint32_t n_witnesses;
};

enum { MODEL_ROWS_MAX = 20000, MODEL_PENDING = 8192, MODEL_FLIGHTS = 64 };

struct model {
    struct terminal_source source;
    enum terminal_level level;
    struct lanes lanes;
    struct row *rows; /* Index 0 is the oldest. */
    size_t n;
    size_t cap;
    size_t folded_lanes; /* Of all folds, for a bound on memory. */
    uint64_t next_id;
    uint64_t next;  /* The ordinal that is to come. */
    uint64_t begin; /* The first ordinal that was made into rows. */
    uint64_t now_ns;
    uint64_t told_ns;    /* End of what the rows cover. */
    bool silent;         /* Only lanes are kept up: the run-up to a window. */
    bool settled;        /* Rows stay as they are: folds do not grow together. */
    uint64_t open_first; /* Between these ordinals nothing is folded. */
    uint64_t open_last;
    uint64_t news_ns; /* Since when `news` are counted. */
    uint32_t news;
    struct row growing; /* A fold; no row yet. */
    struct row scratch; /* While silent. */
    struct pending *pending;
    struct flight flights[MODEL_FLIGHTS];
    uint32_t n_flights; /* Ever. */
    struct incident incidents[INCIDENTS_MAX];
    uint32_t n_incidents; /* Ever. */
};

void model_init(struct model *m, struct terminal_source source, enum terminal_level level);
void model_free(struct model *m);
/* Forgets all rows and goes on at `ordinal`; lanes learn their state from the entries before. */
void model_begin(struct model *m, uint64_t ordinal);
void model_feed(struct model *m,
                const struct entry *e); /* Ordinals that are not next are skipped. */
/* Feeds from the source up to `last`, or until there are MODEL_ROWS_MAX rows. */
void model_read(struct model *m, uint64_t last);
/* It is `now_ns`, and nothing more came: folds end in time. */
void model_tick(struct model *m, uint64_t now_ns);

/* Sent so long ago, and no receive or drop was told: it will not come. Never of a paused receiver.
 */
bool model_is_missing(const struct model *m, const struct row *r, const struct head *h);
size_t model_rows(const struct model *m); /* With the growing one. */
const struct row *model_row(const struct model *m, size_t index);
/* Index of the row that tells of an ordinal, else of the last one before it. */
size_t model_find(const struct model *m, uint64_t ordinal);
/* Index of a row by id, else of the last one before it. */
size_t model_index(const struct model *m, uint64_t id);

/* For the files that make rows. */
struct row *model_add(struct model *m, enum row_kind kind, const struct entry *e);
void row_text(struct row *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct head *row_head(struct row *r, uint32_t lane, enum head_outcome outcome);
struct row *model_by_id(struct model *m, uint64_t id); /* NULL when it is gone. */
/* True when it is to be shown even where repetitions are counted; bounded over all lanes. */
bool model_news(struct model *m, uint32_t lane, uint32_t key, uint64_t at_ns);
void model_remove_last(struct model *m);
enum terminal_level model_level(const struct model *m, const struct entry *e);
void model_fly(struct model *m, uint64_t from_row, uint64_t to_row, uint32_t from, uint32_t to);

/* fold.c */
struct fold *model_fold(struct model *m, const struct entry *e); /* The growing one. */
void fold_sent(struct fold *f, uint32_t lane, const char *name);
void fold_received(struct fold *f, uint32_t lane, uint64_t latency_ns);
void fold_lost(struct fold *f, uint32_t lane, int reason); /* -1: to a dead lane. */
void fold_other(struct fold *f, uint32_t lane, const char *name);
bool fold_alike(const struct fold *a, const struct fold *b);
void fold_join(struct fold *into, const struct fold *more);
void fold_free(struct fold *f);

/* messages.c, moments.c: what one entry means. */
void model_send(struct model *m, const struct entry *e);
void model_receive(struct model *m, const struct entry *e);
void model_drop(struct model *m, const struct entry *e);
void model_moment(struct model *m, const struct entry *e);

/* story.c */
void story_begin(struct model *m, uint32_t node, const char *what, uint64_t at_ns, uint64_t entry);
void story_over(struct model *m, uint32_t node, uint64_t at_ns);
/* Ordinal of the newest suspicion of `of` by `by` that is remembered; 0. */
uint64_t story_suspicion(const struct model *m, uint32_t by, uint32_t of);
enum story_belief { STORY_SUSPECTED, STORY_DEAD, STORY_CLEARED };
void story_belief(struct model *m, const struct entry *e, uint32_t of, enum story_belief belief);
/* "n2 killed at 12.304 s: suspected by n1 +1.02 s, n3 +1.05 s". Place 0 is the newest that befell
 * a node; suspicions of nodes that nothing befell come last. False past the last place. */
bool story_tell(const struct model *m, uint32_t place, struct buf *into);

/* "1.02 s", "240 ms", "0.06 ms". */
void time_words(uint64_t ns, char into[24]);

#endif

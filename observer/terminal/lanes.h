/* The processes of a run as the diagram knows them: what state each is in at which row, what it
 * says as a habit, and what it lately said of others. Lane 0 is "you", lane n is node n. */
#ifndef ORRERY_TERMINAL_LANES_H
#define ORRERY_TERMINAL_LANES_H

#include "timeline/timeline.h"

enum {
    LANES_MAX = 4096, /* Nodes beyond are told in words only. */
    LANE_NAME_SIZE = 24,
    LANE_TYPES_MAX = 8, /* Instances of a node whose messages can be named. */
    LANE_HABITS_MAX = 16,
    LANE_OPINIONS_MAX = 16,
    LANE_MACHINES_MAX = 8,
    LANES_HEARD_MAX = 256, /* Who heard whom last is kept up to so many lanes. */
};

enum lane_state {
    LANE_ABSENT, /* Nothing is known of it yet. */
    LANE_STARTING,
    LANE_RUNNING,
    LANE_PAUSED,
    LANE_DEAD,
};

struct lane_change {
    uint64_t row;
    enum lane_state state;
};

/* Something that a lane does again and again. */
struct habit {
    uint32_t key;
    uint32_t count;
    uint64_t last_ns;
    uint64_t gap_ns; /* Smoothed. */
};

/* What a detector said of a peer: heartbeat.Opinion. */
struct opinion {
    uint32_t peer;
    uint32_t detector;
    bool suspected;
    uint64_t silent_ns;
    double level;
    uint64_t expected_ns;
    uint64_t deviation_ns;
    uint64_t limit_ns;
    uint64_t at_ns;
    uint64_t ordinal;
    uint64_t heard; /* Ordinal of the last receive from the peer at that moment; 0. */
};

/* The two newest receives from a peer: the newest may be the very step that finds it late. */
struct heard {
    uint64_t ordinals[2];
    uint64_t at_ns[2];
};

struct lane {
    char name[LANE_NAME_SIZE];
    char group[LANE_NAME_SIZE]; /* Its role; "" where there is none. */
    enum lane_state state;
    uint32_t boot;
    bool stopping;               /* It said that it ends. */
    uint32_t types_boot;         /* Whose types are known; 0 none. */
    struct lane_change *changes; /* Ascending by row. */
    uint32_t n_changes;
    uint32_t cap_changes;
    /* Since when it is not well, and by what: "kill", "pause", "cut"; "" when it is well. */
    char ill[12];
    uint64_t ill_ns;
    uint64_t ill_entry;
    const struct schema_type *messages[LANE_TYPES_MAX]; /* By instance - 1; may be NULL. */
    struct habit habits[LANE_HABITS_MAX];
    struct opinion opinions[LANE_OPINIONS_MAX];
    uint32_t n_opinions; /* Ever; the newest ones are kept. */
    struct heard *heard; /* By peer's lane; may be NULL. */
};

struct lanes {
    struct lane *lanes;
    uint32_t n;
};

void lanes_init(struct lanes *l);
void lanes_free(struct lanes *l);
/* The lane of a node, made if need be; NULL beyond LANES_MAX. Earlier pointers become invalid. */
struct lane *lanes_of(struct lanes *l, uint32_t node);
const char *lanes_name(const struct lanes *l,
                       uint32_t node); /* Never NULL; static or in the lane. */
void lane_set_name(struct lane *lane, const char *name);
void lane_set_state(struct lane *lane, enum lane_state state, uint64_t row);
enum lane_state lane_state_at(const struct lane *lane, uint64_t row);
void lane_set_ill(struct lane *lane, const char *by, uint64_t at_ns, uint64_t entry);
/* True for what is no habit yet: the first times, and after a silence much longer than usual. */
bool lane_is_news(struct lane *lane, uint32_t key, uint64_t at_ns);
void lane_forget_habits(struct lane *lane); /* All is news again, */
void lane_renew_habits(struct lane *lane);  /* or once more. */
void lanes_heard(struct lanes *l, uint32_t by, uint32_t from, uint64_t ordinal, uint64_t at_ns);
/* Ordinal of the newest receive at or before `until_ns`, of the two that are known; 0 none. */
uint64_t lanes_heard_last(const struct lanes *l, uint32_t by, uint32_t from, uint64_t until_ns);

#endif

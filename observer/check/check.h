/* Checkers: pure judges over the events of a run, of a recording or of a simulation alike.
 *
 * They are fed entries in causal order and say of each invariant whether the events prove it,
 * refute it, or leave it open. They know what the protocols promise and what the user did to the
 * cluster, but never which flaw is switched on. Events may come from a hostile recording: what
 * makes no sense is skipped. */
#ifndef ORRERY_CHECK_CHECK_H
#define ORRERY_CHECK_CHECK_H

#include "timeline/timeline.h"

#include <stdatomic.h>

enum verdict {
    VERDICT_PROVEN,
    VERDICT_NOTHING, /* The run gave no occasion to judge it. */
    VERDICT_UNKNOWN, /* Events are missing that could have refuted it. */
    VERDICT_REFUTED,
};

const char *verdict_name(enum verdict v); /* "proven" */

enum { FINDING_EVENTS_MAX = 8, FINDING_SENTENCE_MAX = 320, FINDINGS_MAX = 32 };

struct finding {
    const char *checker;   /* "heartbeat" */
    const char *invariant; /* "completeness" */
    enum verdict verdict;
    uint64_t judged; /* Cases that the verdict rests on. */
    uint64_t failed; /* Of these; the events and the sentence are of the first. */
    uint32_t n_events;
    uint64_t events[FINDING_EVENTS_MAX]; /* Ordinals that show it, in their order. */
    char sentence[FINDING_SENTENCE_MAX];
};

/* The invariants there are, as "checker/invariant"; NULL past the last. */
const char *check_invariant(size_t i);

struct check;
struct history; /* check/history.h */

struct check *check_new(void);
void check_free(struct check *c);
void check_entry(struct check *c, const struct entry *e); /* `e` is borrowed for the call. */
/* No entry follows; the run went on until cluster time `end_ns` (0: until the last entry). */
void check_end(struct check *c, uint64_t end_ns);

/* All of a timeline up to an ordinal (0: the newest), to its end; how many entries that were is
 * told. False where `stop` came true meanwhile; that may be NULL. */
bool check_walk(struct check *c, struct timeline *t, uint64_t upto, uint64_t end_ns,
                const atomic_bool *stop, uint64_t *entries);
/* The same of a check of its own, which judges histories at the end. NULL where it was stopped. */
struct check *check_timeline(struct timeline *t, uint64_t upto, uint64_t end_ns,
                             const atomic_bool *stop, uint64_t *entries);

/* After check_end(). At most FINDINGS_MAX; they live with `c`. */
uint32_t check_findings(const struct check *c, const struct finding **findings);
/* What is found so far, before check_end(): what is refuted stays so, all else is open yet. */
uint32_t check_peek(const struct check *c, const struct finding **findings);
/* Refuted if one is, else unknown if one is, else proven if one is; else nothing. */
enum verdict check_verdict(const struct check *c);

/* Before the first entry: the history of all clients is kept, and is not judged as it goes on. */
void check_keep_history(struct check *c);
/* Before the first entry: nobody looks on, so histories may be judged at the end, whole: more can
 * be said of them then. */
void check_at_the_end(struct check *c);
/* After check_end(): it lives with `c`. NULL and a sentence when it is not whole. */
struct history *check_history(struct check *c, char *why, size_t why_size);

/* `orrery check FILE`; argv[0] is "check". Exit code: 0 proven, 1 refuted, 3 unknown (or nothing to
 * judge), 2 bad usage, no such file, or no history. */
int check_command(int argc, char **argv);

#endif

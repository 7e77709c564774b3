#include "session/judgement.h"

#include "base/must.h"
#include "session/paths.h"
#include "timeline/clean.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEPT_MAX = 1 << 16, PROGRAM_ROOM = 64 };

static const Orrery__CheckResult results[] = {
    [VERDICT_PROVEN] = ORRERY__CHECK_RESULT__CHECK_PROVEN,
    [VERDICT_NOTHING] = ORRERY__CHECK_RESULT__CHECK_OPEN,
    [VERDICT_UNKNOWN] = ORRERY__CHECK_RESULT__CHECK_UNKNOWN,
    [VERDICT_REFUTED] = ORRERY__CHECK_RESULT__CHECK_REFUTED,
};

static Orrery__CheckState *state_of(const struct finding *f)
{
    char text[128];
    Orrery__CheckState *s = must_alloc(1, sizeof *s);
    orrery__check_state__init(s);
    snprintf(text, sizeof text, "%s: %s", f->checker, f->invariant);
    s->text = must_copy(text);
    s->sentence = must_copy(f->sentence);
    s->result = results[f->verdict];
    s->n_events = f->n_events;
    s->events = must_alloc(f->n_events, sizeof *s->events);
    memcpy(s->events, f->events, f->n_events * sizeof *s->events);
    return s;
}

Orrery__Judgement *judgement_of(const struct check *c, uint64_t entries)
{
    const struct finding *all;
    uint32_t n = check_findings(c, &all);
    Orrery__Judgement *j = must_alloc(1, sizeof *j);
    orrery__judgement__init(j);
    j->verdict = results[check_verdict(c)];
    j->events = entries;
    j->checks = must_alloc(n, sizeof(void *));
    for (uint32_t i = 0; i < n; i++)
        j->checks[j->n_checks++] = state_of(&all[i]);
    clean_message(&j->base); /* Sentences have names from the events in them. */
    return j;
}

/* --- beside the recording --- */

/* "calm-otter.orr" has "calm-otter.verdict". */
static bool beside(const char *path, char *into, size_t size)
{
    size_t n = strlen(path);
    bool ends = n > 4 && strcmp(path + n - 4, ".orr") == 0;
    int m = snprintf(into, size, "%.*s.verdict", (int)(n - 4), path);
    return ends && m > 0 && (size_t)m < size;
}

/* Whoever builds or installs another program gets another one of these. */
static void program(char into[PROGRAM_ROOM])
{
    struct stat st;
    into[0] = '\0';
    if (stat("/proc/self/exe", &st) == 0)
        snprintf(into, PROGRAM_ROOM, "%s %lld %lld.%09ld", ORRERY_VERSION, (long long)st.st_size,
                 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static bool mark(const char *path, Orrery__JudgementKept *kept, char room[PROGRAM_ROOM])
{
    struct stat st;
    if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    program(room);
    kept->bytes = (uint64_t)st.st_size;
    kept->changed_wall_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    kept->program = room;
    return *room != '\0';
}

static Orrery__JudgementKept *read_kept(const char *file)
{
    struct buf data = {0};
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t n = fd >= 0 ? read(fd, buf_extend(&data, KEPT_MAX), KEPT_MAX) : -1;
    Orrery__JudgementKept *kept =
        n > 0 && n < KEPT_MAX ? orrery__judgement_kept__unpack(NULL, (size_t)n, data.base) : NULL;
    if (fd >= 0)
        close(fd);
    buf_free(&data);
    return kept;
}

Orrery__Judgement *judgement_kept(const char *path)
{
    char file[PATH_ROOM], room[PROGRAM_ROOM];
    Orrery__JudgementKept now = ORRERY__JUDGEMENT_KEPT__INIT;
    Orrery__Judgement *j = NULL;
    if (!beside(path, file, sizeof file) || !mark(path, &now, room))
        return NULL;
    Orrery__JudgementKept *kept = read_kept(file);
    if (!kept)
        return NULL;
    if (kept->bytes == now.bytes && kept->changed_wall_ns == now.changed_wall_ns &&
        strcmp(kept->program, now.program) == 0) {
        j = kept->judgement;
        kept->judgement = NULL;
    }
    orrery__judgement_kept__free_unpacked(kept, NULL);
    if (j)
        clean_message(&j->base);
    return j;
}

static bool write_all(int fd, struct bytes b)
{
    while (b.len > 0) {
        ssize_t n = write(fd, b.base, b.len);
        if (n <= 0)
            return false;
        b = bytes_of(b.base + n, b.len - (size_t)n);
    }
    return true;
}

void judgement_keep(const char *path, const Orrery__Judgement *j)
{
    char file[PATH_ROOM], fresh[PATH_ROOM + 8], room[PROGRAM_ROOM];
    Orrery__JudgementKept kept = ORRERY__JUDGEMENT_KEPT__INIT;
    struct buf data = {0};
    if (!beside(path, file, sizeof file) || !mark(path, &kept, room))
        return;
    kept.judgement = (Orrery__Judgement *)(uintptr_t)j;
    orrery__judgement_kept__pack(&kept,
                                 buf_extend(&data, orrery__judgement_kept__get_packed_size(&kept)));
    snprintf(fresh, sizeof fresh, "%s.XXXXXX", file);
    int fd = mkostemp(fresh, O_CLOEXEC);
    bool ok = fd >= 0 && write_all(fd, buf_bytes(&data));
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && !(ok && rename(fresh, file) == 0))
        unlink(fresh);
    buf_free(&data);
}

void judgement_follow(const char *path, const char *to)
{
    char file[PATH_ROOM], other[PATH_ROOM];
    if (!beside(path, file, sizeof file))
        return;
    if (!to || !beside(to, other, sizeof other) || rename(file, other) < 0)
        unlink(file);
}

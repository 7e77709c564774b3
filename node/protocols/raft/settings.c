#include "raft_impl.h"

#include <stdio.h>

enum { MEMORY_MAX = 256 << 20, FRAME_MAX = 4 << 20 };

void raft_defaults(ProtobufCMessage *settings)
{
    Raft__Settings *s = (Raft__Settings *)(void *)settings;
    s->heartbeat_ms = 60;
    s->election_ms_min = 250;
    s->election_ms_max = 500;
    s->pre_vote = true;
    s->check_quorum = true;
    s->reads = RAFT__READS__READ_INDEX;
    s->inflight = 8;
    s->batch_bytes = 256 << 10;
    s->snapshot_bytes = 16 << 20;
    s->keep_bytes = 4 << 20;
    s->chunk_bytes = 256 << 10;
    s->patience_ms = 5000;
    s->pages = 64;
    s->memory_bytes = 128 << 20;
    s->segment_bytes = 16 << 20;
    s->clients_max = 10000;
}

static bool times_wrong(const Raft__Settings *s, const char **wrong)
{
    *wrong = NULL;
    if (s->heartbeat_ms < 1 || s->heartbeat_ms > 60000)
        *wrong = "heartbeat_ms must be from 1 to 60000";
    else if (s->election_ms_min <= s->heartbeat_ms)
        *wrong = "election_ms_min must be more than heartbeat_ms, or followers never hear in time";
    else if (s->election_ms_max < s->election_ms_min || s->election_ms_max > 600000)
        *wrong = "election_ms_max must be from election_ms_min to 600000";
    else if (s->patience_ms < 1)
        *wrong = "patience_ms must be at least 1";
    else if (s->trust_resets && !s->pre_vote)
        *wrong =
            "trust_resets needs pre_vote: without it a broken link alone would depose a leader";
    else if (s->reads == RAFT__READS__LEASE && !s->check_quorum)
        *wrong = "reads=lease needs check_quorum: without it nobody protects the leader";
    return *wrong != NULL;
}

static bool sizes_wrong(const Raft__Settings *s, const char **wrong)
{
    *wrong = NULL;
    if (s->inflight < 1 || s->inflight > INFLIGHT_MAX)
        *wrong = "inflight must be from 1 to 64";
    else if (s->batch_bytes < 1 || s->batch_bytes > 1 << 20)
        *wrong = "batch_bytes must be from 1 to 1048576";
    else if (s->chunk_bytes < 1 || s->chunk_bytes > 1 << 20)
        *wrong = "chunk_bytes must be from 1 to 1048576";
    else if (s->snapshot_bytes > 64 << 20 || s->keep_bytes > 64 << 20)
        *wrong = "snapshot_bytes and keep_bytes must be at most 67108864";
    else if (s->pages < 1 || s->pages > TABLE_PAGES_MAX)
        *wrong = "pages must be from 1 to 65536";
    else if (s->memory_bytes < 1 || s->memory_bytes > MEMORY_MAX)
        *wrong = "memory_bytes must be from 1 to 268435456";
    else if (s->segment_bytes < 1 << 10 || s->segment_bytes > UINT64_C(1) << 30)
        *wrong = "segment_bytes must be from 1024 to 1073741824";
    else if (s->clients_max < 1)
        *wrong = "clients_max must be at least 1";
    else if (s->founders > MEMBERS_MAX)
        *wrong = "founders must be at most 16";
    return *wrong != NULL;
}

bool raft_accept(const ProtobufCMessage *settings, char *why, size_t size)
{
    const Raft__Settings *s = (const Raft__Settings *)(const void *)settings;
    const char *wrong;
    if (!times_wrong(s, &wrong) && !sizes_wrong(s, &wrong))
        return true;
    (void)snprintf(why, size, "%s", wrong);
    return false;
}

static bool has_flaw(const Raft__Settings *s, Raft__Flaw flaw)
{
    for (size_t i = 0; i < s->n_flaws; i++)
        if (s->flaws[i] == flaw)
            return true;
    return false;
}

void raft_log_options(const ProtobufCMessage *settings, uint32_t log, struct log_options *options)
{
    const Raft__Settings *s = (const Raft__Settings *)(const void *)settings;
    *options = (struct log_options){.segment_bytes = s->segment_bytes};
    bool never = log == LOG_LOG && has_flaw(s, RAFT__FLAW__LOG_NOT_SYNCED);
    options->sync = never ? SYNC_NEVER : SYNC_GROUP;
}

void raft_use_settings(struct raft *r, const ProtobufCMessage *settings)
{
    const Raft__Settings *s = (const Raft__Settings *)(const void *)settings;
    r->settings = s;
    r->machine.memory_bytes = s->memory_bytes;
    r->connections.limit = s->clients_max;
    r->flaw_vote = has_flaw(s, RAFT__FLAW__VOTE_NOT_PERSISTED);
    r->flaw_commit = has_flaw(s, RAFT__FLAW__COMMIT_OLD_TERMS);
    r->flaw_restriction = has_flaw(s, RAFT__FLAW__NO_ELECTION_RESTRICTION);
    r->flaw_reads = has_flaw(s, RAFT__FLAW__LOCAL_READS);
}

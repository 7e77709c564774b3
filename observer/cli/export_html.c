#include "cli/export_html.h"

#include "base/check.h"
#include "web/single.h"

struct looking {
    struct session *session;
    uint64_t until;
    struct buf carried;
    struct carried_figures *figures;
    char *why;
    size_t why_size;
    bool made;
};

/* Once the recording is open, all there is to know of it is known. */
static void ready(void *ctx, bool up, const char *sentence)
{
    struct looking *l = ctx;
    (void)up;
    (void)sentence;
    l->made = carried_make(l->session, l->until, &l->carried, l->figures, l->why, l->why_size);
    session_end(l->session);
}

static void ended(void *ctx)
{
    (void)ctx;
}

bool export_html(const char *recording, uint64_t until, struct buf *into,
                 struct carried_figures *figures, char *why, size_t why_size)
{
    uv_loop_t loop;
    struct looking l = {.until = until, .figures = figures, .why = why, .why_size = why_size};
    const struct session_options options = {
        .pace = 1, .replay = recording, .ready = ready, .ended = ended, .ctx = &l};
    CHECK(uv_loop_init(&loop) == 0);
    l.session = session_new(&loop, &options, why, why_size);
    uv_run(&loop, UV_RUN_DEFAULT);
    if (l.session)
        session_free(l.session);
    CHECK(uv_loop_close(&loop) == 0);
    bool made = l.made && single_page_make(buf_bytes(&l.carried), into, why, why_size);
    buf_free(&l.carried);
    return made;
}

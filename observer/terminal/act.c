/* What the user does to the cluster, and the line that is typed into. */
#include "terminal/view.h"

#include <stdio.h>
#include <string.h>

void view_act(struct view *v, const char *line)
{
    if (v->options.recording || !v->options.act) {
        view_say(v, "This is a recording: it can be looked at, not changed.", true);
        return;
    }
    char said[300];
    snprintf(said, sizeof said, "%s ...", line);
    view_say(v, said, false);
    if (!v->cone.focus)
        view_live(v);
    v->options.act(v->options.ctx, line);
}

/* "cut n2/n1,n3": off from all others. */
static void cut_line(const struct view *v, struct buf *line)
{
    const struct lanes *l = &v->model.lanes;
    buf_printf(line, "cut %s/", lanes_name(l, v->chosen));
    const char *comma = "";
    for (uint32_t i = 1; i < l->n; i++) {
        if (i == v->chosen)
            continue;
        buf_printf(line, "%s%s", comma, lanes_name(l, i));
        comma = ",";
    }
    buf_append(line, bytes_of("", 1));
}

void view_act_on_chosen(struct view *v, char key)
{
    struct buf line = {0};
    if (!v->chosen || v->chosen >= v->model.lanes.n) {
        view_say(v, "Which node? Choose one with 1 to 9 or the arrows left and right.", true);
        return;
    }
    enum lane_state state = v->model.lanes.lanes[v->chosen].state;
    const char *verb = key == 'k'                           ? "kill"
                       : key == 'r'                         ? "restart"
                       : key == 'p' && state == LANE_PAUSED ? "resume"
                                                            : "pause";
    if (key == 'x') {
        cut_line(v, &line);
    } else {
        buf_printf(&line, "%s %s", verb, lanes_name(&v->model.lanes, v->chosen));
        buf_append(&line, bytes_of("", 1));
    }
    view_act(v, (const char *)line.base);
    buf_free(&line);
}

void view_ask(struct view *v, enum view_prompt prompt)
{
    v->prompt = prompt;
    v->typed[0] = 0;
    v->said[0] = 0;
}

static void answer(struct view *v)
{
    enum view_prompt prompt = v->prompt;
    v->prompt = PROMPT_NONE;
    if (!v->typed[0])
        return;
    if (prompt == PROMPT_COMMAND) {
        view_act(v, v->typed);
        return;
    }
    snprintf(v->find, sizeof v->find, "%s", v->typed);
    if (!view_find(v, -1) && !view_find(v, 1))
        view_say(v, "Nothing that is shown at this level says that. More detail: +", true);
}

void view_type(struct view *v, uint32_t key)
{
    size_t n = strlen(v->typed);
    if (key == VIEW_ENTER)
        answer(v);
    else if (key == VIEW_ESCAPE)
        v->prompt = PROMPT_NONE;
    else if (key == VIEW_BACKSPACE && n == 0)
        v->prompt = PROMPT_NONE;
    else if (key == VIEW_BACKSPACE)
        v->typed[n - 1] = 0;
    else if (key >= 0x20 && key < 0x7f && n + 1 < sizeof v->typed)
        memcpy(v->typed + n, (char[2]){(char)key, 0}, 2);
}

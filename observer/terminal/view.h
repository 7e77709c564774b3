/* What the user sees and does: the diagram with its status line, the pane below, keys, prompts.
 * Pure: keys and entries in, a canvas and commands out. screen.c gives it a real terminal. */
#ifndef ORRERY_TERMINAL_VIEW_H
#define ORRERY_TERMINAL_VIEW_H

#include "terminal/layout.h"

enum view_key { /* Other keys are their character. */
                VIEW_UP = 0x110000,
                VIEW_DOWN,
                VIEW_LEFT,
                VIEW_RIGHT,
                VIEW_PAGE_UP,
                VIEW_PAGE_DOWN,
                VIEW_HOME,
                VIEW_END,
                VIEW_ENTER,
                VIEW_ESCAPE,
                VIEW_BACKSPACE,
};

enum view_prompt { PROMPT_NONE, PROMPT_FIND, PROMPT_COMMAND };

enum { VIEW_WIDTH_MIN = 40, VIEW_HEIGHT_MIN = 10, VIEW_CONE_MAX = 20000, VIEW_SAID_FOR = 60 };

struct view {
    struct terminal_options options;
    struct model model;
    struct terminal_status status; /* Its strings are in `words`. */
    char words[4][160];
    bool live;         /* The newest row is shown, nothing is selected. */
    uint64_t selected; /* Row id. */
    uint64_t top;      /* Row id of the first line, when not live. */
    int lines;         /* Of the diagram, when it was last drawn. */
    uint32_t chosen;   /* Node that k, p, r and x mean; 0 none. */
    uint32_t first;    /* Lane scrolled to. */
    struct geometry geometry;
    struct cone cone;
    enum view_prompt prompt;
    char typed[200];
    char find[200];
    char said[400];
    int said_for; /* Statuses until it goes. */
    bool refused;
    bool help;
    bool done;
    bool dirty; /* Something changed since it was last drawn. */
};

void view_init(struct view *v, const struct terminal_options *options);
void view_free(struct view *v);
void view_entry(struct view *v, const struct entry *e);
void view_status(struct view *v, const struct terminal_status *status);
void view_say(struct view *v, const char *sentence, bool refused);
void view_key(struct view *v, uint32_t key);
void view_render(struct view *v, struct canvas *c); /* All of it. */

/* Row that the keys mean: the selected one, or the newest; NULL when there is none. */
const struct row *view_row(const struct view *v);
void view_select(struct view *v, uint64_t ordinal); /* Goes there, reading the past if need be. */
void view_live(struct view *v);

/* pane.c: the parts around the diagram. */
void pane_status(const struct view *v, struct canvas *c, int y);
void pane_rule(const struct view *v, struct canvas *c, int y);
void pane_story(const struct view *v, struct canvas *c, int y, int lines);
void pane_detail(const struct view *v, struct canvas *c, int y, int lines);
void pane_keys(const struct view *v, struct canvas *c, int y);
void pane_help(const struct view *v, struct canvas *c);

/* act.c */
void view_act(struct view *v, const char *line);
void view_act_on_chosen(struct view *v, char key); /* k, p, r, x */
void view_ask(struct view *v, enum view_prompt prompt);
void view_type(struct view *v, uint32_t key);

/* find.c */
bool view_find(struct view *v, int direction); /* From the selected row on; false: nothing there. */

#endif

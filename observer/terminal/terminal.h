/* The space-time diagram in a terminal: lanes, arrows from send to receive, drops with their
 * reason, crash gaps, suspicions; live, scrolled back, or from a recording.
 *
 * It draws and decides; it waits for nothing. A driver with a loop gives it entries, keys, resizes
 * and the state of the run, and calls terminal_draw() when it has nothing better to do (it draws
 * only what changed; 20 times a second is plenty). Acting on the cluster goes back to the driver as
 * a command line. All on one thread.
 *
 * A driver, in short:
 *
 *     struct terminal *t = terminal_new(&options, why, sizeof why);
 *     stdin readable                -> terminal_input(t)
 *     SIGWINCH                      -> terminal_resize(t)
 *     SIGCONT (after ^Z)            -> terminal_resize(t)
 *     timeline_follow's callback    -> terminal_entry(t, e)
 *     10 times a second             -> terminal_status(t, &status); terminal_draw(t);
 *     terminal_done(t)              -> terminal_free(t), and end
 *
 * setlocale() must have been called. Entries that are in the source when terminal_new() is called
 * are read from there: only newer ones are to be given. What a node or a recording says is shown
 * without its control characters. */
#ifndef ORRERY_TERMINAL_TERMINAL_H
#define ORRERY_TERMINAL_TERMINAL_H

#include "terminal/source.h"

struct terminal;

/* How much is shown: each level has all of the one before it. */
enum terminal_level {
    TERMINAL_MARKS,    /* Faults, starts, ends, suspicions, moves. */
    TERMINAL_ROUNDS,   /* And the messages: what repeats is counted, one row a second. */
    TERMINAL_MESSAGES, /* Every message, a broadcast with its receives as one row. */
    TERMINAL_ALL,      /* Every event. */
};

struct terminal_options {
    struct terminal_source source;
    bool recording; /* Nothing comes any more, nothing can be acted on. */
    bool owner;     /* Quitting ends the run: the help says so. */
    bool ascii;     /* Only ASCII; also when the locale is not UTF-8. */
    bool no_colour; /* Also by NO_COLOR or a terminal without colours. */
    enum terminal_level level;
    /* Runs a command line such as "kill n2"; its outcome comes back by terminal_say(). NULL: none.
     */
    void (*act)(void *ctx, const char *line);
    void *ctx;
};

/* The state of the run, for the line on top. Strings are copied. */
struct terminal_status {
    const char *run; /* "calm-otter"; a recording's file name. */
    const char *protocol;
    uint32_t nodes;
    uint32_t alive;
    double pace;
    uint64_t now_ns;       /* Cluster time. */
    const char *recording; /* Path; NULL: not recorded. */
    uint64_t recorded_bytes;
    const char *trouble; /* A sentence, or NULL: "recording stopped: the disk is full". */
    bool simulated;
    bool gone; /* The run ended, or the connection to it. */
};

/* Takes over the terminal (stdin and stdout must be one). NULL and a sentence when it cannot:
 * TERM unknown. Reads what the source has; the newest is shown first. */
struct terminal *terminal_new(const struct terminal_options *options, char *why, size_t why_size);
void terminal_free(struct terminal *t); /* Gives the terminal back as it was. NULL is allowed. */

void terminal_entry(struct terminal *t, const struct entry *e);
void terminal_status(struct terminal *t, const struct terminal_status *status);
/* A sentence for the line at the bottom: what a command did, or why it was refused. */
void terminal_say(struct terminal *t, const char *sentence, bool refused);
void terminal_input(struct terminal *t);  /* stdin is readable: takes all keys there are. */
void terminal_resize(struct terminal *t); /* Reads the size again, and repaints. */
void terminal_draw(struct terminal *t);
bool terminal_done(const struct terminal *t); /* The user quits. */

/* The same diagram as plain lines, for pipes and files: `orrery timeline | head`. */
struct terminal_print_options {
    int width; /* Columns; 0: those of stdout if it is a terminal, of $COLUMNS, else 100. */
    bool ascii;
    enum terminal_level level;
};

struct terminal_printer;

/* `line` gets each finished line, without its newline; valid for the call. It returns false when no
 * more are wanted. */
struct terminal_printer *terminal_printer_new(struct terminal_source source,
                                              const struct terminal_print_options *options,
                                              bool (*line)(void *ctx, const char *text), void *ctx);
/* The next entry, in order. A row is printed once the messages in it have arrived, so the last few
 * rows come late. False: no more are wanted. */
bool terminal_printer_entry(struct terminal_printer *p, const struct entry *e);
void terminal_printer_end(struct terminal_printer *p); /* Prints the rest. */
void terminal_printer_free(struct terminal_printer *p);

/* Entries `from` to `to` (0: the newest) of the source at once. */
void terminal_print(struct terminal_source source, const struct terminal_print_options *options,
                    uint64_t from, uint64_t to, bool (*line)(void *ctx, const char *text),
                    void *ctx);

int terminal_width(void); /* What width 0 means. */

/* Whether the locale (setlocale must have been called) and TERM allow more than ASCII. */
bool terminal_utf8(void);

#endif

/* A view on a real terminal, by ncurses. */
#include "terminal/view.h"

#include "base/must.h"

#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

struct terminal {
    struct view view;
    SCREEN *screen;
    bool ascii;
    attr_t styles[STYLES];
};

bool terminal_utf8(void)
{
    const char *term = getenv("TERM");
    bool dumb = term && strcmp(term, "dumb") == 0;
    return !dumb && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
        return size.ws_col;
    const char *columns = getenv("COLUMNS");
    long n = columns ? strtol(columns, NULL, 10) : 0;
    return n > 0 && n < 1000 ? (int)n : 100;
}

static void set_styles(struct terminal *t, bool colour)
{
    /* The colours of the house, where the terminal has 256; else the nearest of the eight. */
    static const struct {
        short many;
        short few;
    } colours[STYLES] = {
        [STYLE_INK] = {-1, -1},
        [STYLE_FAINT] = {245, -1},
        [STYLE_BRASS] = {179, COLOR_YELLOW},
        [STYLE_FAULT] = {204, COLOR_RED},
        [STYLE_PROVEN] = {113, COLOR_GREEN},
        [STYLE_BEAT] = {247, -1},
        [STYLE_REQUEST] = {75, COLOR_BLUE},
        [STYLE_DATA] = {79, COLOR_CYAN},
        [STYLE_VOTE] = {208, COLOR_YELLOW},
        [STYLE_CONTROL] = {219, COLOR_MAGENTA},
    };
    for (int i = 0; i < STYLES; i++) {
        t->styles[i] = i == STYLE_FAINT ? A_DIM : A_NORMAL;
        if (!colour)
            continue;
        short number = COLORS >= 256 ? colours[i].many : colours[i].few;
        if (number < 0)
            continue;
        init_pair((short)(i + 1), number, -1);
        t->styles[i] = (attr_t)COLOR_PAIR(i + 1);
    }
}

static void begin_colours(struct terminal *t, const struct terminal_options *options)
{
    const char *no = getenv("NO_COLOR");
    bool colour = !options->no_colour && !(no && *no) && has_colors();
    if (colour) {
        start_color();
        use_default_colors();
    }
    set_styles(t, colour);
}

struct terminal *terminal_new(const struct terminal_options *options, char *why, size_t why_size)
{
    const char *term = getenv("TERM");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        snprintf(why, why_size, "standard input and output are not a terminal");
        return NULL;
    }
    if (!term || !*term || strcmp(term, "dumb") == 0) {
        snprintf(why, why_size, "TERM=%s cannot place text on the screen", term ? term : "");
        return NULL;
    }
    SCREEN *screen = newterm(NULL, stdout, stdin);
    if (!screen) {
        snprintf(why, why_size, "TERM=%s is not known here: try TERM=xterm", term);
        return NULL;
    }
    struct terminal *t = must_alloc(1, sizeof *t);
    t->screen = screen;
    t->ascii = options->ascii || !terminal_utf8();
    set_term(screen);
    set_escdelay(25);
    cbreak();
    noecho();
    nonl();
    intrflush(stdscr, FALSE);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    curs_set(0);
    begin_colours(t, options);
    view_init(&t->view, options);
    return t;
}

void terminal_free(struct terminal *t)
{
    if (!t)
        return;
    endwin();
    delscreen(t->screen);
    view_free(&t->view);
    free(t);
}

void terminal_entry(struct terminal *t, const struct entry *e)
{
    view_entry(&t->view, e);
}

void terminal_status(struct terminal *t, const struct terminal_status *status)
{
    view_status(&t->view, status);
}

void terminal_say(struct terminal *t, const char *sentence, bool refused)
{
    view_say(&t->view, sentence, refused);
}

static uint32_t key_of(int key)
{
    static const struct {
        int curses;
        uint32_t key;
    } keys[] = {
        {KEY_UP, VIEW_UP},
        {KEY_DOWN, VIEW_DOWN},
        {KEY_LEFT, VIEW_LEFT},
        {KEY_RIGHT, VIEW_RIGHT},
        {KEY_PPAGE, VIEW_PAGE_UP},
        {KEY_NPAGE, VIEW_PAGE_DOWN},
        {KEY_HOME, VIEW_HOME},
        {KEY_END, VIEW_END},
        {KEY_ENTER, VIEW_ENTER},
        {'\r', VIEW_ENTER},
        {'\n', VIEW_ENTER},
        {27, VIEW_ESCAPE},
        {KEY_BACKSPACE, VIEW_BACKSPACE},
        {127, VIEW_BACKSPACE},
        {8, VIEW_BACKSPACE},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (keys[i].curses == key)
            return keys[i].key;
    return key >= 0x20 && key < 0x7f ? (uint32_t)key : 0;
}

void terminal_input(struct terminal *t)
{
    int key;
    while ((key = getch()) != ERR) {
        if (key == KEY_RESIZE) /* From resizeterm(), which has done it already. */
            clearok(stdscr, TRUE);
        else if (key == 12) /* ^L */
            clearok(stdscr, TRUE);
        else if (key_of(key))
            view_key(&t->view, key_of(key));
    }
    t->view.dirty = true;
}

void terminal_resize(struct terminal *t)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
        resizeterm(size.ws_row, size.ws_col);
    clearok(stdscr, TRUE);
    t->view.dirty = true;
    terminal_draw(t);
}

static void draw_cell(const struct terminal *t, const struct canvas *c, int x, int y)
{
    const struct cell *cell = &c->cells[y * c->width + x];
    attr_t attributes = t->styles[cell->style & STYLE_MASK];
    char text[8];
    if (cell->style & STYLE_BOLD)
        attributes |= A_BOLD;
    if (cell->style & STYLE_REVERSE)
        attributes |= A_REVERSE;
    canvas_encode(c, cell->code, text);
    attrset((int)attributes);
    mvaddstr(y, x, text);
}

void terminal_draw(struct terminal *t)
{
    if (!t->view.dirty)
        return;
    struct canvas c;
    int height, width;
    getmaxyx(stdscr, height, width);
    canvas_init(&c, width, height, t->ascii);
    view_render(&t->view, &c);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            draw_cell(t, &c, x, y);
    canvas_free(&c);
    refresh();
}

bool terminal_done(const struct terminal *t)
{
    return t->view.done;
}

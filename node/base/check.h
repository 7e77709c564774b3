/* Assertions of our own: on in every build, since a wrong state must not go on. */
#ifndef ORRERY_BASE_CHECK_H
#define ORRERY_BASE_CHECK_H

/* Prints file, line and condition to stderr and aborts. */
_Noreturn void check_failed(const char *file, int line, const char *condition);

#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))

#endif

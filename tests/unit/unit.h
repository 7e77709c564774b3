/* What every cmocka program includes, in the order that cmocka demands. */
#ifndef ORRERY_TESTS_UNIT_H
#define ORRERY_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif

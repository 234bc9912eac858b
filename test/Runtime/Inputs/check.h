/* Checks that say what was wrong and go on. */
#include "Support.h"
#undef aligned_alloc /* the command line may rename them */
#undef malloc
#include <stdio.h>
#include <string.h>

static _Thread_local int failures;
static _Thread_local const char *current = "";

#define CHECK(condition)                                                       \
  ((condition)                                                                 \
       ? (void)0                                                               \
       : (void)(++failures,                                                    \
                printf("%s:%d: %s: not %s; last error: %s\n", __FILE__,        \
                       __LINE__, current, #condition, effattn_last_error())))

static inline void check_text(const char *expected) {
  if (strcmp(expected, effattn_last_error()) == 0)
    return;
  ++failures;
  printf("%s: expected the sentence\n  %s\nbut got\n  %s\n", current, expected,
         effattn_last_error());
}

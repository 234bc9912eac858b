/* The error text of a thread. */
#include "Support.h"

/* Weak, and everything writes through the pointer it returns: objects linked
 * together share one buffer. */
const char *effattn_last_error(void) {
  static _Thread_local char text[EffattnErrorSize];
  return text;
}

struct EffattnText effattn_sentence(const char *name) {
  struct EffattnText text;
  text.at = (char *)effattn_last_error();
  text.end = text.at + EffattnErrorSize - 1;
  *text.at = 0;
  if (name) {
    effattn_put(&text, name);
    effattn_put(&text, ": ");
  }
  return text;
}

static void put_character(struct EffattnText *text, char character) {
  if (text->at == text->end)
    return;
  *text->at++ = character;
  *text->at = 0;
}

void effattn_put(struct EffattnText *text, const char *part) {
  while (*part)
    put_character(text, *part++);
}

void effattn_put_number(struct EffattnText *text, int64_t number) {
  char digits[20];
  int count = 0;
  uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
  do
    digits[count++] = (char)('0' + rest % 10);
  while (rest /= 10);
  if (number < 0)
    put_character(text, '-');
  while (count)
    put_character(text, digits[--count]);
}

void effattn_put_argument(struct EffattnText *text, int is_output,
                          int32_t index,
                          const struct EffattnArgument *argument) {
  effattn_put(text, is_output ? "output " : "input ");
  effattn_put_number(text, index);
  effattn_put(text, " '");
  effattn_put(text, argument->name);
  put_character(text, '\'');
}

void effattn_put_type(struct EffattnText *text, unsigned code, unsigned bits,
                      unsigned lanes) {
  static const char *const prefixes[] = {"i",  "ui",      "f",   "opaque",
                                         "bf", "complex", "bool"};
  if (code < sizeof prefixes / sizeof *prefixes) {
    effattn_put(text, prefixes[code]);
  } else {
    effattn_put(text, "type");
    effattn_put_number(text, code);
    put_character(text, '_');
  }
  if (code != EffattnCodeBool || bits != 8)
    effattn_put_number(text, bits);
  if (lanes != 1) {
    put_character(text, 'x');
    effattn_put_number(text, lanes);
  }
}

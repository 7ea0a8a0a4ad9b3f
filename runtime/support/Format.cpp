#include "runtime/support/Format.h"

#include <cstdarg>
#include <cstdio>

std::string mamba::format(const char *pattern, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, pattern);
  vsnprintf(text, sizeof text, pattern, arguments);
  va_end(arguments);
  return text;
}

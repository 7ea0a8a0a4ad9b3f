# Writes OUTPUT, a header with the revision of the sources in SOURCE, with a + if
# they were changed since, "" where they are not a git checkout of their own, and
# with BUILD_TYPE. A header that says this already is left alone.
set(revision)
execute_process(COMMAND git rev-parse --show-prefix --short HEAD
  WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE found RESULT_VARIABLE failed
  ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
# The first line is empty at the top of a checkout: sources that were unpacked
# inside another one are not of its revision.
if(NOT failed AND found MATCHES "^\n([0-9a-f]+)$")
  set(revision ${CMAKE_MATCH_1})
  execute_process(COMMAND git status --porcelain --untracked-files=no
    WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE changes ERROR_QUIET)
  if(changes)
    string(APPEND revision +)
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define MAMBA_REVISION \"${revision}\"
#define MAMBA_BUILD_TYPE \"${BUILD_TYPE}\"
")

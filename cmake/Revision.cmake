# Writes OUTPUT, a header with the revision of the sources in SOURCE, "" where
# they are not a git checkout of their own, and with BUILD_TYPE.
set(revision)
execute_process(COMMAND git rev-parse --show-prefix --short HEAD
  WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE found RESULT_VARIABLE failed
  ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
# The first line is empty at the top of a checkout: sources that were unpacked
# inside another one are not of its revision.
if(NOT failed AND found MATCHES "^\n([0-9a-f]+)$")
  set(revision ${CMAKE_MATCH_1})
endif()
file(WRITE ${OUTPUT} "#define MAMBA_REVISION \"${revision}\"
#define MAMBA_BUILD_TYPE \"${BUILD_TYPE}\"
")

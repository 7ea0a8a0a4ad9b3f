// The op on rows of small integers.
#pragma once

#include "dialects/ssm/SSMDialect.h"

#define GET_OP_CLASSES
#include "dialects/ssm/SSMInt8.h.inc"

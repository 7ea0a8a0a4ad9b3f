// Variables: `.align 4 .b8 x[2][3] = {{1, 2, 3}, {4}}` after their space.
#pragma once

#include "runtime/device/sim/ptx/Cursor.h"
#include "runtime/device/sim/ptx/Limits.h"
#include "runtime/device/sim/ptx/Ptx.h"

namespace mamba::ptx {

/// What stands between the space and the name.
struct ElementType {
  Type type = Type::None;
  uint32_t lanes = 1; // of .v2, .v4
  uint32_t align = 0; // 0: the type's own
};

/// True, and the space, where the word names one that can hold variables.
bool isVariableSpace(std::string_view word, Space &space);

/// Types that a register or a variable may have.
Status parseDeclaredType(Cursor &cursor, Type &type);

/// `.align 16 .v4 .f32`; of a .param also `.ptr .global .align 64` after the type.
Status parseElementType(Cursor &cursor, Space space, ElementType &element);

/// The name, the extents and the initial value; `name` is the name's token.
Status parseVariable(Cursor &cursor, Space space, const ElementType &element, bool isExtern,
                     Usage &usage, Variable &variable, Token &name);

} // namespace mamba::ptx

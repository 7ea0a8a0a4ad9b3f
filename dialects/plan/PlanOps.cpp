// Verifiers of the records: entries, programs, buffers.
#include "dialects/plan/PlanDialect.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace mamba;
using namespace mamba::plan;

/// Elements of a type, of one row if its first dimension is dynamic.
static int64_t elementsPerRow(ShapedType type) {
  int64_t count = 1;
  for (int64_t extent : type.getShape())
    count *= ShapedType::isDynamic(extent) ? 1 : extent;
  return count;
}

/// Whether only the first dimension is dynamic, or none.
static bool hasDynamicRows(ShapedType type, bool rows) {
  if (!rows)
    return type.hasStaticShape();
  return type.getRank() > 0 && type.isDynamicDim(0) && type.getNumDynamicDims() == 1;
}

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

LogicalResult EntryOp::verifyRegions() {
  llvm::StringSet<> arguments, results, pools;
  for (Operation &op : getBody().front()) {
    bool isNew = true;
    if (auto argument = dyn_cast<ArgumentOp>(op))
      isNew = arguments.insert(argument.getName()).second;
    else if (auto result = dyn_cast<ResultOp>(op))
      isNew = results.insert(result.getName()).second;
    else if (auto pool = dyn_cast<PoolOp>(op))
      isNew = pools.insert(pool.getId()).second;
    else // entry_c1
      return op.emitOpError("must not stand in a 'plan.entry': it is no record of one");
    if (!isNew) // entry_c2
      return op.emitOpError("has the name of another one of the entry");
  }
  return success();
}

static LogicalResult verifyTensorSpec(Operation *op, RowsAttr rows, Type type) {
  auto tensor = cast<RankedTensorType>(type);
  if (rows.getKind() == RowKind::Constant && rows.getCount() != 1)
    return op->emitOpError("rows must be 'T', 'S' or 1, got ") << rows.getCount();
  if (rows.getKind() == RowKind::Constant && !tensor.hasStaticShape())
    return op->emitOpError("must be static with rows 1, got ") << type;
  if (!hasDynamicRows(tensor, rows.getKind() != RowKind::Constant))
    return op->emitOpError("must be dynamic in its first dimension only, got ") << type;
  return success();
}

LogicalResult ArgumentOp::verify() {
  if (std::optional<int64_t> below = getBelow()) { // argument_c2
    if (!cast<RankedTensorType>(getType()).getElementType().isInteger(32))
      return emitOpError("below must stand beside elements of i32, got ") << getType();
    if (*below <= 0)
      return emitOpError("below must be positive, got ") << *below;
  }
  return verifyTensorSpec(*this, getRows(), getType()); // argument_c1
}

LogicalResult ResultOp::verify() { // result_c1
  return verifyTensorSpec(*this, getRows(), getType());
}

LogicalResult PoolOp::verify() {
  // pool_c1
  if (!hasDynamicRows(cast<RankedTensorType>(getType()), true))
    return emitOpError("must be dynamic in its first dimension, the slots, only, got ")
           << getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

RankedTensorType plan::WeightOp::getStoredType() {
  if (std::optional<Type> stored = getStored())
    return cast<RankedTensorType>(*stored);
  auto type = cast<MemRefType>(getBuffer().getType());
  return RankedTensorType::get(type.getShape(), type.getElementType());
}

LogicalResult plan::WeightOp::verify() {
  // weight_c1
  RankedTensorType stored = getStoredType();
  auto type = cast<MemRefType>(getBuffer().getType());
  if (!stored.hasStaticShape() || stored.getNumElements() != type.getNumElements() ||
      stored.getElementType() != type.getElementType())
    return emitOpError("stored type must have the elements of the buffer, got ")
           << stored << " and " << type;
  return success();
}

/// Bytes of a buffer, of one row if its first dimension is dynamic.
static int64_t bytesPerRow(Type type) {
  auto memref = cast<MemRefType>(type);
  return elementsPerRow(memref) * llvm::divideCeil(memref.getElementTypeBitWidth(), 8);
}

int64_t BufferOp::getBytes() { return bytesPerRow(getBuffer().getType()); }

LogicalResult BufferOp::verify() {
  // buffer_c1
  auto type = cast<MemRefType>(getBuffer().getType());
  bool rows = getArena() != Arena::C;
  if (!hasDynamicRows(type, rows))
    return emitOpError("in arena ") << stringifyArena(getArena()) << " must be "
           << (rows ? "dynamic in its first dimension only" : "static") << ", got "
           << type;
  return success();
}

//===----------------------------------------------------------------------===//
// Recipe and programs
//===----------------------------------------------------------------------===//

/// Checks that a buffer lies within its arena, aligned.
static LogicalResult verifyOffset(Operation *op, int64_t offset, int64_t bytes,
                                  int64_t arena) {
  if (offset < 0 || offset % 64 != 0)
    return op->emitOpError("offset must be a multiple of 64, got ") << offset;
  if (offset + bytes > arena)
    return op->emitOpError("must end within the ") << arena
           << " bytes of its arena, got " << offset + bytes;
  return success();
}

LogicalResult RecipeOp::verifyRegions() {
  for (Operation &op : getBody().front()) {
    if (auto packed = dyn_cast<PackedOp>(op)) {
      // recipe_c2
      if (failed(verifyOffset(packed, packed.getOffset(),
                              bytesPerRow(packed.getBuffer().getType()), getBytes())))
        return failure();
    } else if (!isa<plan::WeightOp, DispatchOp>(op)) {
      // recipe_c1
      return op.emitOpError("must not stand in a 'plan.recipe': only weights, "
                            "packed buffers and dispatches may");
    }
  }
  return success();
}

EntryOp ProgramOp::getEntryOp() {
  return SymbolTable::lookupNearestSymbolFrom<EntryOp>(*this, getEntryAttr());
}

/// Finds the record of type Record that answers `is`, and checks the buffer
/// against its type.
template <typename Record>
static LogicalResult verifyNamed(Operation *op, EntryOp entry, StringRef name,
                                 StringRef (*nameOf)(Record)) {
  auto buffer = cast<MemRefType>(op->getResult(0).getType());
  for (auto record : entry.getBody().getOps<Record>()) {
    if (nameOf(record) != name)
      continue;
    auto type = cast<RankedTensorType>(record.getType());
    if (type.getElementType() != buffer.getElementType() ||
        type.hasStaticShape() != buffer.hasStaticShape() ||
        elementsPerRow(type) != elementsPerRow(buffer))
      return op->emitOpError("must have the elements of the entry's '")
             << name << "', " << type << ", got " << buffer;
    return success();
  }
  return op->emitOpError("names '") << name << "', which entry @"
                                    << entry.getSymName() << " does not have";
}

LogicalResult ProgramOp::verifyRegions() {
  // program_c2
  EntryOp entry = getEntryOp();
  if (!entry)
    return emitOpError("names ") << getEntryAttr() << ", which is no 'plan.entry'";
  auto nameOfPool = [](PoolOp op) { return op.getId(); };
  for (Operation &op : getBody().front()) {
    if (auto input = dyn_cast<InputOp>(op)) {
      if (failed(verifyNamed<ArgumentOp>(input, entry, input.getName(),
                                         [](ArgumentOp a) { return a.getName(); })))
        return failure();
    } else if (auto output = dyn_cast<OutputOp>(op)) {
      if (failed(verifyNamed<ResultOp>(output, entry, output.getName(),
                                       [](ResultOp r) { return r.getName(); })))
        return failure();
    } else if (auto state = dyn_cast<StateOp>(op)) {
      if (failed(verifyNamed<PoolOp>(state, entry, state.getName(), nameOfPool)))
        return failure();
    } else if (auto buffer = dyn_cast<BufferOp>(op)) {
      // program_c3
      int64_t arena = buffer.getArena() == Arena::T   ? getArenaT()
                      : buffer.getArena() == Arena::S ? getArenaS()
                                                      : getArenaC();
      if (failed(verifyOffset(buffer, buffer.getOffset(), buffer.getBytes(), arena)))
        return failure();
    } else if (!isa<plan::WeightOp, PackedOp, DispatchOp>(op)) {
      // program_c1
      return op.emitOpError("must not stand in a 'plan.program': only buffers and "
                            "dispatches may");
    }
  }
  return success();
}

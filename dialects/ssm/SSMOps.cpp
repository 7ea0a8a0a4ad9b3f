// Verifiers of the ssm ops; labels as in the .td files.
#include "dialects/ssm/SSMInt8.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mamba::ssm;

#define GET_OP_CLASSES
#include "dialects/ssm/SSMOps.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/ssm/SSMInt8.cpp.inc"

//===----------------------------------------------------------------------===//
// Shapes of types
//===----------------------------------------------------------------------===//

static bool isStaticNonEmpty(ArrayRef<int64_t> shape) {
  return llvm::all_of(shape, [](int64_t dim) {
    return !ShapedType::isDynamic(dim) && dim != 0;
  });
}

// type_c1, type_c2, type_c3
bool mamba::ssm::isRagged(Type type, int64_t rank) {
  ArrayRef<int64_t> shape = cast<ShapedType>(type).getShape();
  return int64_t(shape.size()) == rank && ShapedType::isDynamic(shape[0]) &&
         isStaticNonEmpty(shape.drop_front());
}

// type_c4
bool mamba::ssm::isWeightShape(Type type) {
  ArrayRef<int64_t> shape = cast<ShapedType>(type).getShape();
  return !shape.empty() && isStaticNonEmpty(shape);
}

//===----------------------------------------------------------------------===//
// Checks and their messages
//===----------------------------------------------------------------------===//

static constexpr int64_t kRows = ShapedType::kDynamic;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// "<?x4>"
static std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text = "<";
  llvm::raw_string_ostream os(text);
  llvm::interleave(
      shape, os,
      [&](int64_t dim) {
        if (ShapedType::isDynamic(dim))
          os << '?';
        else
          os << dim;
      },
      "x");
  os << '>';
  return text;
}

/// The operand or result `name` is a matrix; `meaning` is "[O, K]".
static LogicalResult checkMatrix(Operation *op, StringRef name, Value value,
                                 StringRef meaning) {
  if (shapeOf(value).size() == 2)
    return success();
  return op->emitOpError("'") << name << "' must be a matrix " << meaning
                              << ", got " << shapeText(shapeOf(value));
}

/// The operand or result `name` has the shape `wanted`, which `meaning`
/// explains: "[slots, W-1, E]".
static LogicalResult checkShape(Operation *op, StringRef name, Value value,
                                StringRef meaning, ArrayRef<int64_t> wanted) {
  if (shapeOf(value) == wanted)
    return success();
  return op->emitOpError("'")
         << name << "' must be " << meaning << " = " << shapeText(wanted)
         << ", got " << shapeText(shapeOf(value));
}

/// `name` has the shape of `otherName`.
static LogicalResult checkSameShape(Operation *op, StringRef name, Value value,
                                    StringRef otherName, Value other) {
  if (shapeOf(value) == shapeOf(other))
    return success();
  return op->emitOpError("'")
         << name << "' must have the shape of '" << otherName << "', got "
         << shapeText(shapeOf(value)) << " and " << shapeText(shapeOf(other));
}

/// `name` has the element type of `otherName`.
static LogicalResult checkSameElementType(Operation *op, StringRef name,
                                          Value value, StringRef otherName,
                                          Value other) {
  Type type = getElementTypeOrSelf(value), wanted = getElementTypeOrSelf(other);
  if (type == wanted)
    return success();
  return op->emitOpError("'")
         << name << "' must have the element type of '" << otherName
         << "', got " << type << " and " << wanted;
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

LogicalResult WeightOp::verify() {
  // weight_c1
  if (getName().empty())
    return emitOpError("name must not be empty");
  return success();
}

LogicalResult CastOp::verify() {
  // cast_c1
  return checkSameShape(*this, "y", getY(), "x", getX());
}

LogicalResult ReshapeOp::verify() {
  // reshape_c1
  auto x = cast<RankedTensorType>(getX().getType());
  auto y = cast<RankedTensorType>(getY().getType());
  if (x.getNumElements() != y.getNumElements())
    return emitOpError("'y' must have as many elements as 'x', got ")
           << y.getNumElements() << " and " << x.getNumElements();
  // reshape_c2
  return checkSameElementType(*this, "y", getY(), "x", getX());
}

/// The operand or result `name` is the matrix in panels: (pack_c1, unpack_c1).
static LogicalResult checkPanels(Operation *op, StringRef name, Value packed, Value matrix,
                                 int64_t block, int64_t interleave) {
  ArrayRef<int64_t> x = shapeOf(matrix);
  int64_t panels = llvm::divideCeil(uint64_t(x[0]), uint64_t(block));
  int64_t steps = llvm::divideCeil(uint64_t(x[1]), uint64_t(interleave));
  return checkShape(op, name, packed, "[ceil(O / block), ceil(K / interleave), block * interleave]",
                    {panels, steps, block * interleave});
}

LogicalResult PackOp::verify() {
  // pack_c2
  int64_t block = getBlock(), interleave = getInterleave();
  if (block <= 0)
    return emitOpError("block must be positive, got ") << block;
  if (interleave <= 0)
    return emitOpError("interleave must be positive, got ") << interleave;
  // pack_c1
  if (failed(checkMatrix(*this, "x", getX(), "[O, K]")) ||
      failed(checkPanels(*this, "y", getY(), getX(), block, interleave)))
    return failure();
  // pack_c3
  return checkSameElementType(*this, "y", getY(), "x", getX());
}

LogicalResult UnpackOp::verify() {
  // unpack_c1
  if (failed(checkMatrix(*this, "y", getY(), "[O, K]")))
    return failure();
  ArrayRef<int64_t> x = shapeOf(getX());
  if (x.size() != 3)
    return emitOpError(
               "'x' must be panels [ceil(O / block), ceil(K / interleave), block * interleave], got ")
           << shapeText(x);
  // unpack_c3
  int64_t interleave = getInterleave();
  if (interleave <= 0 || x[2] % interleave)
    return emitOpError("interleave must be positive and divide the last dimension of 'x', got ")
           << interleave << " and " << x[2];
  // unpack_c1
  if (failed(checkPanels(*this, "x", getX(), getY(), getBlock(), interleave)))
    return failure();
  // unpack_c2
  return checkSameElementType(*this, "y", getY(), "x", getX());
}

LogicalResult ScaleOp::verify() {
  // scale_c1
  if (!getFactor().isFinite())
    return emitOpError("factor must be finite, got ") << getFactorAttr();
  return success();
}

LogicalResult ScaleColumnsOp::verify() {
  // scale_columns_c1
  if (failed(checkMatrix(*this, "x", getX(), "[O, K]")))
    return failure();
  return checkShape(*this, "s", getS(), "[K]", {shapeOf(getX())[1]});
}

/// (quant_scales_c1, quantize_c1, dequantize_c1 and their c2)
static LogicalResult checkQuantised(Operation *op, int64_t bits, const char *name, Value matrix,
                                    Value scales, const char *quantisedName, Value quantised) {
  if (bits != 8 && bits != 4)
    return op->emitOpError("bits must be 8 or 4, got ") << bits;
  if (failed(checkMatrix(op, name, matrix, "[O, K]")))
    return failure();
  int64_t O = shapeOf(matrix)[0], K = shapeOf(matrix)[1];
  if (failed(checkShape(op, quantised ? "s" : "y", scales, "[O, ceil(K / 32)]",
                        {O, int64_t(llvm::divideCeil(uint64_t(K), uint64_t(32)))})))
    return failure();
  if (!quantised)
    return success();
  return checkShape(op, quantisedName, quantised, "[O, ceil(K bits / 8)]",
                    {O, int64_t(llvm::divideCeil(uint64_t(K * bits), uint64_t(8)))});
}

LogicalResult QuantScalesOp::verify() {
  return checkQuantised(*this, getBits(), "x", getX(), getY(), "", {});
}

LogicalResult QuantizeOp::verify() {
  return checkQuantised(*this, getBits(), "x", getX(), getS(), "y", getY());
}

LogicalResult DequantizeOp::verify() {
  return checkQuantised(*this, getBits(), "y", getY(), getS(), "x", getX());
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

LogicalResult EmbeddingOp::verify() {
  // embedding_c1
  if (failed(checkMatrix(*this, "table", getTable(), "[V, D]")))
    return failure();
  return checkShape(*this, "y", getY(), "[T, D]",
                    {kRows, shapeOf(getTable())[1]});
}

LogicalResult RMSNormOp::verify() {
  // rms_norm_c1
  if (Value weight = getWeight())
    if (failed(
            checkShape(*this, "weight", weight, "[D]", {shapeOf(getX())[1]})))
      return failure();
  // rms_norm_c2
  if (!getEps().isFinite() || !(getEps().convertToDouble() > 0))
    return emitOpError("eps must be positive and finite, got ") << getEpsAttr();
  return success();
}

LogicalResult LinearOp::verify() {
  // linear_c1
  if (failed(checkMatrix(*this, "w", getW(), "[O, K]")))
    return failure();
  int64_t O = shapeOf(getW())[0], K = shapeOf(getX())[1];
  if (failed(checkShape(*this, "w", getW(), "[O, K]", {O, K})) ||
      failed(checkShape(*this, "y", getY(), "[T, O]", {kRows, O})))
    return failure();
  // linear_c2
  if (Value bias = getBias())
    return checkShape(*this, "bias", bias, "[O]", {O});
  return success();
}

LogicalResult SplitOp::verify() {
  // split_c3
  if (getParts().empty())
    return emitOpError("must have at least one result");
  // split_c1
  int64_t sum = 0;
  for (Value part : getParts())
    sum += shapeOf(part)[1];
  if (sum != shapeOf(getX())[1])
    return emitOpError(
               "widths of the results must add up to the width of 'x', got ")
           << sum << " and " << shapeOf(getX())[1];
  // split_c2
  for (Value part : getParts())
    if (failed(checkSameElementType(*this, "parts", part, "x", getX())))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Sequences
//===----------------------------------------------------------------------===//

static LogicalResult checkValid(Operation *op, int64_t valid, Value logits) {
  int64_t width = shapeOf(logits).back();
  if (valid >= 1 && valid <= width)
    return success();
  return op->emitOpError("'valid' must be from 1 to the width of the logits, ")
         << width << ", got " << valid;
}

LogicalResult ArgmaxOp::verify() {
  // argmax_c1
  return checkValid(*this, getValid(), getLogits());
}

LogicalResult SampleOp::verify() {
  // sample_c1
  std::pair<StringRef, Value> numbers[] = {{"u", getU()},
                                           {"temperature", getTemperature()},
                                           {"top_p", getTopP()},
                                           {"min_p", getMinP()},
                                           {"largest", getLargest()}};
  for (auto [name, value] : numbers)
    if (failed(checkShape(*this, name, value, "[S, 1]", {kRows, 1})))
      return failure();
  // sample_c2
  return checkValid(*this, getValid(), getLogits());
}

LogicalResult LastRowsOp::verify() {
  // last_rows_c1
  if (failed(checkSameShape(*this, "y", getY(), "x", getX())))
    return failure();
  return checkSameElementType(*this, "y", getY(), "x", getX());
}

LogicalResult Conv1dOp::verify() {
  // conv1d_c1
  if (failed(checkMatrix(*this, "w", getW(), "[E, W]")))
    return failure();
  int64_t E = shapeOf(getX())[1], W = shapeOf(getW())[1];
  if (failed(checkShape(*this, "w", getW(), "[E, W]", {E, W})) ||
      failed(checkSameShape(*this, "y", getY(), "x", getX())))
    return failure();
  if (W < 2)
    return emitOpError("'w' must have at least 2 taps, got ") << W;
  // conv1d_c2
  if (Value bias = getBias())
    if (failed(checkShape(*this, "bias", bias, "[E]", {E})))
      return failure();
  // conv1d_c3
  if (failed(checkShape(*this, "state", getState(), "[slots, W-1, E]",
                        {kRows, W - 1, E})))
    return failure();
  return checkSameShape(*this, "new_state", getNewState(), "state", getState());
}

/// 'name' of a scan has the type of 'u'.
template <typename Scan>
static LogicalResult checkLikeU(Scan op, StringRef name, Value value) {
  if (failed(checkSameShape(op, name, value, "u", op.getU())))
    return failure();
  return checkSameElementType(op, name, value, "u", op.getU());
}

/// A matrix of a scan that may be constant in time.
static LogicalResult checkInTime(Operation *op, StringRef name, Value value, int64_t N) {
  if (shapeOf(value).size() == 1)
    return checkShape(op, name, value, "[N]", {N});
  return checkShape(op, name, value, "[T, N]", {kRows, N});
}

LogicalResult SelectiveScanOp::verify() {
  // scan_c1
  if (failed(checkLikeU(*this, "delta", getDelta())) ||
      (getZ() && failed(checkLikeU(*this, "z", getZ()))) ||
      failed(checkLikeU(*this, "y", getY())))
    return failure();
  // scan_c2
  if (failed(checkMatrix(*this, "A", getA(), "[E, N]")))
    return failure();
  int64_t E = shapeOf(getU())[1], N = shapeOf(getA())[1];
  if (failed(checkShape(*this, "A", getA(), "[E, N]", {E, N})))
    return failure();
  // scan_c3
  if (failed(checkInTime(*this, "B", getB(), N)) || failed(checkInTime(*this, "C", getC(), N)))
    return failure();
  // scan_c4
  std::pair<StringRef, Value> vectors[] = {{"D", getD()},
                                           {"delta_bias", getDeltaBias()}};
  for (auto [name, value] : vectors)
    if (value && failed(checkShape(*this, name, value, "[E]", {E})))
      return failure();
  // scan_c5
  if (failed(checkShape(*this, "state", getState(), "[slots, E, N]",
                        {kRows, E, N})) ||
      failed(checkSameShape(*this, "new_state", getNewState(), "state", getState())))
    return failure();
  // scan_c6
  if (Value slices = getSlices())
    return checkShape(*this, "slices", slices, "[slices, 2N+1, E]",
                      {shapeOf(slices)[0], 2 * N + 1, E});
  return success();
}

LogicalResult ScanSlicesOp::verify() {
  // slices_c1
  if (failed(checkLikeU(*this, "delta", getDelta())))
    return failure();
  // slices_c2
  if (failed(checkMatrix(*this, "A", getA(), "[E, N]")))
    return failure();
  int64_t E = shapeOf(getU())[1], N = shapeOf(getA())[1];
  if (failed(checkShape(*this, "A", getA(), "[E, N]", {E, N})))
    return failure();
  // slices_c3
  if (failed(checkInTime(*this, "B", getB(), N)))
    return failure();
  // slices_c4
  Value bias = getDeltaBias();
  if (bias && failed(checkShape(*this, "delta_bias", bias, "[E]", {E})))
    return failure();
  // slices_c5
  if (failed(checkShape(*this, "state", getState(), "[slots, E, N]", {kRows, E, N})))
    return failure();
  // slices_c6
  return checkShape(*this, "p", getP(), "[slices, 2N+1, E]", {shapeOf(getP())[0], 2 * N + 1, E});
}

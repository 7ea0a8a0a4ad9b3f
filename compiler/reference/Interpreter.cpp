// evaluate(): one scalar function of Ops.h for each op.
#include "compiler/reference/Reference.h"

#include "dialects/ssm/SSMInt8.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <memory>
#include <string>

using namespace mlir;
using namespace mamba::ssm;

namespace mamba::reference {
namespace {

using Shared = std::shared_ptr<const Value>;

std::string shapeText(ArrayRef<int64_t> shape) {
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
  os << ">";
  return text;
}

bool fits(ArrayRef<int64_t> shape, ArrayRef<int64_t> typeShape) {
  return shape.size() == typeShape.size() &&
         llvm::all_of(llvm::zip_equal(shape, typeShape), [](auto dims) {
           auto [dim, typeDim] = dims;
           return ShapedType::isDynamic(typeDim) ? dim >= 0 : dim == typeDim;
         });
}

Precision precisionOf(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isF32()   ? Precision::F32
         : element.isF16() ? Precision::F16
                           : Precision::BF16;
}

ArrayRef<int64_t> shapeOf(mlir::Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

class Interpreter {
public:
  explicit Interpreter(WeightLookup weights) : weights(weights) {}

  FailureOr<std::vector<Shared>> run(Block &block, ArrayRef<Shared> inputs);

private:
  LogicalResult bindArguments(Block &block, ArrayRef<Shared> inputs);
  LogicalResult evaluateOp(Operation *op);
  LogicalResult evaluateWeight(WeightOp op);
  LogicalResult evaluateEmbedding(EmbeddingOp op);
  LogicalResult evaluateScan(SelectiveScanOp op);
  LogicalResult evaluateSlices(ScanSlicesOp op);
  /// u, delta, z and what of B and C is not constant in time have the same rows.
  template <typename Scan>
  LogicalResult checkScanRows(Scan op, ArrayRef<mlir::Value> inTime, mlir::Value z = {}) {
    SmallVector<mlir::Value> rows = {op.getU(), op.getDelta()};
    for (mlir::Value input : inTime)
      if (shapeOf(input).size() == 2)
        rows.push_back(input);
    if (z)
      rows.push_back(z);
    return checkRows(op, rows);
  }
  LogicalResult evaluateKernel(KernelOp op);

  const Tensor &tensor(mlir::Value value) {
    return std::get<Tensor>(*values.at(value));
  }
  /// Null for an absent operand.
  const Tensor *optional(mlir::Value value) {
    return value ? &tensor(value) : nullptr;
  }
  const BatchValue &batch(mlir::Value value) {
    return std::get<BatchValue>(*values.at(value));
  }
  LogicalResult set(mlir::Value value, Value result) {
    values[value] = std::make_shared<const Value>(std::move(result));
    return success();
  }
  LogicalResult set(mlir::Value y, mlir::Value state, WithState results) {
    (void)set(y, std::move(results.first));
    return set(state, std::move(results.second));
  }

  /// All of `rows` have as many rows as the first.
  LogicalResult checkRows(Operation *op, ValueRange rows);
  /// The batch divides T rows and names distinct slots of the pool, if any.
  LogicalResult checkBatch(Operation *op, mlir::Value batchValue, mlir::Value x,
                           mlir::Value pool);

  WeightLookup weights;
  llvm::DenseMap<mlir::Value, Shared> values; // dropped after their last use
};

LogicalResult Interpreter::checkRows(Operation *op, ValueRange rows) {
  for (mlir::Value other : rows.drop_front())
    if (tensor(other).rows() != tensor(rows.front()).rows())
      return op->emitError("operands must have as many rows, got ")
             << tensor(rows.front()).rows() << " and " << tensor(other).rows();
  return success();
}

LogicalResult Interpreter::checkBatch(Operation *op, mlir::Value batchValue,
                                      mlir::Value x, mlir::Value pool) {
  const BatchValue &b = batch(batchValue);
  size_t sequences = b.slot.size();
  if (b.seqStart.size() != sequences + 1 || b.position.size() != sequences)
    return op->emitError("batch of ")
           << sequences << " slots must have " << sequences + 1
           << " sequence starts and " << sequences << " positions, got "
           << b.seqStart.size() << " and " << b.position.size();
  if (b.seqStart.front() != 0 || !llvm::is_sorted(b.seqStart) ||
      b.seqStart.back() != tensor(x).rows())
    return op->emitError(
               "sequence starts of the batch must rise from 0 to the ")
           << tensor(x).rows() << " rows of the operand";
  if (!pool)
    return success();
  std::vector<bool> taken(tensor(pool).rows());
  for (int64_t slot : b.slot) {
    if (slot < 0 || slot >= int64_t(taken.size()))
      return op->emitError("slot ")
             << slot << " is not in the pool of " << taken.size();
    if (taken[slot])
      return op->emitError("slot ") << slot << " stands twice in the batch";
    taken[slot] = true;
  }
  return success();
}

LogicalResult Interpreter::bindArguments(Block &block,
                                         ArrayRef<Shared> inputs) {
  Operation *parent = block.getParentOp();
  if (inputs.size() != block.getNumArguments())
    return parent->emitError("expected ")
           << block.getNumArguments() << " inputs, got " << inputs.size();
  for (auto [arg, input] : llvm::zip_equal(block.getArguments(), inputs)) {
    if (isa<BatchType>(arg.getType())) {
      if (!std::holds_alternative<BatchValue>(*input))
        return parent->emitError("input ")
               << arg.getArgNumber() << " must be a batch, got a tensor";
    } else if (auto type = dyn_cast<RankedTensorType>(arg.getType())) {
      const Tensor *given = std::get_if<Tensor>(input.get());
      if (!given)
        return parent->emitError("input ")
               << arg.getArgNumber() << " must be a tensor, got a batch";
      if (!fits(given->shape, type.getShape()))
        return parent->emitError("input ")
               << arg.getArgNumber() << " must have the shape "
               << shapeText(type.getShape()) << ", got "
               << shapeText(given->shape);
    } else {
      return parent->emitError("input ")
             << arg.getArgNumber() << " has a type that the reference does "
             << "not know: " << arg.getType();
    }
    values[arg] = input;
  }
  return success();
}

LogicalResult Interpreter::evaluateWeight(WeightOp op) {
  std::optional<Tensor> weight = weights(op.getName());
  if (!weight)
    return op.emitError("weight '") << op.getName() << "' was not given";
  if (!fits(weight->shape, shapeOf(op.getValue())))
    return op.emitError("weight '") << op.getName() << "' must have the shape "
                                    << shapeText(shapeOf(op.getValue()))
                                    << ", got " << shapeText(weight->shape);
  return set(op.getValue(), std::move(*weight));
}

LogicalResult Interpreter::evaluateEmbedding(EmbeddingOp op) {
  const Tensor &table = tensor(op.getTable());
  const Tensor &tokens = tensor(op.getTokens());
  for (double token : tokens.values)
    if (!(token >= 0 && token < double(table.rows())) ||
        token != std::floor(token))
      return op.emitError("token ")
             << token << " is not a row of the table of " << table.rows();
  return set(op.getY(), embedding(table, tokens));
}

LogicalResult Interpreter::evaluateScan(SelectiveScanOp op) {
  if (failed(checkScanRows(op, {op.getB(), op.getC()}, op.getZ())) ||
      failed(checkBatch(op, op.getBatch(), op.getU(), op.getState())))
    return failure();
  ScanOperands in{.u = tensor(op.getU()),
                  .delta = tensor(op.getDelta()),
                  .deltaBias = optional(op.getDeltaBias()),
                  .softplus = op.getSoftplus(),
                  .A = tensor(op.getA()),
                  .log2Decay = op.getLog2Decay(),
                  .B = tensor(op.getB()),
                  .C = tensor(op.getC()),
                  .D = optional(op.getD()),
                  .z = optional(op.getZ())};
  return set(op.getY(), op.getNewState(),
             selectiveScan(in, tensor(op.getState()), batch(op.getBatch()),
                           optional(op.getSlices())));
}

LogicalResult Interpreter::evaluateSlices(ScanSlicesOp op) {
  if (failed(checkScanRows(op, {op.getB()})) ||
      failed(checkBatch(op, op.getBatch(), op.getU(), op.getState())))
    return failure();
  const Tensor &B = tensor(op.getB());
  ScanOperands in{.u = tensor(op.getU()),
                  .delta = tensor(op.getDelta()),
                  .deltaBias = optional(op.getDeltaBias()),
                  .softplus = op.getSoftplus(),
                  .A = tensor(op.getA()),
                  .log2Decay = op.getLog2Decay(),
                  .B = B,
                  .C = B};
  return set(op.getP(), scanSlices(in, tensor(op.getState()), batch(op.getBatch()),
                                   shapeOf(op.getP())[0]));
}

LogicalResult Interpreter::evaluateKernel(KernelOp op) {
  std::vector<Shared> inputs;
  for (mlir::Value input : op.getInputs())
    inputs.push_back(values.at(input));
  auto results = Interpreter(weights).run(op.getBlock(), inputs);
  if (failed(results))
    return failure();
  for (auto [value, result] : llvm::zip_equal(op.getResults(), *results))
    values[value] = result;
  return success();
}

LogicalResult Interpreter::evaluateOp(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](WeightOp op) { return evaluateWeight(op); })
      .Case([&](CastOp op) {
        return set(op.getY(), reference::cast(tensor(op.getX()),
                                              precisionOf(op.getType())));
      })
      .Case([&](ReshapeOp op) {
        return set(op.getY(),
                   reshape(tensor(op.getX()), shapeOf(op.getY()).vec()));
      })
      .Case([&](PackOp op) {
        return set(op.getY(), pack(tensor(op.getX()), op.getBlock(), op.getInterleave()));
      })
      .Case([&](UnpackOp op) {
        return set(op.getY(), unpack(tensor(op.getX()), shapeOf(op.getY())[0],
                                      shapeOf(op.getY())[1], op.getInterleave()));
      })
      .Case([&](DecayOp op) {
        return set(op.getA(), decay(tensor(op.getALog())));
      })
      .Case([&](ScaleOp op) {
        return set(op.getY(),
                   scale(tensor(op.getX()), op.getFactor().convertToDouble()));
      })
      .Case([&](ScaleColumnsOp op) {
        return set(op.getY(),
                   scaleColumns(tensor(op.getX()), tensor(op.getS())));
      })
      .Case([&](QuantScalesOp op) {
        return set(op.getY(), quantScales(tensor(op.getX()), op.getBits()));
      })
      .Case([&](QuantizeOp op) {
        return set(op.getY(), quantize(tensor(op.getX()), tensor(op.getS()), op.getBits()));
      })
      .Case([&](DequantizeOp op) {
        return set(op.getY(),
                   reference::cast(dequantize(tensor(op.getX()), tensor(op.getS()), op.getBits(),
                                              shapeOf(op.getY())[1]),
                                   precisionOf(op.getType())));
      })
      .Case([&](EmbeddingOp op) { return evaluateEmbedding(op); })
      .Case([&](RMSNormOp op) {
        return set(op.getY(),
                   rmsNorm(tensor(op.getX()), optional(op.getWeight()),
                           op.getEps().convertToDouble()));
      })
      .Case([&](Int8RowsOp op) { return set(op.getY(), int8Rows(tensor(op.getX()))); })
      .Case([&](LinearOp op) {
        return set(op.getY(), linear(tensor(op.getX()), tensor(op.getW()),
                                     optional(op.getBias())));
      })
      .Case([&](SplitOp op) {
        std::vector<int64_t> widths;
        for (mlir::Value part : op.getParts())
          widths.push_back(shapeOf(part)[1]);
        auto parts = split(tensor(op.getX()), widths);
        for (auto [value, part] : llvm::zip_equal(op.getParts(), parts))
          (void)set(value, std::move(part));
        return success();
      })
      .Case([&](SiluOp op) { return set(op.getY(), silu(tensor(op.getX()))); })
      .Case([&](SoftplusOp op) {
        return set(op.getY(), softplus(tensor(op.getX())));
      })
      .Case([&](AddOp op) -> LogicalResult {
        if (failed(checkRows(op, op.getOperands())))
          return failure();
        return set(op.getY(), add(tensor(op.getA()), tensor(op.getB())));
      })
      .Case([&](GateOp op) -> LogicalResult {
        if (failed(checkRows(op, op.getOperands())))
          return failure();
        return set(op.getY(), gate(tensor(op.getX()), tensor(op.getZ())));
      })
      .Case([&](ArgmaxOp op) {
        return set(op.getY(), argmax(tensor(op.getLogits()), op.getValid()));
      })
      .Case([&](SampleOp op) -> LogicalResult {
        if (failed(checkRows(op, op.getOperands())))
          return failure();
        Sampled drawn = reference::sample({tensor(op.getLogits()), tensor(op.getU()),
                                           tensor(op.getTemperature()), tensor(op.getTopK()),
                                           tensor(op.getTopP()), tensor(op.getMinP())},
                                          op.getValid());
        (void)set(op.getToken(), std::move(drawn.token));
        return set(op.getLargest(), std::move(drawn.largest));
      })
      .Case([&](LastRowsOp op) -> LogicalResult {
        if (failed(checkBatch(op, op.getBatch(), op.getX(), {})))
          return failure();
        return set(op.getY(),
                   lastRows(tensor(op.getX()), batch(op.getBatch())));
      })
      .Case([&](Conv1dOp op) -> LogicalResult {
        if (failed(checkBatch(op, op.getBatch(), op.getX(), op.getState())))
          return failure();
        return set(op.getY(), op.getNewState(),
                   conv1d(tensor(op.getX()), tensor(op.getW()),
                          optional(op.getBias()), tensor(op.getState()),
                          batch(op.getBatch())));
      })
      .Case([&](SelectiveScanOp op) { return evaluateScan(op); })
      .Case([&](ScanSlicesOp op) { return evaluateSlices(op); })
      .Case([&](KernelOp op) { return evaluateKernel(op); })
      .Default([](Operation *op) {
        return op->emitError("the reference does not know this op: only ssm "
                             "ops can be evaluated");
      });
}

FailureOr<std::vector<Shared>> Interpreter::run(Block &block,
                                                ArrayRef<Shared> inputs) {
  if (failed(bindArguments(block, inputs)))
    return failure();
  llvm::DenseMap<mlir::Value, unsigned> usesSeen;
  for (Operation &op : block.without_terminator()) {
    if (failed(evaluateOp(&op)))
      return failure();
    for (mlir::Value operand : op.getOperands())
      if (++usesSeen[operand] == operand.getNumUses())
        values.erase(operand);
  }
  std::vector<Shared> results;
  for (mlir::Value result : block.getTerminator()->getOperands())
    results.push_back(values.at(result));
  return results;
}

} // namespace

FailureOr<std::vector<Value>> evaluate(Block &block, ArrayRef<Value> inputs,
                                       WeightLookup weights) {
  std::vector<Shared> shared;
  for (const Value &input : inputs)
    // Borrowed: the caller's values outlive the call.
    shared.emplace_back(Shared(), &input);
  auto results = Interpreter(weights).run(block, shared);
  if (failed(results))
    return failure();
  std::vector<Value> values;
  for (const Shared &result : *results)
    values.push_back(*result);
  return values;
}

} // namespace mamba::reference

// Drawing a token of a row of logits, written once for all devices: which columns
// the filters keep is found by bisection over the values of the logits, so that no
// row is ever sorted.
#pragma once

#include "passes/target/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace mamba {

/// How a device goes over the columns of one row. Values that pass in and out are
/// scalars, and on a GPU the same in all threads of the block.
class LogitPasses {
public:
  virtual ~LogitPasses() = default;

  /// Columns as a pass sees them: scalars or vectors of the logits (f32) and
  /// numbers (i32). Where there is no column the logit is NaN: no comparison holds.
  struct Columns {
    mlir::Value logit, number;
  };
  using Term = std::function<mlir::Value(Columns)>;
  using Terms = std::function<llvm::SmallVector<mlir::Value>(Columns)>;

  /// The sum of each of so many terms over the row.
  virtual llvm::SmallVector<mlir::Value> sums(int64_t count, const Terms &terms) = 0;

  /// What the sum of the terms from column 0 on has to pass, of their sum over the row.
  struct Goal {
    std::function<mlir::Value(mlir::Value total)> of;
    mlir::arith::CmpFPredicate passes;
  };
  /// The first column (i32) where the sum passes the goal; if rounding leaves none, the
  /// last with a positive term, and 0 if none has one.
  virtual mlir::Value locate(const Term &term, const Goal &goal) = 0;
};

/// Draws as ssm.sample says; a device may know a faster way for some rows.
class TokenDraw {
public:
  /// f32 scalars but for topK (i32); `largest` is NaN if a logit is.
  struct Options {
    mlir::Value largest, u, temperature, topK, topP, minP;
    int64_t valid;
  };
  TokenDraw(KernelEmitter &e, LogitPasses &passes, Options options);
  virtual ~TokenDraw() = default;

  /// The token (i32), where `first` is the first column with the largest logit.
  mlir::Value token(mlir::Value first);

protected:
  using Columns = LogitPasses::Columns;
  /// The token of a row that is neither greedy nor without one.
  virtual mlir::Value draw();

  mlir::Value weight(mlir::Value logit);
  mlir::Value f32(double value);
  mlir::Value i32(int64_t value);
  mlir::Value compare(mlir::arith::CmpFPredicate predicate, mlir::Value x, mlir::Value y);
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value x, mlir::Value y);
  mlir::Value both(mlir::Value x, mlir::Value y);
  mlir::Value either(mlir::Value x, mlir::Value y);
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y);

  Options o;
  /// Whether top-k and top-p leave anything out, before draw().
  mlir::Value cutsNumber, cutsWeight;

private:
  /// The columns that a filter keeps: logits above `least`, and those equal to it
  /// up to column `last`.
  struct Kept {
    mlir::Value least, last;
  };
  /// What a filter measures of a column, 1 or its weight, and how much it wants.
  struct Filter {
    mlir::Value counts; // i1: 1 each
    mlir::Value goal;   // the number, or the share of the sum
  };
  /// Logits in the order of the integers; lowest is kept as long as `low` measures
  /// enough and `high` does not, with what they measure.
  struct Bracket {
    mlir::Value low, high, atLow, atHigh;
  };

  Kept apply(const Filter &filter, Kept kept);
  Bracket narrow(const Filter &filter, Kept kept, Bracket bracket, mlir::Value iteration);
  mlir::Value lastTie(const Filter &filter, Kept kept, mlir::Value least, Bracket found,
                      mlir::Value goal);
  llvm::SmallVector<mlir::Value> pivots(Bracket bracket, mlir::Value iteration);

  mlir::Value isKept(Columns columns, Kept kept);
  mlir::Value measure(const Filter &filter, Columns columns, Kept kept);

  /// Integers in the order of the numbers, 0 for both zeros; and back.
  mlir::Value orderOf(mlir::Value f32);
  mlir::Value numberOf(mlir::Value order);

  /// x as `like`: itself, or a vector of it.
  mlir::Value as(mlir::Value x, mlir::Value like);

  KernelEmitter &e;
  LogitPasses &passes;
  mlir::Value rate; // log2(e) / temperature
};

} // namespace mamba

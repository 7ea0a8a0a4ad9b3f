// Projections of rows of bf16 by AArch64's products of matrices of bf16, two rows by
// two outputs by four k an instruction, for any number of rows.
#pragma once

#include "passes/cpu/Bf16Pairs.h"
#include "passes/cpu/PanelProduct.h"
#include "passes/target/Match.h"

namespace mamba {

/// Whether steps of the class are made so: rows of bf16, and a matrix of bf16, or of
/// integers, which many rows are worth rounding to bf16.
bool takesMmla(LinearParts parts, const Target &target, TokenClass tokens);

/// Its schedule, with mma = 4: that of LinearFma, which makes its tiles.
ssm::ScheduleAttr mmlaSchedule(LinearParts parts, const Target &target, TokenClass tokens,
                               mlir::MLIRContext *context);

/// Whether a schedule with mma fits; if not, a phrase. The rules of LinearFma hold too.
bool checkMmlaSchedule(LinearParts parts, const Target &target, ssm::ScheduleAttr schedule,
                       std::string &reason);

/// Writes k0 to kEnd of a panel of integers, times their scales and rounded, to `made`
/// [k / 4, block * 2] words, as WeightPanel::quads reads it; k0 a multiple of 8, kEnd as
/// well or K.
void makeQuads(CpuEmitter &e, const WeightPanel &weights, mlir::Value panel, int64_t K,
               mlir::Value k0, mlir::Value kEnd, int64_t vectors, mlir::Value made);

/// The sums of a tile's rows as the instructions hold them: of two rows by two outputs
/// a vector; and back.
llvm::SmallVector<mlir::Value> pairedSums(CpuEmitter &e, const PanelTile &tile,
                                          mlir::ValueRange sums);
llvm::SmallVector<mlir::Value> unpairedSums(CpuEmitter &e, const PanelTile &tile,
                                            mlir::ValueRange paired);

/// Adds the products of `count` steps from k on to the paired sums, four at a time.
llvm::SmallVector<mlir::Value> mmlaSteps(CpuEmitter &e, const PanelTile &tile,
                                         const WeightPanel &weights, mlir::Value k, int64_t count,
                                         mlir::ValueRange paired);

} // namespace mamba

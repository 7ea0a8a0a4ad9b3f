// What a tile of a CPU's grid costs, part by part of PredictCpu.
#pragma once

#include "passes/target/Match.h"
#include "passes/target/Target.h"

namespace mamba {

/// Bytes a cycle that a core reads, from its caches and from memory.
constexpr double kBytesOfL1 = 128, kBytesOfL2 = 48, kBytesOfL3 = 12, kBytesOfMemory = 6;
/// A chain of multiply-adds waits so long for each.
constexpr double kLatency = 4;
/// Of a load that finds its data near, what the products beside it do not hide.
constexpr double kLoadCycles = 0.45;

/// Cycles of the products of one k: `rows` by `vectors` sums in registers.
double productCycles(double rows, double vectors);

/// Of an element of the matrix, its scale aside.
double bytesOfWeight(LinearParts parts);

/// Cycles of a tile of `rows` by `columns` of a projection's grid.
double projectionCycles(LinearParts parts, const Target &target, const Schedule &schedule,
                        int64_t rows, int64_t columns);

/// Of a scan of `rows` of one sequence.
double scanCycles(ScanParts parts, const Target &target, const Schedule &schedule, int64_t rows);

/// The share of the lines of 32 rows, `stride` bytes apart and `length` long, that do
/// not stay in the first level cache while panels pass: its sets are a page, so rows
/// a power of two apart want the same few.
double shareOfRowsMissed(int64_t stride, int64_t length, const Target &target);

} // namespace mamba

// A small manifest in which everything that FORMAT.md knows occurs.
#pragma once

#include "runtime/pack/Manifest.h"

#include <string>

namespace mamba {

inline GoldenCase sampleGolden() {
  GoldenCase golden;
  golden.rows = 5;
  golden.lengths = {3, 0, 2};
  golden.slots = {1, 0, 2};
  golden.positions = {0, 0, 5};
  golden.grid = {{RowKind::T, 0}, 2, 4};
  golden.args = {{DType::F32, 20, GoldenArg::Fill::Uniform, -0.1, 1.0 / 3, 1},
                 {DType::I32, 5, GoldenArg::Fill::Index, 0, 0, 17},
                 {DType::F32, 20, GoldenArg::Fill::Poison, 0, 0, 1}};
  golden.outputs = {{2, 4, 5, "golden.0", 1}};
  golden.tolerance = 1e-5;
  return golden;
}

/// The target's kernels and programs once more, for a GPU.
inline TargetSpec sampleCudaTarget(TargetSpec target) {
  target.name = "cuda:sm_80";
  target.device = "cuda";
  target.arch = "sm_80";
  target.features.clear();
  target.cubin = "cubin.0";
  target.cuda = "cuda.0";
  for (KernelSpec &kernel : target.kernels) {
    kernel.entry = kernel.scratch = 0;
    kernel.launch = LaunchSpec{128, 4096, 40};
  }
  target.kernels[1].launch = LaunchSpec{1024, 0};
  target.kernels.push_back(target.kernels[0]);
  target.kernels[2].symbol = "a_few";
  target.programs[0].dispatches[0].variants = {
      {1, 2, {{RowKind::Constant, 4}, 1, 1}}, {8, 2, {{RowKind::S, 0}, 1, 4}}};
  return target;
}

inline Manifest sampleManifest() {
  Manifest manifest;
  manifest.compiler = "mamba test \"quoted\" \xc3\xa9";
  manifest.source = "/models/tiny";
  manifest.weights = "int4";
  manifest.activations = "bf16";
  manifest.model = ModelSpec{"mamba1", 8, 7, 2, "ab12"};
  manifest.checkpoint = {{"w", DType::F32, {2, 3}}, {"b", DType::BF16, {}}};

  StateSpec conv = {"conv.0", "conv_in", "conv_out", DType::F32, {3, 4}, true};
  EntrySpec next = {"next",
                    {{"ids", DType::I32, RowKind::T, {}, 8}},
                    {{"logits", DType::F32, RowKind::S, {8}}},
                    {conv}};
  EntrySpec logits = {"logits",
                      {{"ids", DType::I32, RowKind::T, {}, 8},
                       {"scale", DType::F32, RowKind::Constant, {2}}},
                      {{"logits", DType::F32, RowKind::T, {8}}},
                      {conv}};
  manifest.entries = {next, logits};

  TargetSpec target;
  target.name = "cpu:test";
  target.device = "cpu";
  target.arch = "x86_64";
  target.features = {"sse2"};
  target.code = "code.0";
  target.kernels = {{"a", 64, 1024, "ssm.scan", "n=16", {sampleGolden()}},
                    {"b", 4096, 0, "ssm.linear", "", {}}};
  target.packedBytes = 128;
  target.recipe = {{1,
                    {RowKind::Constant, 2},
                    {{RowKind::Constant, 2}, 1, 3},
                    {{ArgSpace::Weight, 1}, {ArgSpace::Packed, 127}}}};
  Program program;
  program.entry = 0;
  program.className = "decode";
  program.bounds.maxLength = 1;
  program.arenaT = 256;
  program.arenaS = 64;
  program.arenaC = 10;
  program.dispatches = {
      {0,
       {RowKind::T, 0},
       {{RowKind::T, 0}, 16, 3},
       {{ArgSpace::In, 0}, {ArgSpace::T, 192}, {ArgSpace::State, 0}}},
      {0,
       {RowKind::S, 0},
       {{RowKind::S, 0}, 1, 2},
       {{ArgSpace::S, 0}, {ArgSpace::C, 9}, {ArgSpace::Out, 0}}}};
  target.programs = {program, program};
  target.programs[1].entry = 1;
  target.programs[1].className = "prefill";
  target.programs[1].invariant = true;
  target.programs[1].bounds.maxLength.reset();
  target.programs[1].bounds.maxTokens = 4096;
  target.programs[1].bounds.minTokens = 17;
  target.programs[1].bounds.maxSequences = 8;
  target.programs[1].slices = 4;
  manifest.targets = {target, sampleCudaTarget(target)};
  manifest.blobs = {{"code.0", std::string(64, 'a'), uint64_t(1) << 20},
                    {"cubin.0", std::string(64, 'c'), 5000},
                    {"cuda.0", std::string(64, 'd'), 9000},
                    {"golden.0", std::string(64, '0'), 20},
                    {"golden.2", std::string(64, '2'), 48}};
  manifest.check = CheckSpec{0,          std::string(64, 'f'), 7,
                             {{3, 1}, {1, 1}}, 3, "golden.2", 0.25};
  return manifest;
}

} // namespace mamba

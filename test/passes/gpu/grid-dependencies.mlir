// RUN: mamba-opt %s --pass-pipeline='builtin.module(gpu.module(gpu-grid-dependencies))' | FileCheck %s

// What LLVM takes for an op without memory becomes one that no load passes.
// CHECK-LABEL: llvm.func @waits
// CHECK-NEXT: llvm.load
// CHECK-NEXT: llvm.inline_asm has_side_effects {{.*}}"griddepcontrol.wait;", "~{memory}"
// CHECK-NEXT: llvm.inline_asm has_side_effects {{.*}}"griddepcontrol.launch_dependents;", "~{memory}"
// CHECK-NEXT: llvm.load
// CHECK-NOT: nvvm.griddepcontrol
gpu.module @code {
  llvm.func @waits(%x: !llvm.ptr<1>, %y: !llvm.ptr<1>) {
    %first = llvm.load %x : !llvm.ptr<1> -> f32
    nvvm.griddepcontrol wait
    nvvm.griddepcontrol launch_dependents
    %second = llvm.load %y : !llvm.ptr<1> -> f32
    %sum = llvm.fadd %first, %second : f32
    llvm.store %sum, %y : f32, !llvm.ptr<1>
    llvm.return
  }
}

// RUN: mamba-opt %s --pass-pipeline='builtin.module(gpu.module(gpu-loop-annotations))' | FileCheck %s

#rolled = #llvm.loop_annotation<unroll = <disable = true>>

// What is said about a loop stands where LLVM looks, on either kind of branch;
// a branch that says nothing stays as it is.
// CHECK: #[[ROLLED:.+]] = #llvm.loop_annotation
// CHECK-LABEL: llvm.func @loops
// CHECK: llvm.br ^bb1
// CHECK-NOT: annotation
// CHECK: llvm.cond_br %{{.+}}, ^bb1, ^bb2 {loop_annotation = #[[ROLLED]]}
// CHECK: llvm.br ^bb2 {loop_annotation = #[[ROLLED]]}
gpu.module @code {
  llvm.func @loops(%again: i1) {
    llvm.br ^bb1
  ^bb1:
    llvm.cond_br %again, ^bb1, ^bb2 {llvm.loop_annotation = #rolled}
  ^bb2:
    llvm.br ^bb2 {llvm.loop_annotation = #rolled}
  }
}

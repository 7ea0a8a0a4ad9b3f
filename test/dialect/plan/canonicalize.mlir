// Buffers are values without effects, dispatches are effects.
// RUN: mamba-opt %s --canonicalize --cse | FileCheck %s

plan.kernel @silu for ["prefill"] (%x: tensor<?x64xf32>) {
  // The result of a kernel is used by its yield alone, and stays.
  // CHECK: ssm.kernel
  %y = ssm.kernel (%a = %x) : (tensor<?x64xf32>) -> tensor<?x64xf32> {
    %s = ssm.silu %a : tensor<?x64xf32>
    ssm.yield %s : tensor<?x64xf32>
  }
  plan.yield %y : tensor<?x64xf32>
}

plan.entry @e {
  // CHECK: plan.argument "x"
  plan.argument "x" T : tensor<?x64xf32>
}

// Equal buffers become one, unused ones go, equal dispatches are both run.
// CHECK-LABEL: plan.program
// CHECK-NEXT: %[[X:.*]] = plan.input "x"
// CHECK-NEXT: %[[T:.*]] = plan.buffer T offset 0
// CHECK-NEXT: plan.dispatch @silu rows T (%[[X]], out %[[T]])
// CHECK-NEXT: plan.dispatch @silu rows T (%[[X]], out %[[T]])
// CHECK-NEXT: }
plan.program of @e class "prefill" arena T 512 S 0 C 0 {
  %x = plan.input "x" : memref<?x64xf32>
  %unused = plan.weight "w" : memref<64xf32>
  %t = plan.buffer T offset 0 : memref<?x64xf32>
  plan.dispatch @silu rows T (%x, out %t) : memref<?x64xf32>, memref<?x64xf32>
  %u = plan.buffer T offset 0 : memref<?x64xf32>
  plan.dispatch @silu rows T (%x, out %u) : memref<?x64xf32>, memref<?x64xf32>
}

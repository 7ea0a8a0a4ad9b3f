// A kernel of a program waits for the kernels before it where it first touches more
// than weights, and then lets the next one begin; from sm_90 on.
// RUN: mamba-opt %s --gpu-overlap-launches | FileCheck %s
// RUN: sed s/sm_90a/sm_89/ %s | mamba-opt --gpu-overlap-launches | FileCheck %s --check-prefix=OLDER
// OLDER: plan.kernel @linear
// OLDER-NOT: {{griddepcontrol|overlap}}
// OLDER-COUNT-3: %arg6: memref<f32> {llvm.noalias}
module attributes {ssm.target = "cuda:sm_90a"} {
  plan.entry @run {
    plan.argument "x" T : tensor<?x8xf32>
    plan.result "y" T : tensor<?x8xf32>
  }
  // CHECK: plan.kernel @linear {{.*}} threads 32 shared 0 overlap variants
  plan.kernel @linear for ["decode"] grid <of = rows> scratch 0 threads 32 shared 0 variants [#plan.variant<@linear_few, max_sequences = 4>] (%x: tensor<?x8xf32>, %w: tensor<8x8xf32>) {
    %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32> {
      %l = ssm.linear %a, %b : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
      ssm.yield %l : tensor<?x8xf32>
    }
    plan.yield %y : tensor<?x8xf32>
  }
  // CHECK: plan.kernel @linear_few {{.*}} shared 0 overlap
  plan.kernel @linear_few for ["decode"] grid <of = rows> scratch 0 threads 32 shared 0 (%x: tensor<?x8xf32>, %w: tensor<8x8xf32>) {
    %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32> {
      %l = ssm.linear %a, %b : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
      ssm.yield %l : tensor<?x8xf32>
    }
    plan.yield %y : tensor<?x8xf32>
  }
  // CHECK: plan.kernel @silu {{.*}} overlap
  plan.kernel @silu for ["decode"] grid <of = rows> scratch 0 threads 32 shared 0 (%x: tensor<?x8xf32>) {
    %y = ssm.kernel (%a = %x) : (tensor<?x8xf32>) -> tensor<?x8xf32> {
      %s = ssm.silu %a : tensor<?x8xf32>
      ssm.yield %s : tensor<?x8xf32>
    }
    plan.yield %y : tensor<?x8xf32>
  }
  // A matrix that is a weight here and made by a kernel there.
  // CHECK: plan.kernel @both_ways {{.*}} overlap
  plan.kernel @both_ways for ["decode"] grid <of = rows> scratch 0 threads 32 shared 0 (%x: tensor<?x8xf32>, %w: tensor<8x8xf32>) {
    %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32> {
      %l = ssm.linear %a, %b : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
      ssm.yield %l : tensor<?x8xf32>
    }
    plan.yield %y : tensor<?x8xf32>
  }
  // CHECK: plan.kernel @scale for
  // CHECK-NOT: overlap
  // CHECK-SAME: (%
  plan.kernel @scale for ["recipe"] grid <of = constant> scratch 0 threads 32 shared 0 (%w: tensor<8x8xf32>) {
    %y = ssm.kernel (%a = %w) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
      %s = ssm.decay %a : tensor<8x8xf32>
      ssm.yield %s : tensor<8x8xf32>
    }
    plan.yield %y : tensor<8x8xf32>
  }
  plan.recipe bytes 256 {
    %w = plan.weight "w" : memref<8x8xf32>
    %p = plan.packed offset 0 : memref<8x8xf32>
    plan.dispatch @scale rows 1 (%w, out %p) : memref<8x8xf32>, memref<8x8xf32>
  }
  plan.program of @run class "decode" max_length 1 arena T 128 S 0 C 256 {
    %x = plan.input "x" : memref<?x8xf32>
    %a = plan.buffer T offset 0 : memref<?x8xf32>
    %b = plan.buffer T offset 64 : memref<?x8xf32>
    %c = plan.buffer C offset 0 : memref<8x8xf32>
    %w = plan.weight "w" : memref<8x8xf32>
    %p = plan.packed offset 0 : memref<8x8xf32>
    %y = plan.output "y" : memref<?x8xf32>
    plan.dispatch @scale rows 1 (%w, out %c) : memref<8x8xf32>, memref<8x8xf32>
    plan.dispatch @silu rows T (%x, out %a) : memref<?x8xf32>, memref<?x8xf32>
    plan.dispatch @linear rows T (%a, %p, out %b) : memref<?x8xf32>, memref<8x8xf32>, memref<?x8xf32>
    plan.dispatch @linear rows T (%b, %w, out %a) : memref<?x8xf32>, memref<8x8xf32>, memref<?x8xf32>
    plan.dispatch @both_ways rows T (%a, %w, out %b) : memref<?x8xf32>, memref<8x8xf32>, memref<?x8xf32>
    plan.dispatch @both_ways rows T (%b, %c, out %y) : memref<?x8xf32>, memref<8x8xf32>, memref<?x8xf32>
  }
  gpu.module @code {
    // Nothing is noalias: the assembler would load constant weights behind the wait.
    // Shared memory and weights are touched before, also in loops; slots, states and
    // rows behind.
    // CHECK: gpu.func @linear(%arg0: i64, %arg1: i64, %arg2: memref<i64>, %arg3: memref<i32>, %arg4: memref<f32>, %arg5: memref<f32>, %arg6: memref<f32>)
    // CHECK: memref.load %arg5
    // CHECK: memref.store
    // CHECK: scf.for
    // CHECK-NOT: griddepcontrol
    // CHECK: nvvm.griddepcontrol wait
    // CHECK-NEXT: nvvm.griddepcontrol launch_dependents
    // CHECK-NEXT: memref.load %arg3[]
    // CHECK-NOT: griddepcontrol
    gpu.func @linear(%rows: i64, %sequences: i64, %start: memref<i64> {llvm.noalias}, %slot: memref<i32> {llvm.noalias}, %x: memref<f32> {llvm.noalias}, %w: memref<f32> {llvm.noalias}, %y: memref<f32> {llvm.noalias})
        workgroup(%tile: memref<8xf32, #gpu.address_space<workgroup>>) kernel {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c8 = arith.constant 8 : index
      %shaped = memref.reinterpret_cast %w to offset: [0], sizes: [8, 8], strides: [8, 1] : memref<f32> to memref<8x8xf32>
      %first = memref.load %w[] : memref<f32>
      memref.store %first, %tile[%c0] : memref<8xf32, #gpu.address_space<workgroup>>
      scf.for %i = %c0 to %c8 step %c1 {
        %more = memref.load %shaped[%c0, %i] : memref<8x8xf32>
        memref.store %more, %tile[%i] : memref<8xf32, #gpu.address_space<workgroup>>
      }
      %which = memref.load %slot[] : memref<i32>
      %number = memref.load %x[] : memref<f32>
      memref.store %number, %y[] : memref<f32>
      gpu.return
    }
    // What is read under a condition: before that. Weights behind the wait stay noalias.
    // CHECK: gpu.func @linear_few({{.*}}%arg4: memref<f32>, %arg5: memref<f32> {llvm.noalias}, %arg6: memref<f32>)
    // CHECK-NEXT: %[[COND:.*]] = arith.cmpi
    // CHECK-NEXT: nvvm.griddepcontrol wait
    // CHECK-NEXT: nvvm.griddepcontrol launch_dependents
    // CHECK-NEXT: scf.if
    gpu.func @linear_few(%rows: i64, %sequences: i64, %start: memref<i64> {llvm.noalias}, %slot: memref<i32> {llvm.noalias}, %x: memref<f32> {llvm.noalias}, %w: memref<f32> {llvm.noalias}, %y: memref<f32> {llvm.noalias}) kernel {
      %some = arith.cmpi slt, %rows, %sequences : i64
      scf.if %some {
        %weight = memref.load %w[] : memref<f32>
        memref.store %weight, %y[] : memref<f32>
      }
      gpu.return
    }
    // Without weights; a write alone waits too.
    // CHECK: gpu.func @silu
    // CHECK-NEXT: arith.constant
    // CHECK-NEXT: nvvm.griddepcontrol wait
    // CHECK-NEXT: nvvm.griddepcontrol launch_dependents
    // CHECK-NEXT: memref.store
    gpu.func @silu(%rows: i64, %sequences: i64, %start: memref<i64> {llvm.noalias}, %slot: memref<i32> {llvm.noalias}, %x: memref<f32> {llvm.noalias}, %y: memref<f32> {llvm.noalias}) kernel {
      %zero = arith.constant 0.0 : f32
      memref.store %zero, %y[] : memref<f32>
      gpu.return
    }
    // CHECK: gpu.func @both_ways
    // CHECK-NOT: noalias
    // CHECK: nvvm.griddepcontrol wait
    // CHECK: memref.load %arg5
    gpu.func @both_ways(%rows: i64, %sequences: i64, %start: memref<i64> {llvm.noalias}, %slot: memref<i32> {llvm.noalias}, %x: memref<f32> {llvm.noalias}, %w: memref<f32> {llvm.noalias}, %y: memref<f32> {llvm.noalias}) kernel {
      %weight = memref.load %w[] : memref<f32>
      memref.store %weight, %y[] : memref<f32>
      gpu.return
    }
    // One that the recipe runs too, and one that nobody runs.
    // CHECK: gpu.func @scale
    // CHECK-NOT: griddepcontrol
    gpu.func @scale(%rows: i64, %sequences: i64, %start: memref<i64> {llvm.noalias}, %slot: memref<i32> {llvm.noalias}, %w: memref<f32> {llvm.noalias}, %y: memref<f32> {llvm.noalias}) kernel {
      %weight = memref.load %w[] : memref<f32>
      memref.store %weight, %y[] : memref<f32>
      gpu.return
    }
    gpu.func @nobody(%rows: i64, %sequences: i64, %start: memref<i64> {llvm.noalias}, %slot: memref<i32> {llvm.noalias}) kernel {
      %number = memref.load %slot[] : memref<i32>
      gpu.return
    }
  }
}

// What a function passes through, or returns twice, is copied by a kernel.
// RUN: mamba-opt %s --ssm-lower-to-plan | FileCheck %s

// CHECK: plan.kernel @copy
// CHECK: plan.program of @argument
// CHECK: %[[X:.*]] = plan.input "x"
// CHECK: %[[Y:.*]] = plan.output "y"
// CHECK: plan.dispatch @copy{{.*}} rows T (%[[X]], out %[[Y]])
func.func @argument(%x: tensor<?x16xf32> {ssm.name = "x"}) -> (tensor<?x16xf32> {ssm.name = "y"}) {
  return %x : tensor<?x16xf32>
}

// The first use is written by the kernel that computes it, the second copied.
// CHECK: plan.program of @twice
// CHECK: %[[A:.*]] = plan.output "a"
// CHECK: %[[B:.*]] = plan.output "b"
// CHECK: plan.dispatch @silu_16{{.*}}out %[[A]])
// CHECK: plan.dispatch @copy{{.*}} rows T (%[[A]], out %[[B]])
func.func @twice(%x: tensor<?x16xf32> {ssm.name = "x"}) -> (tensor<?x16xf32> {ssm.name = "a"}, tensor<?x16xf32> {ssm.name = "b"}) {
  %y = ssm.kernel (%k = %x) : (tensor<?x16xf32>) -> tensor<?x16xf32> {
    %s = ssm.silu %k : tensor<?x16xf32>
    ssm.yield %s : tensor<?x16xf32>
  }
  return %y, %y : tensor<?x16xf32>, tensor<?x16xf32>
}

// The near miss: a result that its own kernel writes is not copied.
// CHECK: plan.program of @once
// CHECK-NOT: @copy
func.func @once(%x: tensor<?x16xf32> {ssm.name = "x"}) -> (tensor<?x16xf32> {ssm.name = "y"}) {
  %y = ssm.kernel (%k = %x) : (tensor<?x16xf32>) -> tensor<?x16xf32> {
    %s = ssm.silu %k : tensor<?x16xf32>
    ssm.yield %s : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}

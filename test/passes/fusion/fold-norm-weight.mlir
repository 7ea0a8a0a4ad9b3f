// RUN: mamba-opt %s --ssm-fold-norm-weight | FileCheck %s

// The weight of the norm scales the columns of the projection.
// CHECK-LABEL: func.func @folds
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>)
// CHECK-DAG: %[[NW:.*]] = ssm.weight "norm"
// CHECK-DAG: %[[W:.*]] = ssm.weight "w"
// CHECK-DAG: %[[N:.*]] = ssm.rms_norm %[[X]] eps 1.000000e-05 : tensor<?x8xf32>
// CHECK: %[[S:.*]] = ssm.scale_columns %[[W]], %[[NW]] : tensor<16x8xf32>, tensor<8xf32>
// CHECK: %[[Y:.*]] = ssm.linear %[[N]], %[[S]] :
// CHECK: return %[[Y]]
func.func @folds(%x: tensor<?x8xf32>) -> tensor<?x16xf32> {
  %nw = ssm.weight "norm" : tensor<8xf32>
  %w = ssm.weight "w" : tensor<16x8xf32>
  %n = ssm.rms_norm %x weight %nw eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>
  %y = ssm.linear %n, %w : tensor<?x8xf32>, tensor<16x8xf32> -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// Each of two projections is scaled, the bias is not.
// CHECK-LABEL: func.func @folds_into_both
// CHECK: %[[N:.*]] = ssm.rms_norm %{{.*}} eps
// CHECK-NOT: ssm.rms_norm
// CHECK: %[[S0:.*]] = ssm.scale_columns %[[W:.*]], %[[NW:.*]] :
// CHECK: ssm.linear %[[N]], %[[S0]] :
// CHECK: %[[S1:.*]] = ssm.scale_columns
// CHECK: ssm.linear %[[N]], %[[S1]] bias %[[B:.*]] :
func.func @folds_into_both(%x: tensor<?x8xf32>) -> (tensor<?x16xf32>, tensor<?x4xf32>) {
  %nw = ssm.weight "norm" : tensor<8xf32>
  %w = ssm.weight "w" : tensor<16x8xf32>
  %v = ssm.weight "v" : tensor<4x8xf32>
  %b = ssm.weight "b" : tensor<4xf32>
  %n = ssm.rms_norm %x weight %nw eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>
  %y = ssm.linear %n, %w : tensor<?x8xf32>, tensor<16x8xf32> -> tensor<?x16xf32>
  %z = ssm.linear %n, %v bias %b : tensor<?x8xf32>, tensor<4x8xf32>, tensor<4xf32> -> tensor<?x4xf32>
  return %y, %z : tensor<?x16xf32>, tensor<?x4xf32>
}

// A matrix that is bf16 in the checkpoint is scaled in f32, and is bf16 again.
// CHECK-LABEL: func.func @folds_into_bf16
// CHECK: %[[W:.*]] = ssm.weight "w"
// CHECK: %[[WIDE:.*]] = ssm.cast %[[W]] : tensor<16x8xbf16> to tensor<16x8xf32>
// CHECK: %[[S:.*]] = ssm.scale_columns %[[WIDE]]
// CHECK: %[[C:.*]] = ssm.cast %[[S]] : tensor<16x8xf32> to tensor<16x8xbf16>
// CHECK: ssm.linear %{{.*}}, %[[C]] :
func.func @folds_into_bf16(%x: tensor<?x8xf32>) -> tensor<?x16xf32> {
  %nw = ssm.weight "norm" : tensor<8xf32>
  %w = ssm.weight "w" : tensor<16x8xbf16>
  %n = ssm.rms_norm %x weight %nw eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>
  %y = ssm.linear %n, %w : tensor<?x8xf32>, tensor<16x8xbf16> -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// A matrix that was rounded from f32 is scaled before it is rounded, and so is
// rounded once.
// CHECK-LABEL: func.func @folds_before_rounding
// CHECK: %[[W:.*]] = ssm.weight "w"
// CHECK: %[[S:.*]] = ssm.scale_columns %[[W]]
// CHECK: %[[C:.*]] = ssm.cast %[[S]] : tensor<16x8xf32> to tensor<16x8xbf16>
// CHECK: ssm.linear %{{.*}}, %[[C]] :
func.func @folds_before_rounding(%x: tensor<?x8xf32>) -> tensor<?x16xf32> {
  %nw = ssm.weight "norm" : tensor<8xf32>
  %w = ssm.weight "w" : tensor<16x8xf32>
  %r = ssm.cast %w : tensor<16x8xf32> to tensor<16x8xbf16>
  %n = ssm.rms_norm %x weight %nw eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>
  %y = ssm.linear %n, %r : tensor<?x8xf32>, tensor<16x8xbf16> -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// Near miss: the weighted norm is returned too, so it stays for the return.
// CHECK-LABEL: func.func @keeps_norm_with_other_user
// CHECK-DAG: %[[N:.*]] = ssm.rms_norm %{{.*}} eps
// CHECK-DAG: %[[NW:.*]] = ssm.rms_norm %{{.*}} weight
// CHECK: %[[Y:.*]] = ssm.linear %[[N]]
// CHECK: return %[[Y]], %[[NW]]
func.func @keeps_norm_with_other_user(%x: tensor<?x8xf32>) -> (tensor<?x16xf32>, tensor<?x8xf32>) {
  %nw = ssm.weight "norm" : tensor<8xf32>
  %w = ssm.weight "w" : tensor<16x8xf32>
  %n = ssm.rms_norm %x weight %nw eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>
  %y = ssm.linear %n, %w : tensor<?x8xf32>, tensor<16x8xf32> -> tensor<?x16xf32>
  return %y, %n : tensor<?x16xf32>, tensor<?x8xf32>
}

// Near miss: the matrix is an argument, which is not known when weights are
// loaded.
// CHECK-LABEL: func.func @matrix_is_no_weight
// CHECK-NOT: ssm.scale_columns
// CHECK: ssm.rms_norm %{{.*}} weight
func.func @matrix_is_no_weight(%x: tensor<?x8xf32>, %w: tensor<16x8xf32>) -> tensor<?x16xf32> {
  %nw = ssm.weight "norm" : tensor<8xf32>
  %n = ssm.rms_norm %x weight %nw eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>
  %y = ssm.linear %n, %w : tensor<?x8xf32>, tensor<16x8xf32> -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// Near miss: the weight of the norm comes from an argument, through a cast.
// CHECK-LABEL: func.func @norm_weight_is_no_weight
// CHECK-NOT: ssm.scale_columns
// CHECK: ssm.rms_norm %{{.*}} weight
func.func @norm_weight_is_no_weight(%x: tensor<?x8xf32>, %a: tensor<8xbf16>) -> tensor<?x16xf32> {
  %nw = ssm.cast %a : tensor<8xbf16> to tensor<8xf32>
  %w = ssm.weight "w" : tensor<16x8xf32>
  %n = ssm.rms_norm %x weight %nw eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>
  %y = ssm.linear %n, %w : tensor<?x8xf32>, tensor<16x8xf32> -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// RUN: mamba-opt %s --cpu-kernel-entry | FileCheck %s

// The body becomes internal and inlined; the entry loads rows, sequences,
// seq_start, slot, scratch (offsets 0, 8, 16, 24, 40) and the buffers (48).
// CHECK-LABEL: llvm.func internal @k.body(
// CHECK-SAME: always_inline
// CHECK-LABEL: llvm.func @k(%arg0: !llvm.ptr {llvm.noalias, llvm.readonly}, %arg1: i32)
// CHECK: llvm.zext %arg1 : i32 to i64
// CHECK: llvm.getelementptr %arg0[0] : {{.*}}, i8
// CHECK: llvm.getelementptr %arg0[8] : {{.*}}, i8
// CHECK: llvm.getelementptr %arg0[16] : {{.*}}, i8
// CHECK: llvm.getelementptr %arg0[24] : {{.*}}, i8
// CHECK: llvm.getelementptr %arg0[40] : {{.*}}, i8
// CHECK: %[[P:.*]] = llvm.getelementptr %arg0[48] : {{.*}}, i8
// CHECK: %[[B:.*]] = llvm.load %[[P]]
// CHECK: llvm.getelementptr %[[B]][0] : {{.*}}, i8
// CHECK: llvm.getelementptr %[[B]][8] : {{.*}}, i8
// CHECK: llvm.call @k.body
llvm.func @k(%tile: i64, %rows: i64, %sequences: i64, %starts: !llvm.ptr, %slots: !llvm.ptr,
             %scratch: !llvm.ptr, %x: !llvm.ptr, %y: !llvm.ptr) {
  llvm.return
}

// A declaration is no kernel.
// CHECK: llvm.func @declared(i64)
// CHECK-NOT: @declared.body
llvm.func @declared(i64)

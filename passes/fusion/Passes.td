// From ssm ops to ssm.kernel regions with schedules.
#ifndef PASSES_FUSION_PASSES_TD
#define PASSES_FUSION_PASSES_TD

include "mlir/Pass/PassBase.td"

class FusionPass<string flag, string op> : Pass<flag, op> {
  let dependentDialects = ["::mamba::ssm::SSMDialect"];
}

def VerifyEntriesPass : FusionPass<"ssm-verify-entries", "::mlir::ModuleOp"> {
  let summary = "Refuses a module that is no set of entries over ssm ops";
  let description = [{
    What the rest of the compiler relies on: each function has a body of one
    block that holds only ssm ops and returns something; its arguments are
    tensors with known elements and at most one `!ssm.batch`; pools are named by
    `ssm.state`; names are printable strings; no entry (of one class) is named
    by two functions; a weight has one type everywhere. A function without
    `ssm.entry` becomes the entry of its own name.

    ```mlir
    func.func @f(...)
    // becomes
    func.func @f(...) attributes {ssm.entry = "f"}
    ```

    Before: nothing.
  }];
}

def VerifyStatesPass : FusionPass<"ssm-verify-states", "::mlir::func::FuncOp"> {
  let summary = "Refuses a state pool that is not passed on in one line";
  let description = [{
    Kernels update pools in place, which is right only if each version of a
    pool is used once: by the op that advances it, or by the return. For each
    argument with `ssm.state` there is one result with the same string and
    type, and the argument reaches that result through state operands of
    `ssm.conv1d` and `ssm.selective_scan` alone.

    ```mlir
    func.func @refused(%x: ..., %s: tensor<?x3x128xf32> {ssm.state = "conv_state.0"}, %batch: !ssm.batch)
        -> (..., tensor<?x3x128xf32> {ssm.state = "conv_state.0"}) {
      %y, %s1 = ssm.conv1d %x, %w state %s of %batch : ...
      return %y, %s : ...   // the pool before the step is gone
    }
    ```

    Before: nothing. Sees through `ssm.kernel`, so it may run at any time.
  }];
}

def FoldNormWeightPass : FusionPass<"ssm-fold-norm-weight", "::mlir::func::FuncOp"> {
  let summary = "Moves the weight of a norm into the projections that follow";
  let description = [{
    Both are weights, so the product is computed once, when they are loaded. A
    matrix that is not f32 is scaled in f32 and rounded to its type again. The
    norm with its weight stays if anything but a projection reads it.

    ```mlir
    %n = ssm.rms_norm %x weight %w eps 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
    %y = ssm.linear %n, %W : tensor<?x64xf32>, tensor<256x64xf32> -> tensor<?x256xf32>
    // becomes
    %n = ssm.rms_norm %x eps 1.0e-05 : tensor<?x64xf32>
    %s = ssm.scale_columns %W, %w : tensor<256x64xf32>, tensor<64xf32>
    %y = ssm.linear %n, %s : tensor<?x64xf32>, tensor<256x64xf32> -> tensor<?x256xf32>
    ```

    Before: nothing. Needed by: ssm-fuse-norm-linear.
  }];
}

def DecayToExp2Pass : FusionPass<"ssm-decay-to-exp2", "::mlir::func::FuncOp"> {
  let summary = "Gives scans their decay in base 2";
  let description = [{
    `exp(dt A) = exp2(dt (A log2(e)))`; the product with the constant is made
    once, when weights are loaded, and exp2 is what machines compute.

    ```mlir
    %y, %h1 = ssm.selective_scan %u delta %dt A %A B %B C %C state %h of %batch : ...
    // becomes
    %A2 = ssm.scale %A by 1.4426950408889634 : tensor<128x16xf32>
    %y, %h1 = ssm.selective_scan %u delta %dt A %A2 log2 B %B C %C state %h of %batch : ...
    ```

    Before: nothing.
  }];
}

def WeightPrecisionPass : FusionPass<"ssm-weight-precision", "::mlir::func::FuncOp"> {
  let summary = "Stores the matrices of projections and tables in fewer bits";
  let description = [{
    bf16 and f16 by a cast; int8 and int4 in groups of 32 along a row with a bf16
    scale each, and an `ssm.dequantize` that says what they mean. A projection
    that makes the time step of a scan is small, and bf16 then. Vectors, the
    convolution and A stay f32.

    ```mlir
    %y = ssm.linear %x, %W : tensor<?x64xf32>, tensor<256x64xf32> -> tensor<?x256xf32>
    // becomes with precision=int8
    %s = ssm.quant_scales %W bits 8 : tensor<256x64xf32> -> tensor<256x2xbf16>
    %q = ssm.quantize %W by %s bits 8 : tensor<256x64xf32>, tensor<256x2xbf16> -> tensor<256x64xi8>
    %w = ssm.dequantize %q by %s bits 8 : tensor<256x64xi8>, tensor<256x2xbf16> -> tensor<256x64xf32>
    %y = ssm.linear %x, %w : tensor<?x64xf32>, tensor<256x64xf32> -> tensor<?x256xf32>
    ```

    Before: ssm-fold-norm-weight, so that a matrix is rounded once. After: ssm-form-kernels.
  }];
  let options = [
    Option<"precision", "precision", "std::string", "\"f32\"", "f32, bf16, f16, int8 or int4">
  ];
}

def ActivationPrecisionPass : FusionPass<"ssm-activation-precision", "::mlir::func::FuncOp"> {
  let summary = "Lets rows lie in memory between kernels in fewer bits";
  let description = [{
    A result of a kernel that others read only where rounding is harmless (the
    input of a projection, of a convolution or of a norm, u and z of a scan) is
    rounded when it is written and widened when it is read. One that is also read
    elsewhere, as the residual stream is, is written twice; if its kernel advances
    a state, which writes its rows once, it stays f32. So do states, B, C, what dt
    is made of, norms of these or not, and results of the function.

    int8 is bf16, and projections by quantised matrices read their rows as int8
    (`ssm.int8_rows`), but for many rows on a target with tiles, which take those of
    bf16. Where a norm stands before the projection, it is that of these rows.

    ```mlir
    %y = ssm.kernel (...) ... { ...; ssm.yield %v : tensor<?x64xf32> }
    %z = ssm.kernel (%a = %y) ... { ssm.silu %a }
    // becomes with precision=bf16
    %y = ssm.kernel (...) ... { ...; %r = ssm.cast %v : tensor<?x64xf32> to tensor<?x64xbf16>; ssm.yield %r }
    %z = ssm.kernel (%a = %y) ... { %w = ssm.cast %a : tensor<?x64xbf16> to tensor<?x64xf32>; ssm.silu %w }
    ```

    Before: the fusions. After: ssm-assign-schedules.
  }];
  let options = [
    Option<"precision", "precision", "std::string", "\"f32\"", "f32, bf16, f16 or int8">
  ];
}

def CloneClassesPass : FusionPass<"ssm-clone-classes", "::mlir::ModuleOp"> {
  let summary = "Clones each entry for each class of T";
  let description = [{
    One schedule cannot serve 1 and 4,096 tokens. Each function with `ssm.entry`
    becomes its clones, in the order in which the runtime tries them:
    `invariant` (if asked for), `decode` (every sequence has one token), `few`
    (T at most 16), `long` (if there is a scan, on a GPU, and with scan-slices on a
    CPU: at least `ssm.min_tokens` tokens of at most `ssm.max_sequences` sequences, see
    ssm-slice-scan; not with batch-invariant), `prefill` (any T). Without a `!ssm.batch` argument there are
    no sequences, hence no `decode`; without rows (an argument `[T, ...]` that is
    not a state) T has no meaning, and `prefill` stands alone. In the `decode`
    clone `ssm.last_rows %x` is `%x`.

    ```mlir
    func.func @next(%tokens: tensor<?xi32>, %batch: !ssm.batch) -> ... attributes {ssm.entry = "next"}
    // becomes
    func.func @next_decode(...) attributes {ssm.class = "decode", ssm.entry = "next"}
    func.func @next_few(...) attributes {ssm.class = "few", ssm.entry = "next"}
    func.func @next_prefill(...) attributes {ssm.class = "prefill", ssm.entry = "next"}
    ```

    Before: the rewrites that are the same for all classes.
  }];
  let options = [
    Option<"batchInvariant", "batch-invariant", "bool", "false",
           "Also a clone with one schedule for every T, for results that do not depend on the batch">,
    Option<"scanSlices", "scan-slices", "int64_t", "0",
           "How many slices scans of long steps are cut into on a CPU, 2 to 16; 0: none">
  ];
}

def FormKernelsPass : FusionPass<"ssm-form-kernels", "::mlir::func::FuncOp"> {
  let summary = "Puts each op that computes into a kernel of its own";
  let description = [{
    Operands of the kernel are distinct, in the order of their first use. Ops on
    weights stay outside: they are the recipe, an `ssm.dequantize` of a matrix of
    a projection or a table aside, which is done where the matrix is read. An
    `ssm.split` goes into each kernel that reads one of its parts, which then
    reads columns of the whole in place; it is a kernel itself only if something else, such as the
    return, reads a part.

    ```mlir
    %a, %b = ssm.split %x : tensor<?x256xf32> -> tensor<?x128xf32>, tensor<?x128xf32>
    %y = ssm.silu %b : tensor<?x128xf32>
    // becomes
    %y = ssm.kernel (%k = %x) : (tensor<?x256xf32>) -> tensor<?x128xf32> {
      %c, %d = ssm.split %k : tensor<?x256xf32> -> tensor<?x128xf32>, tensor<?x128xf32>
      %s = ssm.silu %d : tensor<?x128xf32>
      ssm.yield %s : tensor<?x128xf32>
    }
    ```

    Before: ssm-clone-classes and all that rewrites ops.
  }];
}

class KernelFusion<string flag> : FusionPass<flag, "::mlir::func::FuncOp"> {
  let statistics = [
    Statistic<"fused", "kernels-fused", "Kernels merged into others">,
    Statistic<"declined", "kernels-declined", "Kernels left alone that had the ops to merge">
  ];
}

def FuseNormLinearPass : KernelFusion<"ssm-fuse-norm-linear"> {
  let summary = "Computes norms in the projections that read them";
  let description = [{
    The norm goes into the kernel of each projection that reads it, and is gone.
    It stays, and nothing is computed twice, if one reader cannot take it.

    ```mlir
    %n = ssm.kernel (%a = %x) ... { ssm.rms_norm }
    %y = ssm.kernel (%a = %n, %b = %w) ... { ssm.linear }
    // becomes
    %y = ssm.kernel (%a = %x, %b = %w) ... { ssm.rms_norm, ssm.linear }
    ```

    Before: ssm-fold-norm-weight, ssm-form-kernels.
  }];
}

def FuseConvSiluPass : KernelFusion<"ssm-fuse-conv-silu"> {
  let summary = "Applies SiLU where the convolution computes its argument";
  let description = [{
    If nothing else reads y, which then never reaches memory.

    ```mlir
    %y, %s1 = ssm.kernel (...) ... { ssm.conv1d }
    %x = ssm.kernel (%a = %y) ... { ssm.silu }
    // becomes
    %x, %s1 = ssm.kernel (...) ... { ssm.conv1d, ssm.silu }
    ```

    Before: ssm-form-kernels.
  }];
}

def FuseScanPass : KernelFusion<"ssm-fuse-scan"> {
  let summary = "Makes the time step, norms and the gate part of the scan";
  let description = [{
    The projection and softplus that feed `delta`, the norms of B and C, and the
    gate of y, where nothing else reads the values between. If the target refuses
    the whole, the parts that it accepts: norms, then in that order. A norm of what
    dt is projected from is in the projection's kernel already.

    ```mlir
    %p = ssm.kernel (...) ... { ssm.linear }
    %dt = ssm.kernel (%a = %p) ... { ssm.softplus }
    %y, %h1 = ssm.kernel (..., %a = %dt, ...) ... { ssm.selective_scan }
    %g = ssm.kernel (%a = %y, %b = %xz) ... { ssm.split, ssm.gate }
    // becomes
    %g, %h1 = ssm.kernel (...) ... { ssm.linear, ssm.softplus, ssm.selective_scan, ssm.split, ssm.gate }
    ```

    Before: ssm-form-kernels, ssm-fuse-norm-linear.
  }];
}

def SliceScanPass : FusionPass<"ssm-slice-scan", "::mlir::func::FuncOp"> {
  let summary = "Scans few long sequences in slices of time";
  let description = [{
    Channels of few sequences do not fill a GPU, nor the cores of a large server. In a
    function of class `long`
    a scan's kernel gets `ssm.scan_slices` of the same inputs, of a kernel before
    it that holds copies of what the inputs are made of, the projection of dt for
    one. Then slices are scanned beside each other: about twice the exponentials,
    on as many times the threads. On a GPU how many slices, and from how many tokens and
    up to how many sequences, is a rule of the channels (passes/target/Slices.h). On a CPU
    it is what `ssm.scan_slices` of the function says: n slices for steps of 64 n tokens
    or more, of at most (n - 1) / 2 sequences, and of one in any case.

    ```mlir
    %y, %h1 = ssm.kernel (...) ... { ssm.linear, ssm.softplus, ssm.selective_scan }
    // becomes
    %p = ssm.kernel (...) ... { ssm.linear, ssm.softplus, ssm.scan_slices }
    %y, %h1 = ssm.kernel (..., %p) ... { ssm.linear, ssm.softplus, ssm.selective_scan ... slices }
    ```

    Before: ssm-fuse-scan.
  }];
  let statistics = [
    Statistic<"cut", "num-cut", "scans that are cut into slices">,
    Statistic<"declined", "num-declined", "scans left alone, because the target refuses">
  ];
}

def FuseLinearConvPass : KernelFusion<"ssm-fuse-linear-conv"> {
  let summary = "Computes convolutions where their input is projected";
  let description = [{
    In a step of at most one row a sequence, class `decode`, the convolution of an
    output wants no other output: it moves into the kernel of the projection, which
    moves the state on in place. Outputs that others read reach memory as before.

    ```mlir
    %xz = ssm.kernel (...) ... { ssm.rms_norm, ssm.linear }
    %u, %s1 = ssm.kernel (%a = %xz, ...) ... { ssm.split, ssm.conv1d, ssm.silu }
    // becomes
    %u, %s1, %xz = ssm.kernel (...) ... { ssm.rms_norm, ssm.linear, ssm.split, ssm.conv1d, ssm.silu }
    ```

    Before: ssm-fuse-norm-linear, ssm-fuse-conv-silu.
  }];
}

def FuseConvConsumersPass : KernelFusion<"ssm-fuse-conv-consumers"> {
  let summary = "Computes convolutions in the kernels that read them";
  let description = [{
    Where ssm-fuse-linear-conv finds no projection, in a function of class `decode`:
    the convolution moves into the kernel of the scan that reads its rows, and its clones go into those of the projections that
    do. These read the pool before the scan's kernel moves it on. All readers take
    it, or none. Each block of a projection computes all channels, from the
    second-level cache: of many that takes longer than a launch.

    ```mlir
    %u, %s1 = ssm.kernel (..., %c = %s, ...) ... { ssm.conv1d, ssm.silu }
    %d = ssm.kernel (%a = %u, %b = %w) ... { ssm.linear }
    %y, %h1 = ssm.kernel (%a = %u, %b = %d, ...) ... { ssm.selective_scan }
    // becomes
    %d = ssm.kernel (..., %c = %s, ..., %b = %w) ... { ssm.conv1d, ssm.silu, ssm.linear }
    %y, %h1, %s1 = ssm.kernel (..., %c = %s, ..., %b = %d, ...) ... { ssm.conv1d, ssm.silu, ssm.selective_scan }
    ```

    Before: ssm-fuse-conv-silu, ssm-fuse-scan, ssm-fuse-linear-conv.
  }];
  let options = [
    Option<"maxChannels", "max-channels", "int64_t", "2048",
           "The most channels that projections compute again">
  ];
}

def FuseLinearAddPass : KernelFusion<"ssm-fuse-linear-add"> {
  let summary = "Adds the residual where the projection is computed";
  let description = [{
    Either operand of the sum may be the projection; nothing else may read it.

    ```mlir
    %o = ssm.kernel (%a = %y, %b = %w) ... { ssm.linear }
    %r1 = ssm.kernel (%a = %r, %b = %o) ... { ssm.add }
    // becomes
    %r1 = ssm.kernel (%a = %y, %b = %w, %c = %r) ... { ssm.linear, ssm.add }
    ```

    Before: ssm-form-kernels.
  }];
}

def AssignSchedulesPass : FusionPass<"ssm-assign-schedules", "::mlir::func::FuncOp"> {
  let summary = "Gives each kernel the schedule of its generator";
  let description = [{
    A schedule that is already there is kept and checked. A kernel that nothing
    generates and a schedule that does not fit the target are errors. In the
    pipeline schedules that were found before come first, where they fit:
    compiler/tune/README.md. `ssm.schedule_from` says who chose, if it was not the
    generator: "given", "database: <chip>, measured" or "..., predicted".

    ```mlir
    ssm.kernel (%a = %x) : ... { ssm.silu }
    // becomes
    ssm.kernel (%a = %x) schedule <lanes = 16, row_block = 16, ...> : ... { ssm.silu }
    ```

    Before: the fusions.
  }];
}

#endif

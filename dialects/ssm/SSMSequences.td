// Ops that know which rows belong together.
#ifndef DIALECTS_SSM_SSMSEQUENCES_TD
#define DIALECTS_SSM_SSMSEQUENCES_TD

include "dialects/ssm/SSMBase.td"

def SSM_LastRowsOp : SSM_Op<"last_rows", [Pure]> {
  let summary = "the last row of each sequence";
  let description = [{
    `y[s] = x[seq_start[s+1] - 1]`, zeros for a sequence without rows:
    `[T, D] -> [S, D]`.

    Constraints:
    - (last_rows_c1) x and y have the same width and element type.

    Example: `%y = ssm.last_rows %x of %batch : tensor<?x64xf32> -> tensor<?x64xf32>`
  }];
  let arguments = (ins SSM_Rows:$x, SSM_BatchType:$batch);
  let results = (outs SSM_Rows:$y);
  let assemblyFormat = "$x `of` $batch attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

def SSM_Conv1dOp : SSM_Op<"conv1d", [Pure, SSM_NamedResults]> {
  let summary = "depthwise causal convolution with carried state";
  let description = [{
    For each sequence, over its own rows t and every channel c:
    `y[t, c] = bias[c] + sum_k w[c, k] x[t - (W-1) + k, c]`, a cross-correlation:
    `w[c, W-1]` meets the newest sample. Rows before the first of the step come
    from the slot's state, the W-1 inputs before the step, oldest first; the new
    state holds the last W-1 inputs. A sequence without rows changes nothing.

    Constraints:
    - (conv1d_c1) x and y are [T, E], w is [E, W], W at least 2.
    - (conv1d_c2) bias is [E].
    - (conv1d_c3) state and new state are [slots, W-1, E].

    Example:
    ```mlir
    %y, %s1 = ssm.conv1d %x, %w bias %b state %s of %batch
      : (tensor<?x128xf32>, tensor<128x4xf32>, tensor<128xf32>, tensor<?x3x128xf32>, !ssm.batch)
      -> (tensor<?x128xf32>, tensor<?x3x128xf32>)
    ```
  }];
  let arguments = (ins SSM_Rows:$x, SSM_F32Weight:$w, Optional<SSM_F32Weight>:$bias, SSM_Pool:$state,
                       SSM_BatchType:$batch);
  let results = (outs SSM_Rows:$y, SSM_Pool:$new_state);
  let assemblyFormat = [{
    $x `,` $w (`bias` $bias^)? `state` $state `of` $batch attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def SSM_SelectiveScanOp : SSM_Op<"selective_scan", [Pure, AttrSizedOperandSegments, SSM_NamedResults]> {
  let summary = "the selective scan with carried state";
  let description = [{
    For each sequence, over its rows t in order, every channel e and state n
    (arXiv 2312.00752, equation 2 and algorithm 2):
    ```
    dt[t,e]  = delta[t,e] + delta_bias[e], then softplus if `softplus` stands there
    h[e,n]   = exp(dt[t,e] A[e,n]) h[e,n] + dt[t,e] u[t,e] B[t,n]
    y[t,e]   = sum_n h[e,n] C[t,n] + D[e] u[t,e], then times silu(z[t,e])
    ```
    h starts as the slot's state and is left there. D, z, delta_bias and
    softplus are optional; B and C may be constant in time, `[N]` (the
    time-invariant case, S4). With `log2_decay` A is given times log2(e), and
    the decay is `exp2(dt A)`. A sequence without rows changes nothing.

    `slices`, what `ssm.scan_slices` found of the same inputs, changes no
    result. With it slices can be scanned beside each other: a sequence that
    began in slice j0 enters slice j > j0 with `h = p[j0]`, then
    `h = exp(p[i,N] A) h + p[i]` for i from j0 + 1 to j - 1.

    Constraints:
    - (scan_c1) u, delta, z and y have the same type [T, E].
    - (scan_c2) A is [E, N].
    - (scan_c3) B and C are [T, N] or [N].
    - (scan_c4) D and delta_bias are [E].
    - (scan_c5) state and new state are [slots, E, N].
    - (scan_c6) slices are [slices, 2N+1, E].

    Example:
    ```mlir
    %y, %h1 = ssm.selective_scan %u delta %dt A %A B %B C %C skip %D state %h of %batch
      : (tensor<?x128xf32>, tensor<?x128xf32>, tensor<128x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>,
         tensor<128xf32>, tensor<?x128x16xf32>, !ssm.batch) -> (tensor<?x128xf32>, tensor<?x128x16xf32>)
    ```
  }];
  let arguments = (ins SSM_Rows:$u, SSM_Rows:$delta, Optional<SSM_F32Weight>:$delta_bias, UnitAttr:$softplus,
                       SSM_F32Weight:$A, UnitAttr:$log2_decay, SSM_RowsOrVector:$B, SSM_RowsOrVector:$C,
                       Optional<SSM_F32Weight>:$D, Optional<SSM_Rows>:$z, SSM_Pool:$state,
                       Optional<SSM_F32Weight>:$slices, SSM_BatchType:$batch);
  let results = (outs SSM_Rows:$y, SSM_Pool:$new_state);
  let assemblyFormat = [{
    $u `delta` $delta (`bias` $delta_bias^)? (`softplus` $softplus^)? `A` $A (`log2` $log2_decay^)?
    `B` $B `C` $C (`skip` $D^)? (`gate` $z^)? `state` $state (`slices` $slices^)? `of` $batch
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def SSM_ScanSlicesOp : SSM_Op<"scan_slices", [Pure]> {
  let summary = "the selective scan of each slice of the rows by itself";
  let description = [{
    The T rows of the batch are cut into slices of `ceil(T / slices)` rows, the
    last of them shorter or without rows. Of a slice, the sequence that its last
    row belongs to goes on into the next slice, or ends there. With dt and h as
    in `ssm.selective_scan`, over the rows t of that sequence in slice j:
    ```
    p[j,n,e]     = h[e,n] after these rows, from the slot's state if the
                   sequence begins in the slice, else from 0; n < N
    p[j,N,e]     = sum_t dt[t,e]
    p[j,N+1+n,e] = the slot's state if the sequence begins in the slice, else 0
    ```
    A slice without rows has zeros. The last part is there so that a scan in
    slices reads no state that another slice of it replaces.

    `--ssm-slice-scan` makes these ops; in a model to be compiled a pool is read
    by the op that advances it alone.

    Constraints:
    - (slices_c1) delta has the type of u, [T, E].
    - (slices_c2) A is [E, N].
    - (slices_c3) B is [T, N] or [N].
    - (slices_c4) delta_bias is [E].
    - (slices_c5) state is [slots, E, N].
    - (slices_c6) the result is [slices, 2N+1, E].

    Example:
    ```mlir
    %p = ssm.scan_slices %u delta %dt A %A B %B state %h of %batch
      : (tensor<?x128xf32>, tensor<?x128xf32>, tensor<128x16xf32>, tensor<?x16xf32>, tensor<?x128x16xf32>,
         !ssm.batch) -> tensor<8x33x128xf32>
    ```
  }];
  let arguments = (ins SSM_Rows:$u, SSM_Rows:$delta, Optional<SSM_F32Weight>:$delta_bias, UnitAttr:$softplus,
                       SSM_F32Weight:$A, UnitAttr:$log2_decay, SSM_RowsOrVector:$B, SSM_Pool:$state,
                       SSM_BatchType:$batch);
  let results = (outs SSM_F32Weight:$p);
  let assemblyFormat = [{
    $u `delta` $delta (`bias` $delta_bias^)? (`softplus` $softplus^)? `A` $A (`log2` $log2_decay^)?
    `B` $B `state` $state `of` $batch attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif

// The ssm dialect: the operators of selective state-space models, on tensors.
#ifndef DIALECTS_SSM_SSMOPS_TD
#define DIALECTS_SSM_SSMOPS_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def SSM_Dialect : Dialect {
  let name = "ssm";
  let cppNamespace = "::mamba::ssm";
  let summary = "Selective state-space models as pure operators on tensors";
  let description = [{
    Conventions. T is the number of tokens of a step, S the number of its
    sequences; `!ssm.batch` says which rows belong to which sequence and which
    state slot each uses. Activations are channel-last, `tensor<?xExf32>` with
    exactly one dynamic dimension, T (or S after `ssm.last_rows`). States are
    pools `tensor<?x...xf32>`, one row a slot; an op that advances a state takes
    the pool and returns it. Weights are `ssm.weight "name"`, never data; ops
    whose operands are all weights run once, when the weights are loaded.

    Constraints of the operands' types; other dimensions than those shown as `?`
    are static, and none is 0:
    - (type_c1) activations are `tensor<?xExf32>`, bf16 or f16.
    - (type_c2) tokens are `tensor<?xi32>`.
    - (type_c3) state pools are `tensor<?xAxBxf32>`.
    - (type_c4) weights are static, of rank 1 or more, of f32, f16 or bf16;
      only `ssm.linear`, `ssm.embedding` and ops that move data take the last two.
    - (type_c5) quantised weights are static matrices of i8, read by
      `ssm.dequantize` alone.

    Discardable attributes of functions: `ssm.entry = "name"` and
    `ssm.class = "decode"` on clones; `ssm.name = "u"` on arguments and results;
    `ssm.state = "conv_state.0"` on an argument and on the result that replaces
    it, the same string on both.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
}

//===----------------------------------------------------------------------===//
// Types and attributes
//===----------------------------------------------------------------------===//

def SSM_BatchType : TypeDef<SSM_Dialect, "Batch"> {
  let mnemonic = "batch";
  let summary = "the ragged batch of one step";
  let description = [{
    S sequences over T tokens: `seq_start [S+1]` (rows of sequence s are
    `seq_start[s]` to `seq_start[s+1]`, possibly none), `slot [S]` (its state
    slot, none twice) and `position [S]` (tokens that the slot has seen).
  }];
}

def SSM_ScheduleAttr : AttrDef<SSM_Dialect, "Schedule"> {
  let mnemonic = "schedule";
  let summary = "how the generator of a kernel cuts its work";
  let description = [{
    A generator reads the parameters that it knows; zero means that the
    parameter does not apply. `passes/target` says which values are legal.

    - `lanes`: f32 lanes of the vectors it computes with
    - `row_block`, `col_block`: rows and columns (channels) of one tile of the grid
    - `row_tile`, `col_tile`: rows and columns held in registers
    - `k_block`: length of the piece of a sum whose operand stays in the cache
    - `chunk`: time steps whose dt is held in scratch memory
    - `state_block`: states of a channel held in registers; on a GPU, of them those
      whose decay is a polynomial
    - `threads`: of a block of a GPU
    - `state_lanes`: lanes of a warp that share the states of a channel
    - `stages`: pieces of k that are in shared memory or on their way there
    - `mma`: k of an instruction of the matrix unit; zero: no such instruction

    Example: `#ssm.schedule<lanes = 16, row_block = 96, col_block = 64, row_tile = 6, col_tile = 64>`
  }];
  let parameters = (ins
    DefaultValuedParameter<"int64_t", "0">:$lanes,
    DefaultValuedParameter<"int64_t", "0">:$row_block,
    DefaultValuedParameter<"int64_t", "0">:$col_block,
    DefaultValuedParameter<"int64_t", "0">:$row_tile,
    DefaultValuedParameter<"int64_t", "0">:$col_tile,
    DefaultValuedParameter<"int64_t", "0">:$k_block,
    DefaultValuedParameter<"int64_t", "0">:$chunk,
    DefaultValuedParameter<"int64_t", "0">:$state_block,
    DefaultValuedParameter<"int64_t", "0">:$threads,
    DefaultValuedParameter<"int64_t", "0">:$state_lanes,
    DefaultValuedParameter<"int64_t", "0">:$stages,
    DefaultValuedParameter<"int64_t", "0">:$mma);
  let assemblyFormat = "`<` struct(params) `>`";
}

//===----------------------------------------------------------------------===//
// Constraints
//===----------------------------------------------------------------------===//

def SSM_Float : AnyTypeOf<[F32, F16, BF16]>;

// Whether the first of `rank` dimensions is dynamic and the rest static.
class SSM_IsRagged<int rank> : CPred<"::mamba::ssm::isRagged($_self, " # rank # ")">;
def SSM_IsWeight : CPred<"::mamba::ssm::isWeightShape($_self)">;

// [T, channels], or [S, channels] after ssm.last_rows
def SSM_Rows : RankedTensorOf<[F32, F16, BF16], [SSM_IsRagged<2>], "rows [?, channels]">;
def SSM_Tokens : RankedTensorOf<[I32], [SSM_IsRagged<1>], "tokens [?]">;
// [slots, ...], one row a slot
def SSM_Pool : RankedTensorOf<[F32], [SSM_IsRagged<3>], "state pool [?, rows, columns]">;
def SSM_Weight : RankedTensorOf<[SSM_Float], [SSM_IsWeight], "static tensor">;
def SSM_F32Weight : RankedTensorOf<[F32], [SSM_IsWeight], "static tensor">;
def SSM_Quantised : RankedTensorOf<[I8], [HasAnyRankOfPred<[2]>, SSM_IsWeight], "static matrix">;
def SSM_BF16Weight : RankedTensorOf<[BF16], [SSM_IsWeight], "static tensor">;
def SSM_WeightOrRows : AnyTypeOf<[SSM_Weight, SSM_Rows], "", "::mlir::RankedTensorType">;
// B and C of a scan: one row a token, or one for all of them.
def SSM_Vector : RankedTensorOf<[F32, BF16], [HasAnyRankOfPred<[1]>, SSM_IsWeight], "static vector">;
def SSM_RowsOrVector : AnyTypeOf<[SSM_Rows, SSM_Vector], "", "::mlir::RankedTensorType">;

// The names of its results in printed IR; SSMNames.cpp gives them.
def SSM_NamedResults : DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>;

class SSM_Op<string mnemonic, list<Trait> traits = []> : Op<SSM_Dialect, mnemonic, traits>;
class SSM_Elementwise<string mnemonic> : SSM_Op<mnemonic, [Pure, SameOperandsAndResultType]> {
  let arguments = (ins SSM_Rows:$x);
  let results = (outs SSM_Rows:$y);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

def SSM_WeightOp : SSM_Op<"weight", [Pure, SSM_NamedResults]> {
  let summary = "a tensor of the checkpoint, by name";
  let description = [{
    The value is bound when the weights are loaded; dtype and shape are those
    of the checkpoint.

    Constraints:
    - (weight_c1) the name is not empty.

    Example: `%w = ssm.weight "backbone.norm_f.weight" : tensor<64xf32>`
  }];
  let arguments = (ins StrAttr:$name);
  let results = (outs SSM_Weight:$value);
  let assemblyFormat = "$name attr-dict `:` type($value)";
  let hasVerifier = 1;
}

def SSM_CastOp : SSM_Op<"cast", [Pure]> {
  let summary = "the same values in another precision";
  let description = [{
    `y = convert(x)`, to nearest, ties to even.

    Constraints:
    - (cast_c1) x and y have the same shape.

    Example: `%y = ssm.cast %x : tensor<8x4xbf16> to tensor<8x4xf32>`
  }];
  let arguments = (ins SSM_WeightOrRows:$x);
  let results = (outs SSM_WeightOrRows:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($y)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def SSM_ReshapeOp : SSM_Op<"reshape", [Pure]> {
  let summary = "a weight under another shape, in row-major order";
  let description = [{
    Constraints:
    - (reshape_c1) x and y have as many elements.
    - (reshape_c2) x and y have the same element type.

    Example: `%w = ssm.reshape %x : tensor<128x1x4xf32> to tensor<128x4xf32>`
  }];
  let arguments = (ins SSM_Weight:$x);
  let results = (outs SSM_Weight:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($y)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def SSM_PackOp : SSM_Op<"pack", [Pure]> {
  let summary = "a matrix in column panels, as the kernels read it";
  let description = [{
    `y[i, k, j] = x[i * block + j, k]`, zero where `i * block + j >= O`: rows of
    x (outputs of a projection, channels) become the innermost dimension, so
    that a vector register holds `block` of them and memory is read in order.

    Constraints:
    - (pack_c1) x is a matrix [O, K] and y is [ceil(O / block), K, block].
    - (pack_c2) block is positive.
    - (pack_c3) x and y have the same element type.

    Example: `%p = ssm.pack %w block 64 : tensor<200x32xf32> -> tensor<4x32x64xf32>`
  }];
  let arguments = (ins SSM_Weight:$x, I64Attr:$block);
  let results = (outs SSM_Weight:$y);
  let assemblyFormat = "$x `block` $block attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

def SSM_UnpackOp : SSM_Op<"unpack", [Pure]> {
  let summary = "the matrix that was packed";
  let description = [{
    The inverse of `ssm.pack`: `y[i * block + j, k] = x[i, k, j]`; the padding
    is dropped. Stands inside of `ssm.kernel`, to say what the operand means.

    Constraints:
    - (unpack_c1) x is [ceil(O / block), K, block] and y is [O, K].
    - (unpack_c2) x and y have the same element type.

    Example: `%w = ssm.unpack %p : tensor<4x32x64xf32> -> tensor<200x32xf32>`
  }];
  let arguments = (ins SSM_Weight:$x);
  let results = (outs SSM_Weight:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def SSM_DecayOp : SSM_Op<"decay", [Pure, SameOperandsAndResultType]> {
  let summary = "the state matrix from its logarithm";
  let description = [{
    `A = -exp(A_log)` (Mamba, arXiv 2312.00752, section 3.6: A is real, diagonal
    and negative, and is stored as the logarithm of its magnitude).

    Example: `%A = ssm.decay %A_log : tensor<128x16xf32>`
  }];
  let arguments = (ins SSM_F32Weight:$a_log);
  let results = (outs SSM_F32Weight:$a);
  let assemblyFormat = "$a_log attr-dict `:` type($a_log)";
}

def SSM_ScaleOp : SSM_Op<"scale", [Pure, SameOperandsAndResultType]> {
  let summary = "a weight times a constant";
  let description = [{
    `y = factor * x`.

    Constraints:
    - (scale_c1) factor is finite.

    Example: `%y = ssm.scale %A by 1.44269504 : tensor<128x16xf32>`
  }];
  let arguments = (ins SSM_F32Weight:$x, F64Attr:$factor);
  let results = (outs SSM_F32Weight:$y);
  let assemblyFormat = "$x `by` $factor attr-dict `:` type($x)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def SSM_ScaleColumnsOp : SSM_Op<"scale_columns", [Pure, AllTypesMatch<["x", "y"]>]> {
  let summary = "each column of a matrix times its own factor";
  let description = [{
    `y[o, k] = x[o, k] * s[k]`: folds the weight of a norm into the projection
    that follows it.

    Constraints:
    - (scale_columns_c1) x is a matrix [O, K], s is [K].

    Example: `%y = ssm.scale_columns %w, %s : tensor<256x64xf32>, tensor<64xf32>`
  }];
  let arguments = (ins SSM_F32Weight:$x, SSM_F32Weight:$s);
  let results = (outs SSM_F32Weight:$y);
  let assemblyFormat = "$x `,` $s attr-dict `:` type($x) `,` type($s)";
  let hasVerifier = 1;
}

class SSM_QuantiseOp<string mnemonic> : SSM_Op<mnemonic, [Pure]> {
  let hasVerifier = 1;
}

def SSM_QuantScalesOp : SSM_QuantiseOp<"quant_scales"> {
  let summary = "the scale of each group of 32 weights of a row";
  let description = [{
    With the weights x[o, 32 g], ..., x[o, 32 g + 31] of a group (fewer where K
    ends), in f32 and then rounded to bf16: 8 bits: `max |x| / 127`; 4 bits:
    `-m / 8` where m is the weight that is largest in magnitude, the first of
    equals, so that it becomes -8.

    Constraints:
    - (quant_scales_c1) x is a matrix [O, K], y is [O, ceil(K / 32)].
    - (quant_scales_c2) bits is 8 or 4.

    Example: `%s = ssm.quant_scales %w bits 8 : tensor<256x64xf32> -> tensor<256x2xbf16>`
  }];
  let arguments = (ins SSM_F32Weight:$x, I64Attr:$bits);
  let results = (outs SSM_BF16Weight:$y);
  let assemblyFormat = "$x `bits` $bits attr-dict `:` type($x) `->` type($y)";
}

def SSM_QuantizeOp : SSM_QuantiseOp<"quantize"> {
  let summary = "weights as small integers";
  let description = [{
    `q = clamp(round(x[o, k] / s[o, k / 32]))`, ties to even, 0 where s is 0; from
    -127 to 127 with 8 bits, from -8 to 7 with 4. With 8 bits `y[o, k]` is q; with
    4 the low half of byte `y[o, j]` is that of k = 2j and the high half that of
    2j + 1, 0 where K ends.

    Constraints:
    - (quantize_c1) x is a matrix [O, K], s is [O, ceil(K / 32)], y is
      [O, ceil(K bits / 8)].
    - (quantize_c2) bits is 8 or 4.

    Example: `%q = ssm.quantize %w by %s bits 4 : tensor<256x64xf32>, tensor<256x2xbf16> -> tensor<256x32xi8>`
  }];
  let arguments = (ins SSM_F32Weight:$x, SSM_BF16Weight:$s, I64Attr:$bits);
  let results = (outs SSM_Quantised:$y);
  let assemblyFormat = "$x `by` $s `bits` $bits attr-dict `:` type($x) `,` type($s) `->` type($y)";
}

def SSM_DequantizeOp : SSM_QuantiseOp<"dequantize"> {
  let summary = "the weights that the small integers stand for";
  let description = [{
    `y[o, k] = q[o, k] s[o, k / 32]`, rounded to the type of y; exact in f32. q as
    `ssm.quantize` stores it. Stands inside of `ssm.kernel`, to say what the
    operands mean.

    Constraints:
    - (dequantize_c1) y is a matrix [O, K], s is [O, ceil(K / 32)], x is
      [O, ceil(K bits / 8)].
    - (dequantize_c2) bits is 8 or 4.

    Example: `%w = ssm.dequantize %q by %s bits 4 : tensor<256x32xi8>, tensor<256x2xbf16> -> tensor<256x64xf32>`
  }];
  let arguments = (ins SSM_Quantised:$x, SSM_BF16Weight:$s, I64Attr:$bits);
  let results = (outs SSM_Weight:$y);
  let assemblyFormat = "$x `by` $s `bits` $bits attr-dict `:` type($x) `,` type($s) `->` type($y)";
}

//===----------------------------------------------------------------------===//
// Rows: ops that treat every token alike
//===----------------------------------------------------------------------===//

def SSM_EmbeddingOp : SSM_Op<"embedding", [Pure]> {
  let summary = "rows of a table";
  let description = [{
    `y[t] = table[tokens[t]]`. Where tokens are an entry's argument the runtime
    has checked `0 <= tokens[t] < V` (`plan.argument`'s `below`).

    Constraints:
    - (embedding_c1) table is [V, D], tokens [T], y [T, D].

    Example: `%r = ssm.embedding %table[%tokens] : tensor<200x64xf32>, tensor<?xi32> -> tensor<?x64xf32>`
  }];
  let arguments = (ins SSM_Weight:$table, SSM_Tokens:$tokens);
  let results = (outs SSM_Rows:$y);
  let assemblyFormat = "$table `[` $tokens `]` attr-dict `:` type($table) `,` type($tokens) `->` type($y)";
  let hasVerifier = 1;
}

def SSM_RMSNormOp : SSM_Op<"rms_norm", [Pure, AllTypesMatch<["x", "y"]>]> {
  let summary = "root mean square normalisation of each row";
  let description = [{
    `y[t] = x[t] * rsqrt(mean(x[t]^2) + eps) * weight` (arXiv 1910.07467); the
    statistics are f32 sums. Without a weight, the factor is 1.

    Constraints:
    - (rms_norm_c1) weight is [D] for x of [T, D].
    - (rms_norm_c2) eps is positive and finite.

    Example: `%y = ssm.rms_norm %x weight %w eps 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>`
  }];
  let arguments = (ins SSM_Rows:$x, Optional<SSM_F32Weight>:$weight, F64Attr:$eps);
  let results = (outs SSM_Rows:$y);
  let assemblyFormat = "$x (`weight` $weight^)? `eps` $eps attr-dict `:` type($x) (`,` type($weight)^)?";
  let hasVerifier = 1;
}

def SSM_LinearOp : SSM_Op<"linear", [Pure]> {
  let summary = "projection of each row";
  let description = [{
    `y[t, o] = sum_k x[t, k] w[o, k] + bias[o]`; weights are stored (out, in).

    Constraints:
    - (linear_c1) x is [T, K], w [O, K], y [T, O].
    - (linear_c2) bias is [O].

    Example: `%y = ssm.linear %x, %w bias %b : tensor<?x64xf32>, tensor<256x64xf32>, tensor<256xf32> -> tensor<?x256xf32>`
  }];
  let arguments = (ins SSM_Rows:$x, SSM_Weight:$w, Optional<SSM_F32Weight>:$bias);
  let results = (outs SSM_Rows:$y);
  let assemblyFormat = "$x `,` $w (`bias` $bias^)? attr-dict `:` type($x) `,` type($w) (`,` type($bias)^)? `->` type($y)";
  let hasVerifier = 1;
}

def SSM_SplitOp : SSM_Op<"split", [Pure, SSM_NamedResults]> {
  let summary = "consecutive groups of channels";
  let description = [{
    The channels of x, cut in order: `[a|b|...] = x`. Costs nothing: consumers
    read their columns in place.

    Constraints:
    - (split_c1) the widths of the results add up to the width of x.
    - (split_c2) all have the element type of x.
    - (split_c3) there is at least one result.

    Example: `%x, %z = ssm.split %xz : tensor<?x256xf32> -> tensor<?x128xf32>, tensor<?x128xf32>`
  }];
  let arguments = (ins SSM_Rows:$x);
  let results = (outs Variadic<SSM_Rows>:$parts);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($parts)";
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def SSM_SiluOp : SSM_Elementwise<"silu"> {
  let summary = "sigmoid linear unit";
  let description = [{
    `y = x / (1 + exp(-x))`.

    Example: `%y = ssm.silu %x : tensor<?x128xf32>`
  }];
}

def SSM_SoftplusOp : SSM_Elementwise<"softplus"> {
  let summary = "softplus";
  let description = [{
    `y = log1p(exp(x))`, x where x > 20; relatively accurate for very negative
    x too, where y is about exp(x).

    Example: `%dt = ssm.softplus %x : tensor<?x128xf32>`
  }];
}

def SSM_AddOp : SSM_Op<"add", [Pure, Commutative, SameOperandsAndResultType]> {
  let summary = "sum of two activations";
  let description = [{
    `y = a + b`: the residual stream.

    Example: `%y = ssm.add %a, %b : tensor<?x64xf32>`
  }];
  let arguments = (ins SSM_Rows:$a, SSM_Rows:$b);
  let results = (outs SSM_Rows:$y);
  let assemblyFormat = "$a `,` $b attr-dict `:` type($a)";
}

def SSM_GateOp : SSM_Op<"gate", [Pure, SameOperandsAndResultType]> {
  let summary = "gating by SiLU";
  let description = [{
    `y = x * silu(z)`.

    Example: `%y = ssm.gate %x, %z : tensor<?x128xf32>`
  }];
  let arguments = (ins SSM_Rows:$x, SSM_Rows:$z);
  let results = (outs SSM_Rows:$y);
  let assemblyFormat = "$x `,` $z attr-dict `:` type($x)";
}

//===----------------------------------------------------------------------===//
// Sequences: ops that know which rows belong together
//===----------------------------------------------------------------------===//

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

//===----------------------------------------------------------------------===//
// Sampling: a token of each row of logits
//===----------------------------------------------------------------------===//

def SSM_ArgmaxOp : SSM_Op<"argmax", [Pure]> {
  let summary = "the most likely token: greedy sampling";
  let description = [{
    `y[s] = ` the least i below `valid` with the largest `logits[s, i]`. Columns
    from `valid` on are padding of the vocabulary and never taken. A NaN is
    never larger.

    Constraints:
    - (argmax_c1) valid is from 1 to the width of the logits.

    Example: `%t = ssm.argmax %logits valid 50277 : tensor<?x50280xf32> -> tensor<?xi32>`
  }];
  let arguments = (ins SSM_Rows:$logits, I64Attr:$valid);
  let results = (outs SSM_Tokens:$y);
  let assemblyFormat = "$logits `valid` $valid attr-dict `:` type($logits) `->` type($y)";
  let hasVerifier = 1;
}

def SSM_CategoricalOp : SSM_Op<"categorical", [Pure]> {
  let summary = "a token drawn from the softmax of the logits";
  let description = [{
    With `p[i] = exp((logits[s, i] - max) / temperature[s, 0])` over the i below
    `valid`, by inversion of the distribution function:
    `y[s] = ` the least i with `p[0] + ... + p[i] > u[s, 0] * (p[0] + ... + p[valid-1])`,
    the last i with `p[i] > 0` if rounding leaves none, 0 if the sum is not a
    positive number. u is uniform in [0, 1), the temperature positive.

    Constraints:
    - (categorical_c1) u and temperature are [S, 1].
    - (categorical_c2) valid is from 1 to the width of the logits.

    Example:
    ```mlir
    %t = ssm.categorical %logits at %u temperature %tau valid 50277
      : tensor<?x50280xf32>, tensor<?x1xf32>, tensor<?x1xf32> -> tensor<?xi32>
    ```
  }];
  let arguments = (ins SSM_Rows:$logits, SSM_Rows:$u, SSM_Rows:$temperature, I64Attr:$valid);
  let results = (outs SSM_Tokens:$y);
  let assemblyFormat = [{
    $logits `at` $u `temperature` $temperature `valid` $valid attr-dict
    `:` type($logits) `,` type($u) `,` type($temperature) `->` type($y)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

def SSM_KernelOp : SSM_Op<"kernel", [Pure, IsolatedFromAbove, SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "the ops of one kernel";
  let description = [{
    Groups ops into one kernel without changing them: inlining the region gives
    the meaning. Operands are bound to the region's arguments; weights are
    operands, so that the same kernel of two layers is the same text. The
    schedule says how its generator cuts the work; without one it is not chosen
    yet.

    Constraints:
    - (kernel_c1) the region's arguments have the types of the operands.
    - (kernel_c2) the values yielded have the types of the results.
    - (kernel_c3) the region holds only ssm ops, and no weight and no kernel.

    Example:
    ```mlir
    %y = ssm.kernel (%a = %x) : (tensor<?x128xf32>) -> tensor<?x128xf32> {
      %s = ssm.silu %a : tensor<?x128xf32>
      ssm.yield %s : tensor<?x128xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$inputs, OptionalAttr<SSM_ScheduleAttr>:$schedule);
  let results = (outs Variadic<AnyType>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [
    // An empty body whose arguments stand for `inputs`; the terminator is the caller's.
    OpBuilder<(ins "::mlir::TypeRange":$results, "::mlir::ValueRange":$inputs)>
  ];
  let extraClassDeclaration = [{
    ::mlir::Block &getBlock() { return getBody().front(); }
    /// The operand that stands for the i-th argument of the body.
    ::mlir::Value getInput(::mlir::BlockArgument arg) { return getInputs()[arg.getArgNumber()]; }
    /// The input whose pool the i-th result replaces, or none if the result is
    /// not a state: kernels update pools in place.
    std::optional<unsigned> getTiedInput(unsigned result);
  }];
}

def SSM_YieldOp : SSM_Op<"yield", [Pure, Terminator, ReturnLike, HasParent<"KernelOp">]> {
  let summary = "the results of a kernel";
  let description = [{
    Example: `ssm.yield %y : tensor<?x128xf32>`
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
  let builders = [OpBuilder<(ins), [{ /* yields nothing */ }]>];
}

#endif

// Ops on weights.
#ifndef DIALECTS_SSM_SSMWEIGHTS_TD
#define DIALECTS_SSM_SSMWEIGHTS_TD

include "dialects/ssm/SSMBase.td"

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
    `y[i, k, j r + s] = x[i * block + j, k r + s]` where r, the interleave, is how
    many columns of a row stand side by side; zero where `i * block + j >= O` or
    `k r + s >= K`. Rows of x (outputs of a projection, channels) become the
    innermost dimension, so that a vector register holds `block` of them and
    memory is read in order.

    Constraints:
    - (pack_c1) x is a matrix [O, K] and y is
      [ceil(O / block), ceil(K / interleave), block * interleave].
    - (pack_c2) block and interleave are positive.
    - (pack_c3) x and y have the same element type.

    Examples:
    - `%p = ssm.pack %w block 64 : tensor<200x32xf32> -> tensor<4x32x64xf32>`
    - `%p = ssm.pack %w block 32 interleave 2 : tensor<200x33xbf16> -> tensor<7x17x64xbf16>`
  }];
  let arguments = (ins SSM_Stored:$x, I64Attr:$block,
                       DefaultValuedAttr<I64Attr, "1">:$interleave);
  let results = (outs SSM_Stored:$y);
  let assemblyFormat = [{
    $x `block` $block (`interleave` $interleave^)? attr-dict `:` type($x) `->` type($y)
  }];
  let hasVerifier = 1;
}

def SSM_UnpackOp : SSM_Op<"unpack", [Pure]> {
  let summary = "the matrix that was packed";
  let description = [{
    The inverse of `ssm.pack`: `y[i * block + j, k r + s] = x[i, k, j r + s]`; the
    padding is dropped. Stands inside of `ssm.kernel`, to say what the operand
    means.

    Constraints:
    - (unpack_c1) x is [ceil(O / block), ceil(K / interleave), block * interleave]
      and y is [O, K].
    - (unpack_c2) x and y have the same element type.
    - (unpack_c3) interleave is positive and divides the last dimension of x.

    Examples:
    - `%w = ssm.unpack %p : tensor<4x32x64xf32> -> tensor<200x32xf32>`
    - `%w = ssm.unpack %p interleave 2 : tensor<7x17x64xbf16> -> tensor<200x33xbf16>`
  }];
  let arguments = (ins SSM_Stored:$x, DefaultValuedAttr<I64Attr, "1">:$interleave);
  let results = (outs SSM_Stored:$y);
  let assemblyFormat = [{
    $x (`interleave` $interleave^)? attr-dict `:` type($x) `->` type($y)
  }];
  let extraClassDeclaration = [{
    /// Rows of the matrix in a panel.
    int64_t getBlock() {
      return ::mlir::cast<::mlir::RankedTensorType>(getX().getType()).getShape().back() /
             int64_t(getInterleave());
    }
  }];
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

#endif

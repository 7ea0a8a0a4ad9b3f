// Ops that treat every token alike.
#ifndef DIALECTS_SSM_SSMROWS_TD
#define DIALECTS_SSM_SSMROWS_TD

include "dialects/ssm/SSMBase.td"

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

#endif

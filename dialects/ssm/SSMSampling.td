// A token of each row of logits.
#ifndef DIALECTS_SSM_SSMSAMPLING_TD
#define DIALECTS_SSM_SSMSAMPLING_TD

include "dialects/ssm/SSMBase.td"

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

#endif

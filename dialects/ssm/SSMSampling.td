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

def SSM_SampleOp : SSM_Op<"sample", [Pure, SSM_NamedResults]> {
  let summary = "a token of each row of logits, drawn as its options say";
  let description = [{
    For a row s, with x[i] the logit of column i, for i below `valid` only:
    - `largest` is the largest x[i], and NaN if any x[i] is. Where it is not finite
      the token is 0.
    - Greedy, if `temperature` is 0 or `top_k` is 1: the token is the least i with
      `x[i] = largest`.
    - Else `w[i] = exp((x[i] - largest) / temperature)`. Columns are ordered by falling
      x, of equal ones the lower first. Kept are the first `top_k` of them if
      0 < top_k < valid, else all; of these the fewest first ones that have a sum of w
      of at least `top_p` times that of all of these, but one at least, and all of them
      if top_p >= 1; and of these the ones with `w[i] >= min_p`.
    - The token is the least kept i with `w[0] + ... + w[i] > u (w[0] + ... + w[valid-1])`,
      both sums over kept columns; the last kept i with w[i] > 0 if rounding leaves none.

    u is uniform in [0, 1), the temperature from 0 on, top_p positive, min_p from 0 to 1.

    Constraints:
    - (sample_c1) u, temperature, top_p, min_p and largest are [S, 1].
    - (sample_c2) valid is from 1 to the width of the logits.

    Example:
    ```mlir
    %token, %largest = ssm.sample %logits at %u temperature %tau top_k %k top_p %p min_p %m valid 50277
      : (tensor<?x50280xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?xi32>, tensor<?x1xf32>, tensor<?x1xf32>)
      -> (tensor<?xi32>, tensor<?x1xf32>)
    ```
  }];
  let arguments = (ins SSM_Rows:$logits, SSM_F32Rows:$u, SSM_F32Rows:$temperature,
                   SSM_Tokens:$top_k, SSM_F32Rows:$top_p, SSM_F32Rows:$min_p, I64Attr:$valid);
  let results = (outs SSM_Tokens:$token, SSM_F32Rows:$largest);
  let assemblyFormat = [{
    $logits `at` $u `temperature` $temperature `top_k` $top_k `top_p` $top_p `min_p` $min_p
    `valid` $valid attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif

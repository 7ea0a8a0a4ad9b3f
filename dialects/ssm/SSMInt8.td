// Rows as small integers.
#ifndef DIALECTS_SSM_SSMINT8_TD
#define DIALECTS_SSM_SSMINT8_TD

include "dialects/ssm/SSMBase.td"

def SSM_Int8RowsOp : SSM_Op<"int8_rows", [Pure, SameOperandsAndResultType]> {
  let summary = "what rows of int8 with a scale for each 32 columns stand for";
  let description = [{
    `y[t, k] = q s` where, of the columns 32 g, ..., 32 g + 31 of a row (fewer where
    the row ends) and with m the largest magnitude, `s = m (1 / 127)` and
    `q = round(x[t, k] (127 / m))`, ties to even, from -127 to 127. s, 1 / 127 and
    127 / m are f32. A group with m < 2^-100 is 0; one with a NaN or an infinity
    is NaN.

    Stands in a kernel before a projection by a quantised matrix, to say that their
    products are those of integers.

    Example: `%y = ssm.int8_rows %x : tensor<?x64xf32>`
  }];
  let arguments = (ins SSM_Rows:$x);
  let results = (outs SSM_Rows:$y);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

#endif

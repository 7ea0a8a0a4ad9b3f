// The ssm dialect: the operators of selective state-space models, on tensors, and the
// kernels that they stand in.
#ifndef DIALECTS_SSM_SSMOPS_TD
#define DIALECTS_SSM_SSMOPS_TD

include "dialects/ssm/SSMWeights.td"
include "dialects/ssm/SSMRows.td"
include "dialects/ssm/SSMSequences.td"
include "dialects/ssm/SSMSampling.td"

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

// From fused functions to kernels and a plan.
#ifndef PASSES_LOWERING_PASSES_TD
#define PASSES_LOWERING_PASSES_TD

include "mlir/Pass/PassBase.td"

def FormRecipesPass : Pass<"ssm-form-recipes", "::mlir::func::FuncOp"> {
  let summary = "Puts the weight ops before each kernel into kernels of their own";
  let description = [{
    The ops on weights that make one operand of a kernel become one kernel, so
    that the same generators write the code that prepares weights. Over weights
    alone it runs once, when they are loaded; over arguments of the function
    in each step. An `ssm.reshape` of a weight or an argument stays: its reader
    gets the same memory under another shape. With `ssm.target` on the module
    the new kernels get their schedules, the same for each class of T.

    ```mlir
    %a = ssm.decay %A_log : tensor<128x16xf32>
    %s = ssm.scale %a by 1.44269504 : tensor<128x16xf32>
    %y = ssm.kernel (%k = %s, ...) ...
    // becomes
    %s = ssm.kernel (%k = %A_log) : (tensor<128x16xf32>) -> tensor<128x16xf32> {
      %0 = ssm.decay %k : tensor<128x16xf32>
      %1 = ssm.scale %0 by 1.44269504 : tensor<128x16xf32>
      ssm.yield %1 : tensor<128x16xf32>
    }
    %y = ssm.kernel (%k = %s, ...) ...
    ```

    Before: the fusions, and all that changes how kernels read weights
    (cpu-pack-operands).
  }];
  let dependentDialects = ["::mamba::ssm::SSMDialect"];
  let statistics = [Statistic<"formed", "recipe-kernels-formed", "Kernels made of weight ops">];
}

def LowerToPlanPass : Pass<"ssm-lower-to-plan", "::mlir::ModuleOp"> {
  let summary = "Outlines the kernels and turns each function into a program";
  let description = [{
    Equal kernels, of whatever layer, entry or class, become one `plan.kernel`.
    A kernel over weights alone is run by the recipe, once for equal weights,
    and gives a packed buffer. What other kernels give one another lies in
    three arenas, of T rows, S rows and constants, where buffers share memory
    unless both are alive during one dispatch. What the function returns is
    written where the caller wants it; states are updated in place.

    Rows are those of T, but after `ssm.last_rows` those of S; the rows of a
    dispatch are those of the first result that has rows.

    ```mlir
    func.func @f_prefill(%x: tensor<?x64xf32> {ssm.name = "x"}) -> (tensor<?x64xf32> {ssm.name = "y"})
        attributes {ssm.entry = "f", ssm.class = "prefill"} {
      %y = ssm.kernel (%a = %x) : (tensor<?x64xf32>) -> tensor<?x64xf32> { ... }
      return %y : tensor<?x64xf32>
    }
    // becomes
    plan.kernel @silu_64 for ["prefill"] (%x: tensor<?x64xf32>) { ... }
    plan.entry @f {
      plan.argument "x" T : tensor<?x64xf32>
      plan.result "y" T : tensor<?x64xf32>
    }
    plan.recipe bytes 0 {}
    plan.program of @f class "prefill" arena T 0 S 0 C 0 {
      %0 = plan.input "x" : memref<?x64xf32>
      %1 = plan.output "y" : memref<?x64xf32>
      plan.dispatch @silu_64 rows T (%0, out %1) : memref<?x64xf32>, memref<?x64xf32>
    }
    ```

    An argument that is returned, and a value that is returned twice, is copied
    by a kernel.

    Before: ssm-form-recipes.
  }];
  let dependentDialects = ["::mamba::ssm::SSMDialect", "::mamba::plan::PlanDialect"];
}

#endif

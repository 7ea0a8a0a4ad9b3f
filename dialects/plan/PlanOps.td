// The plan dialect: what a pack tells the runtime to do, one op a record of the
// manifest.
#ifndef DIALECTS_PLAN_PLANOPS_TD
#define DIALECTS_PLAN_PLANOPS_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Plan_Dialect : Dialect {
  let name = "plan";
  let cppNamespace = "::mamba::plan";
  let summary = "Kernels, buffers and dispatches: the manifest of a pack as ops";
  let description = [{
    A lowered module holds the outlined kernels (`plan.kernel`), the callable
    functions (`plan.entry`), what runs once when weights are loaded
    (`plan.recipe`) and, for each entry and class of T, a list of dispatches
    over buffers (`plan.program`). Buffers are memrefs. T is the number of
    tokens of a step, S the number of its sequences; a buffer in the arena of T
    (S) rows has its offset in bytes a row, so that its address is the arena's
    plus offset times T (S).
  }];
  let dependentDialects = ["::mamba::ssm::SSMDialect"];
  let useDefaultAttributePrinterParser = 1;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

def Plan_RowKind : I32EnumAttr<"RowKind", "what a number of rows refers to", [
    I32EnumAttrCase<"T", 0>, I32EnumAttrCase<"S", 1>, I32EnumAttrCase<"Constant", 2, "constant">]> {
  let cppNamespace = "::mamba::plan";
  let genSpecializedAttr = 0;
}

def Plan_RowsAttr : AttrDef<Plan_Dialect, "Rows"> {
  let mnemonic = "rows";
  let summary = "a number of rows: T, S or a constant";
  let description = [{
    Example: `#plan<rows T>`, `#plan<rows 1>`; inside of ops `T`, `S`, `1`.
  }];
  let parameters = (ins EnumParameter<Plan_RowKind>:$kind, "int64_t":$count);
  let builders = [AttrBuilder<(ins "RowKind":$kind), [{
    return $_get($_ctxt, kind, 1);
  }]>];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Plan_GridOf : I32EnumAttr<"GridOf", "what the tiles of a grid divide", [
    I32EnumAttrCase<"Rows", 0, "rows">, I32EnumAttrCase<"Sequences", 1, "sequences">,
    I32EnumAttrCase<"Constant", 2, "constant">]> {
  let cppNamespace = "::mamba::plan";
  let genSpecializedAttr = 0;
}

def Plan_GridAttr : AttrDef<Plan_Dialect, "Grid"> {
  let mnemonic = "grid";
  let summary = "the tiles of a kernel";
  let description = [{
    `tiles = ceil(n / block) * times`, where n is the dispatch's number of rows
    (`of = rows`), S (`of = sequences`) or `count` (`of = constant`).

    Example: `#plan.grid<of = rows, block = 96, times = 12>`
  }];
  let parameters = (ins
    EnumParameter<Plan_GridOf>:$of,
    DefaultValuedParameter<"int64_t", "1">:$count,
    DefaultValuedParameter<"int64_t", "1">:$block,
    DefaultValuedParameter<"int64_t", "1">:$times);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Plan_VariantAttr : AttrDef<Plan_Dialect, "Variant"> {
  let mnemonic = "variant";
  let summary = "another kernel for the same arguments, for steps of few sequences";
  let description = [{
    Where a step has at most `max_sequences` sequences, `kernel` takes the place.

    Example: `#plan.variant<@scan_1536x16_l4, max_sequences = 8>`
  }];
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$kernel, "int64_t":$max_sequences);
  let assemblyFormat = "`<` $kernel `,` `max_sequences` `=` $max_sequences `>`";
}

def Plan_VariantArray : TypedArrayAttrBase<Plan_VariantAttr, "variants of a kernel">;

def Plan_Arena : I32EnumAttr<"Arena", "an arena of a program", [
    I32EnumAttrCase<"T", 0>, I32EnumAttrCase<"S", 1>, I32EnumAttrCase<"C", 2>]> {
  let cppNamespace = "::mamba::plan";
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

class Plan_Op<string mnemonic, list<Trait> traits = []> : Op<Plan_Dialect, mnemonic, traits>;

def Plan_KernelOp : Plan_Op<"kernel", [Symbol, IsolatedFromAbove, SingleBlock,
                                       DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a kernel of the pack";
  let description = [{
    Holds one `ssm.kernel`, whose operands are the region's arguments in order:
    the kernel's meaning and its schedule. Equal kernels of several layers,
    entries and classes are one `plan.kernel`. The arguments of the machine code
    are the operands in order, `!ssm.batch` left out, then the results in order,
    left out those that replace a state: these are written in place.

    `for` lists the classes of T whose programs use it, "recipe" for the recipe.
    `grid` and `scratch` (bytes a thread) come from the generator, on a GPU also
    `threads` and `shared` (bytes) of a block, `variants`, of which the first
    that fits a step takes the kernel's place, and `overlap`: it may begin while
    the kernel before it ends, and its code waits.

    Constraints:
    - (kernel_c1) the region holds one `ssm.kernel` over its arguments, in
      order, and yields its results.
    - (kernel_c2) scratch and shared are not negative, threads are positive.
    - (kernel_c3) each variant names a `plan.kernel` with the same arguments, and
      their max_sequences rise.

    Example:
    ```mlir
    plan.kernel @silu_64 for ["prefill"] grid <of = rows, block = 16> scratch 0 (%x: tensor<?x64xf32>) {
      %y = ssm.kernel (%a = %x) : (tensor<?x64xf32>) -> tensor<?x64xf32> {
        %s = ssm.silu %a : tensor<?x64xf32>
        ssm.yield %s : tensor<?x64xf32>
      }
      plan.yield %y : tensor<?x64xf32>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$classes, OptionalAttr<Plan_GridAttr>:$grid,
                       OptionalAttr<I64Attr>:$scratch, OptionalAttr<I64Attr>:$threads,
                       OptionalAttr<I64Attr>:$shared, UnitAttr:$overlap,
                       OptionalAttr<Plan_VariantArray>:$variants);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name `for` $classes (`grid` $grid^)? (`scratch` $scratch^)? (`threads` $threads^)?
    (`shared` $shared^)? (`overlap` $overlap^)? (`variants` $variants^)? attr-dict-with-keyword
    custom<KernelBody>($body)
  }];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// The meaning: the one `ssm.kernel` of the region.
    ::mamba::ssm::KernelOp getKernel();
    /// Whether only programs whose sequences all have one token use it.
    bool isDecodeOnly();
  }];
}

def Plan_YieldOp : Plan_Op<"yield", [Pure, Terminator, HasParent<"KernelOp">]> {
  let summary = "the results of a kernel";
  let description = [{
    Example: `plan.yield %y : tensor<?x64xf32>`
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

def Plan_EntryOp : Plan_Op<"entry", [Symbol, NoRegionArguments, NoTerminator, SingleBlock]> {
  let summary = "a callable function of the pack";
  let description = [{
    Its arguments, results and states, in the order of the manifest.

    Constraints:
    - (entry_c1) it holds only `plan.argument`, `plan.result` and `plan.pool`.
    - (entry_c2) names of arguments, names of results and ids of pools are
      distinct.

    Example:
    ```mlir
    plan.entry @next {
      plan.argument "input_ids" T : tensor<?xi32>
      plan.result "logits" S : tensor<?x200xf32>
      plan.pool "conv_state.0" set by "conv_state.0" read by "conv_state.0" transposed : tensor<?x3x128xf32>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
}

class Plan_TensorSpec<string mnemonic> : Plan_Op<mnemonic, [HasParent<"EntryOp">]> {
  let arguments = (ins StrAttr:$name, Plan_RowsAttr:$rows, TypeAttrOf<AnyRankedTensor>:$type);
  let assemblyFormat = "$name custom<Rows>($rows) attr-dict `:` $type";
  let hasVerifier = 1;
}

def Plan_ArgumentOp : Plan_TensorSpec<"argument"> {
  let summary = "a tensor that the caller gives";
  let description = [{
    `below` is the number of rows of the smallest table that its elements index:
    the runtime checks `0 <= element < below`, no kernel does.

    Constraints:
    - (argument_c1) the type has a dynamic first dimension if it has rows of T
      or S, and is static if its rows are 1; other dimensions are static.
    - (argument_c2) `below` is positive and stands only beside elements of i32.

    Example: `plan.argument "input_ids" T below 200 : tensor<?xi32>`
  }];
  let arguments = (ins StrAttr:$name, Plan_RowsAttr:$rows, OptionalAttr<I64Attr>:$below,
                       TypeAttrOf<AnyRankedTensor>:$type);
  let assemblyFormat = "$name custom<Rows>($rows) (`below` $below^)? attr-dict `:` $type";
}

def Plan_ResultOp : Plan_TensorSpec<"result"> {
  let summary = "a tensor that the caller receives";
  let description = [{
    Constraints:
    - (result_c1) as argument_c1.

    Example: `plan.result "logits" S : tensor<?x200xf32>`
  }];
}

def Plan_PoolOp : Plan_Op<"pool", [HasParent<"EntryOp">]> {
  let summary = "a state pool, one row a slot";
  let description = [{
    Entries that name the same id share the pool. Outside of the pack the tensor
    `set by` gives the state before the step and `read by` is the one after it;
    `transposed` there exchanges the last two dimensions.

    Constraints:
    - (pool_c1) the type is dynamic in its first dimension, the slots, only.

    Example: `plan.pool "ssm_state.0" set by "h0" read by "h_last" : tensor<?x128x16xf32>`
  }];
  let arguments = (ins StrAttr:$id, StrAttr:$input, StrAttr:$output, UnitAttr:$transposed,
                       TypeAttrOf<AnyRankedTensor>:$type);
  let assemblyFormat = [{
    $id `set` `by` $input `read` `by` $output (`transposed` $transposed^)? attr-dict `:` $type
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

def Plan_RecipeOp : Plan_Op<"recipe", [NoRegionArguments, NoTerminator, SingleBlock]> {
  let summary = "what runs once, when the weights are loaded";
  let description = [{
    Dispatches that read the checkpoint's weights and write the packed ones,
    `bytes` in all.

    Constraints:
    - (recipe_c1) it holds only `plan.weight`, `plan.packed` and dispatches.
    - (recipe_c2) packed buffers lie within `bytes`.

    Example:
    ```mlir
    plan.recipe bytes 16384 {
      %w = plan.weight "w" : memref<64x64xf32>
      %p = plan.packed offset 0 : memref<1x64x64xf32>
      plan.dispatch @pack_64x64 rows 1 (%w, out %p) : memref<64x64xf32>, memref<1x64x64xf32>
    }
    ```
  }];
  let arguments = (ins I64Attr:$bytes);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "`bytes` $bytes attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
}

def Plan_ProgramOp : Plan_Op<"program", [NoRegionArguments, NoTerminator, SingleBlock]> {
  let summary = "an entry for one class of T";
  let description = [{
    The dispatches of one step, in order, each after the one before has ended.
    Of the programs of an entry the first that fits a step is run: `max_length`
    1 asks for exactly one token a sequence, `max_tokens` and `min_tokens` bound
    T, `max_sequences` bounds S, `invariant` must be what the caller asks for. `arena` has the bytes a token, a sequence
    and once.

    Constraints:
    - (program_c1) it holds only buffers and dispatches.
    - (program_c2) entry names a `plan.entry`; inputs, outputs and states are
      its, by name and type.
    - (program_c3) buffers lie within their arena, at multiples of 64.

    Example:
    ```mlir
    plan.program of @next class "decode" max_length 1 arena T 256 S 0 C 0 {
      %x = plan.input "x" : memref<?x64xf32>
      %t = plan.buffer T offset 0 : memref<?x64xf32>
      plan.dispatch @silu_64 rows T (%x, out %t) : memref<?x64xf32>, memref<?x64xf32>
    }
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$entry, StrAttr:$class_name, UnitAttr:$invariant,
                       OptionalAttr<I64Attr>:$max_length, OptionalAttr<I64Attr>:$max_tokens,
                       OptionalAttr<I64Attr>:$min_tokens, OptionalAttr<I64Attr>:$max_sequences,
                       I64Attr:$arena_t, I64Attr:$arena_s, I64Attr:$arena_c);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `of` $entry `class` $class_name (`invariant` $invariant^)? (`max_length` $max_length^)?
    (`max_tokens` $max_tokens^)? (`min_tokens` $min_tokens^)? (`max_sequences` $max_sequences^)? `arena` `T` $arena_t `S` $arena_s `C` $arena_c
    attr-dict-with-keyword $body
  }];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// The entry that it serves, or null.
    EntryOp getEntryOp();
  }];
}

class Plan_Named<string mnemonic> : Plan_Op<mnemonic, [Pure, HasParent<"ProgramOp">]> {
  let arguments = (ins StrAttr:$name);
  let results = (outs AnyMemRef:$buffer);
  let assemblyFormat = "$name attr-dict `:` type($buffer)";
}

def Plan_InputOp : Plan_Named<"input"> {
  let summary = "a tensor of the caller, read";
  let description = [{
    Names a `plan.argument` of the entry; as many elements a row, of its type.

    Example: `%x = plan.input "x" : memref<?x64xf32>`
  }];
}

def Plan_OutputOp : Plan_Named<"output"> {
  let summary = "a tensor of the caller, written";
  let description = [{
    Names a `plan.result` of the entry.

    Example: `%y = plan.output "logits" : memref<?x200xf32>`
  }];
}

def Plan_StateOp : Plan_Named<"state"> {
  let summary = "a state pool, read and written in place";
  let description = [{
    Names a `plan.pool` of the entry by its id.

    Example: `%s = plan.state "conv_state.0" : memref<?x3x128xf32>`
  }];
}

def Plan_WeightOp : Plan_Op<"weight", [Pure]> {
  let summary = "a tensor of the checkpoint, as it is mapped";
  let description = [{
    `stored` is the tensor's type in the checkpoint, where the kernel reads it
    under another shape.

    Constraints:
    - (weight_c1) the stored type has the elements of the buffer.

    Example: `%w = plan.weight "conv1d.weight" stored tensor<128x1x4xf32> : memref<128x4xf32>`
  }];
  let arguments = (ins StrAttr:$name, OptionalAttr<TypeAttrOf<AnyRankedTensor>>:$stored);
  let results = (outs AnyStaticShapeMemRef:$buffer);
  let assemblyFormat = "$name (`stored` $stored^)? attr-dict `:` type($buffer)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The type in the checkpoint.
    ::mlir::RankedTensorType getStoredType();
  }];
}

def Plan_PackedOp : Plan_Op<"packed", [Pure]> {
  let summary = "a weight that the recipe made";
  let description = [{
    Example: `%p = plan.packed offset 4096 : memref<4x64x64xf32>`
  }];
  let arguments = (ins I64Attr:$offset);
  let results = (outs AnyStaticShapeMemRef:$buffer);
  let assemblyFormat = "`offset` $offset attr-dict `:` type($buffer)";
}

def Plan_BufferOp : Plan_Op<"buffer", [Pure, HasParent<"ProgramOp">]> {
  let summary = "memory between two dispatches";
  let description = [{
    In the arena of T rows, S rows or constants; the offset is in bytes a row,
    or in bytes.

    Constraints:
    - (buffer_c1) the type has a dynamic first dimension in T and S, and is
      static in C.

    Example: `%b = plan.buffer T offset 256 : memref<?x64xf32>`
  }];
  let arguments = (ins Plan_Arena:$arena, I64Attr:$offset);
  let results = (outs AnyMemRef:$buffer);
  let assemblyFormat = "$arena `offset` $offset attr-dict `:` type($buffer)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Bytes a row, or in all for a constant.
    int64_t getBytes();
  }];
}

def Plan_DispatchOp : Plan_Op<"dispatch", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "one run of a kernel";
  let description = [{
    Arguments in the order of the machine code; a word before one says what
    happens to it: nothing (read), `inout` or `out`. `rows` is the number of
    rows of what it writes.

    Constraints:
    - (dispatch_c1) kernel names a `plan.kernel`.
    - (dispatch_c2) the arguments are the kernel's in number and type.
    - (dispatch_c3) the roles are those that the kernel gives its arguments.

    Example:
    ```mlir
    plan.dispatch @conv_128 rows T (%x, %w, inout %state, out %y)
      : memref<?x128xf32>, memref<128x4xf32>, memref<?x3x128xf32>, memref<?x128xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Plan_RowsAttr:$rows, Variadic<AnyMemRef>:$args,
                       DenseI32ArrayAttr:$roles);
  let assemblyFormat = [{
    $kernel `rows` custom<Rows>($rows) ` ` `(` custom<Roles>($args, $roles) `)` attr-dict (`:` type($args)^)?
  }];
  let extraClassDeclaration = [{
    Role getRole(unsigned i) { return static_cast<Role>(getRoles()[i]); }
    /// The kernel that it runs, or null.
    KernelOp getKernelOp();
  }];
}

#endif

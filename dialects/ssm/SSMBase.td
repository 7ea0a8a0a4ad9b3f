// The ssm dialect: its types, attributes and the constraints of its operands.
#ifndef DIALECTS_SSM_SSMBASE_TD
#define DIALECTS_SSM_SSMBASE_TD

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
      `ssm.dequantize`, `ssm.pack` and `ssm.unpack` alone.

    Discardable attributes of functions: `ssm.entry = "name"` and
    `ssm.class = "decode"` on clones; `ssm.name = "u"` on arguments and results;
    `ssm.rows = "S"` on an argument that has a row a sequence, where others have one a token;
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
def SSM_F32Rows : RankedTensorOf<[F32], [SSM_IsRagged<2>], "f32 rows [?, channels]">;
def SSM_Tokens : RankedTensorOf<[I32], [SSM_IsRagged<1>], "tokens [?]">;
// [slots, ...], one row a slot
def SSM_Pool : RankedTensorOf<[F32], [SSM_IsRagged<3>], "state pool [?, rows, columns]">;
def SSM_Weight : RankedTensorOf<[SSM_Float], [SSM_IsWeight], "static tensor">;
def SSM_F32Weight : RankedTensorOf<[F32], [SSM_IsWeight], "static tensor">;
def SSM_Quantised : RankedTensorOf<[I8], [HasAnyRankOfPred<[2]>, SSM_IsWeight], "static matrix">;
// What ssm.pack moves, whatever is stored.
def SSM_Stored : RankedTensorOf<[SSM_Float, I8], [SSM_IsWeight], "static tensor">;
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

#endif

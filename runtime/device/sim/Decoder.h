// From the parsed kernel to a Program. Calls become copies of the callee; every
// instruction becomes one or more drafts, whose operands are numbered values;
// then joins are found, values get rows, and the drafts become code.
#pragma once

#include "runtime/device/sim/Lanes.h"
#include "runtime/device/sim/Latencies.h"
#include "runtime/device/sim/Program.h"
#include "runtime/device/sim/ptx/Ptx.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mamba::sim {

/// Where the module's variables lie.
struct ModuleLayout {
  std::vector<uint64_t> addresses; // of Module::variables; shared ones: unused
  std::vector<uint8_t> data;       // behind kModuleWindow
};

/// Operand fields of Inst; kMore + k is more[k].
enum Slot : uint8_t { kD, kA, kB, kC, kImm, kMore = 8 };

using ValueId = uint32_t;

/// An operand that will become a row or a predicate code.
struct Reference {
  uint32_t slot;
  ValueId value; // or the index of a predicate
  bool isPred, isDefinition;
  uint32_t offset = 0; // behind the value's first row
};

struct Draft {
  Inst inst;
  std::vector<uint32_t> more;
  std::vector<Reference> references;
  const ptx::Instruction *source = nullptr;
  Class kind = Class::None;
  bool isOrdering = false;
  uint16_t latency = 0;
  uint32_t matrixFlops = 0;
  int64_t target = -1;          // draft that a branch goes to
  std::vector<uint32_t> table;  // the same, of brx.idx
  int64_t join = -1;
  bool isBranch = false, isExit = false, isStore = false;

  bool isConditional() const { return inst.guard != kPredTrue; }
};

/// A register, a constant or a special register.
struct Value {
  enum class Kind : uint8_t { Register, Constant, Special, Temporary };
  Kind kind = Kind::Register;
  ptx::Type type = ptx::Type::B32;
  uint64_t bits = 0; // a Constant's
  SpecialRow special = SpecialRow::TidX;
};

class Decoder {
public:
  Decoder(const ptx::Module &module, const ModuleLayout &layout, const ptx::Function &kernel)
      : module_(module), layout_(layout), kernel_(kernel), lanes_(laneUnit()) {}

  Result<std::unique_ptr<Program>> run();

private:
  using Type = ptx::Type;
  using Operand = ptx::Operand;
  using DecodeFn = void (Decoder::*)();

  /// A copy of a function in the kernel.
  struct Frame {
    const ptx::Function *function = nullptr;
    uint32_t firstRegister = 0; // in registers_
    int32_t caller = -1;
    std::vector<uint64_t> variables, params, results; // addresses in their spaces
    std::vector<uint32_t> starts;                     // flat index of each instruction, and the end
  };
  struct Flat {
    const ptx::Instruction *source = nullptr; // null: the end of the kernel
    uint32_t frame = 0;
    int32_t callee = -1; // frame of a call's callee
  };

  // Flattening (Flatten.cpp).
  void flatten(uint32_t frame);
  void bindCall(uint32_t frame, const ptx::Instruction &call, Frame &callee);
  uint64_t allocate(uint64_t &top, uint64_t bytes, uint32_t align);
  void placeVariables(Frame &frame);
  void placeModuleShared();
  int32_t openFrame(const ptx::Function &function, int32_t caller);

  // Errors: the first one sticks.
  void fail(const std::string &why);
  void unknown() { fail("is not known to the simulator"); }
  bool hasFailed() const { return !error_.ok(); }

  // Modifiers of the instruction, each taken once; what is left is an error.
  bool take(std::string_view modifier);
  bool takeAny(std::initializer_list<std::string_view> modifiers);
  Type takeType();
  bool hasModifier(std::string_view modifier) const;
  const Operand &operand(size_t index);
  size_t operandCount() const { return in_->operands.size(); }
  bool expectOperands(size_t count);

  // Values.
  ValueId addValue(const Value &value);
  ValueId constant(uint64_t bits, unsigned bytes);
  ValueId temporary(Type type);
  ValueId special(const ptx::SpecialRegister &name);
  ValueId source(const Operand &operand, Type type);
  /// A register of that width or wider.
  ValueId sourceAtLeast(const Operand &operand, Type type, bool &isWide);
  ValueId destination(const Operand &operand, Type type);
  ValueId destinationAtLeast(const Operand &operand, Type type, bool &isWide);
  uint64_t addressOf(const Operand &symbol, ptx::Space &space);
  uint64_t immediate(const Operand &operand, Type type);
  PredCode predSource(const Operand &operand);
  PredCode predDestination(const Operand &operand);
  Type registerType(const Operand &operand);
  ValueId registerOf(const Operand &operand);

  // Drafts.
  Draft &emit(Handler run, Class kind, unsigned latency);
  void use(Draft &draft, uint32_t slot, ValueId value, uint32_t offset = 0);
  void define(Draft &draft, uint32_t slot, ValueId value, uint32_t offset = 0);
  void usePred(Draft &draft, uint32_t slot, PredCode code);
  void definePred(Draft &draft, uint32_t slot, PredCode code);
  void copyValue(ValueId to, ValueId from, unsigned bytes);
  /// d, a, b, c of one type.
  void emitLanes(Handler run, Class kind, unsigned latency, Type d,
                 std::initializer_list<Type> sources);

  // Families of instructions.
  void decodeOne(const Flat &flat);
  static const std::map<std::string_view, DecodeFn> &table();
  void integerBinary(IntOp op, Class kind, unsigned latency);
  void decodeAddSub();
  void decodeMul();
  void decodeMad();
  void decodeMul24();
  void decodeDivRem();
  void decodeMinMax();
  void decodeAbsNeg();
  void decodeSad();
  void decodeLogic();
  void decodeNot();
  void decodeShift();
  void decodeShf();
  void decodeBits();
  void decodeBfeBfi();
  void decodeBitMask();
  void decodeLop3();
  void decodePrmt();
  void decodeDot();
  void decodeSelp();
  void decodeSlct();
  void decodeSetp();
  void decodeSet();
  bool decodeCompare(numerics::Compare &op, Combine &combine, bool &isFtz, Type &type);
  void decodeMov();
  void movPack(Type type);
  void movUnpack(Type type);
  void decodeCvt();
  void decodeCvta();
  void decodeIsspacep();
  void decodeFloat(FloatOp op, unsigned sources);
  bool takeRound(numerics::Round &round);
  void decodeFma();
  void decodeDiv();
  void decodeDivideExactly();
  void decodeRoot();
  void decodeSpecialFunction();
  void decodeCopysign();
  void decodeTestp();

  void setAddress(Draft &draft, const Operand &operand, ptx::Space space, AccessKind kind,
                  Order order);
  ptx::Space takeSpace();
  Order takeOrder();
  bool takeCacheHints();
  void accessMemory(Type type, unsigned count, const Operand &data, const Operand &address,
                    ptx::Space space, AccessKind kind, Order order);
  void decodeLd();
  void decodeSt();
  void decodeAtom();
  void decodePrefetch();
  void decodeCpAsync();
  void decodeFence();
  void decodeLdmatrix();
  void decodeStmatrix();
  void decodeMovmatrix();
  void moveMatrix(bool isLoad);
  void decodeMma();

  void decodeBra();
  void decodeBrx();
  void decodeRet();
  void decodeExit();
  void decodeTrap();
  void decodeBar();
  void decodeShfl();
  void decodeVote();
  void decodeMatch();
  void decodeRedux();
  void decodeElect();
  void decodeActivemask();
  void decodeGridDependency();
  void decodeNop();
  void decodeCreatePolicy();

  // The end (Flow.cpp, Liveness.cpp, Build.cpp).
  void resolveTargets();
  void findJoins();
  void assignRows();
  void build();

  const ptx::Module &module_;
  const ModuleLayout &layout_;
  const ptx::Function &kernel_;
  const LaneUnit &lanes_;
  Status error_;

  std::vector<Frame> frames_;
  std::vector<Flat> flat_;
  std::vector<Value> values_;          // registers first
  std::vector<Type> registers_;        // of all frames
  std::vector<uint32_t> predIndex_;    // of registers_ that are predicates
  uint32_t preds_ = kFirstPred;
  std::map<std::pair<uint64_t, unsigned>, ValueId> constants_;
  std::map<SpecialRow, ValueId> specials_;
  std::map<std::pair<const void *, uint32_t>, uint64_t> sharedPlaces_; // of functions' variables
  std::vector<uint64_t> moduleShared_;
  uint64_t sharedTop_ = 0, localTop_ = 0;
  bool hasDynamicShared_ = false;
  std::vector<NamedRange> sharedNames_, localNames_;
  bool canOrderBlocks_ = false, hasNonCoherent_ = false;

  // The instruction that is being decoded.
  const ptx::Instruction *in_ = nullptr;
  const Flat *at_ = nullptr;
  std::vector<bool> taken_;

  std::vector<Draft> drafts_;
  std::vector<uint32_t> draftOf_; // by flat index
  std::vector<uint32_t> rowOf_;   // by value
  uint32_t rows_ = 0;
  std::unique_ptr<Program> program_;
};

} // namespace mamba::sim

// Branches, ends, barriers, and what lanes of a warp tell each other.
#include "runtime/device/sim/Control.h"
#include "runtime/device/sim/Decoder.h"
#include "runtime/device/sim/WarpOps.h"

using namespace mamba;
using namespace mamba::sim;

void Decoder::decodeBra() {
  take("uni");
  if (!expectOperands(1))
    return;
  if (operand(0).kind != Operand::Kind::Label)
    return unknown();
  uint32_t target = frames_[at_->frame].starts[operand(0).index];
  Draft &draft = emit(control::branch, Class::Control, kBranchLatency);
  draft.isBranch = draft.isOrdering = true;
  draft.target = target;
}

void Decoder::decodeBrx() {
  take("uni");
  if (!take("idx") || !expectOperands(2) || operand(1).kind != Operand::Kind::Vector)
    return unknown();
  ValueId index = source(operand(0), Type::U32);
  Draft &draft = emit(control::branchIndexed, Class::Control, kBranchLatency);
  draft.isBranch = draft.isOrdering = true;
  use(draft, kA, index);
  for (const Operand &label : operand(1).elements) {
    if (label.kind != Operand::Kind::Label)
      return unknown();
    draft.table.push_back(frames_[at_->frame].starts[label.index]);
  }
  draft.more.push_back(uint32_t(draft.table.size()));
}

void Decoder::decodeRet() {
  take("uni");
  const Frame &frame = frames_[at_->frame];
  if (frame.caller < 0)
    return decodeExit();
  Draft &draft = emit(control::branch, Class::Control, kBranchLatency);
  draft.isBranch = draft.isOrdering = true;
  draft.target = frame.starts.back();
}

void Decoder::decodeExit() {
  Draft &draft = emit(control::exitLanes, Class::Control, kBranchLatency);
  draft.isExit = draft.isOrdering = true;
}

void Decoder::decodeTrap() {
  Draft &draft = emit(control::trap, Class::Control, kBranchLatency);
  draft.isOrdering = true;
}

void Decoder::decodeBar() {
  bool isBarrier = in_->opcode == "barrier";
  if (!isBarrier && take("warp")) {
    if (!take("sync") || !expectOperands(1))
      return unknown();
    ValueId members = source(operand(0), Type::B32);
    Draft &draft = emit(control::warpBarrier, Class::Barrier, kAluLatency);
    use(draft, kA, members);
    draft.isOrdering = true;
    return;
  }
  take("cta");
  bool isAligned = !isBarrier || take("aligned");
  uint32_t flags = isAligned ? BarrierFlags::isAligned : 0;
  BarrierReduce reduce = BarrierReduce::None;
  size_t first = 0; // operand of the barrier's number
  if (take("sync")) {
    flags |= BarrierFlags::waits;
  } else if (take("red")) {
    flags |= BarrierFlags::waits;
    first = 1;
    reduce = take("popc") ? BarrierReduce::Popc
             : take("and") ? BarrierReduce::And
             : take("or")  ? BarrierReduce::Or
                           : BarrierReduce::None;
    Type t = takeType();
    if (reduce == BarrierReduce::None ||
        t != (reduce == BarrierReduce::Popc ? Type::U32 : Type::Pred))
      return unknown();
  } else if (!take("arrive")) {
    return unknown();
  }
  flags |= uint32_t(reduce) << BarrierFlags::reduceShift;
  size_t last = operandCount() - (reduce != BarrierReduce::None);
  if (last != first + 1 && last != first + 2)
    return unknown();
  bool hasCount = last == first + 2;
  if (!hasCount && !(flags & BarrierFlags::waits))
    return unknown();
  ValueId number = source(operand(first), Type::B32);
  ValueId count = hasCount ? source(operand(first + 1), Type::B32) : number;
  Draft &draft = emit(control::barrier, Class::Barrier, kAluLatency);
  draft.isOrdering = true;
  use(draft, kA, number);
  use(draft, kB, count);
  if (reduce == BarrierReduce::Popc)
    define(draft, kD, destination(operand(0), Type::U32));
  else if (reduce != BarrierReduce::None)
    definePred(draft, kD, predDestination(operand(0)));
  if (reduce != BarrierReduce::None)
    usePred(draft, kC, predSource(operand(last)));
  draft.inst.flags = flags | (hasCount ? BarrierFlags::hasCount : 0);
}

/// shfl.sync.mode.b32 d|p, a, b, c, members
void Decoder::decodeShfl() {
  if (!take("sync"))
    return unknown();
  ShuffleMode mode;
  if (take("up"))
    mode = ShuffleMode::Up;
  else if (take("down"))
    mode = ShuffleMode::Down;
  else if (take("bfly"))
    mode = ShuffleMode::Butterfly;
  else if (take("idx"))
    mode = ShuffleMode::Index;
  else
    return unknown();
  if (!take("b32") || (operandCount() != 5 && operandCount() != 6))
    return unknown();
  size_t first = operandCount() - 4;
  ValueId d = destination(operand(0), Type::B32);
  PredCode p = first == 2 ? predDestination(operand(1)) : kPredSink;
  ValueId a = source(operand(first), Type::B32), b = source(operand(first + 1), Type::B32),
          c = source(operand(first + 2), Type::B32),
          members = source(operand(first + 3), Type::B32);
  Draft &draft = emit(exchange::shuffle, Class::Shuffle, kShuffleLatency);
  define(draft, kD, d);
  definePred(draft, kImm, p);
  use(draft, kA, a);
  use(draft, kB, b);
  use(draft, kC, c);
  use(draft, kMore, members);
  draft.inst.flags = uint32_t(mode);
}

void Decoder::decodeVote() {
  if (!take("sync") || !expectOperands(3))
    return unknown();
  VoteMode mode;
  if (take("all"))
    mode = VoteMode::All;
  else if (take("any"))
    mode = VoteMode::Any;
  else if (take("uni"))
    mode = VoteMode::Uniform;
  else if (take("ballot"))
    mode = VoteMode::Ballot;
  else
    return unknown();
  Type t = takeType();
  if (t != (mode == VoteMode::Ballot ? Type::B32 : Type::Pred))
    return unknown();
  PredCode a = predSource(operand(1));
  ValueId members = source(operand(2), Type::B32);
  Draft &draft = emit(exchange::vote, Class::Shuffle, kVoteLatency);
  if (mode == VoteMode::Ballot)
    define(draft, kD, destination(operand(0), t));
  else
    definePred(draft, kD, predDestination(operand(0)));
  usePred(draft, kA, a);
  use(draft, kB, members);
  draft.inst.flags = uint32_t(mode);
}

void Decoder::decodeMatch() {
  bool isAll = take("all");
  if ((!isAll && !take("any")) || !take("sync"))
    return unknown();
  Type t = takeType();
  size_t count = operandCount();
  if ((t != Type::B32 && t != Type::B64) || (count != 3 && !(isAll && count == 4)))
    return unknown();
  ValueId d = destination(operand(0), Type::B32);
  PredCode p = count == 4 ? predDestination(operand(1)) : kPredSink;
  ValueId a = source(operand(count - 2), t), members = source(operand(count - 1), Type::B32);
  Draft &draft = emit(exchange::match, Class::Shuffle, kShuffleLatency);
  define(draft, kD, d);
  definePred(draft, kImm, p);
  use(draft, kA, a);
  use(draft, kB, members);
  draft.inst.flags = uint32_t(isAll) | (t == Type::B64 ? 2 : 0);
}

void Decoder::decodeRedux() {
  if (!take("sync") || !expectOperands(3))
    return unknown();
  static constexpr std::pair<std::string_view, ReduxOp> names[] = {
      {"add", ReduxOp::Add}, {"min", ReduxOp::Min}, {"max", ReduxOp::Max},
      {"and", ReduxOp::And}, {"or", ReduxOp::Or},   {"xor", ReduxOp::Xor}};
  for (auto [name, op] : names) {
    if (!take(name))
      continue;
    uint32_t extra = take("abs") ? 1 << 8 : 0;
    extra |= take("NaN") ? 1 << 9 : 0;
    Type t = takeType();
    bool isOrder = op == ReduxOp::Min || op == ReduxOp::Max;
    if (t == Type::S32 && isOrder)
      op = op == ReduxOp::Min ? ReduxOp::MinS : ReduxOp::MaxS;
    else if (t == Type::F32 && isOrder)
      op = op == ReduxOp::Min ? ReduxOp::MinF : ReduxOp::MaxF;
    else if (t != Type::U32 && t != Type::B32 && !(t == Type::S32 && op == ReduxOp::Add))
      return unknown();
    ValueId d = destination(operand(0), t), a = source(operand(1), t),
            members = source(operand(2), Type::B32);
    Draft &draft = emit(exchange::redux, Class::Shuffle, kShuffleLatency);
    define(draft, kD, d);
    use(draft, kA, a);
    use(draft, kB, members);
    draft.inst.flags = uint32_t(op) | extra;
    return;
  }
  unknown();
}

void Decoder::decodeElect() {
  if (!take("sync") || !expectOperands(3))
    return unknown();
  ValueId d = destination(operand(0), Type::B32);
  PredCode p = predDestination(operand(1));
  ValueId members = source(operand(2), Type::B32);
  Draft &draft = emit(exchange::elect, Class::Shuffle, kVoteLatency);
  define(draft, kD, d);
  definePred(draft, kImm, p);
  use(draft, kA, members);
}

void Decoder::decodeActivemask() {
  Type t = takeType();
  if (!expectOperands(1))
    return;
  ValueId d = destination(operand(0), t);
  Draft &draft = emit(control::activeMask, Class::Shuffle, kVoteLatency);
  define(draft, kD, d);
}

void Decoder::decodeGridDependency() {
  constexpr unsigned long firstChip = 90;
  constexpr uint32_t firstVersion = 78;
  if (std::strtoul(module_.target.c_str() + 3, nullptr, 10) < firstChip ||
      module_.version < firstVersion)
    return fail("needs a module of .version 7.8 and .target sm_90 or later");
  bool isWait = take("wait");
  if ((!isWait && !take("launch_dependents")) || !expectOperands(0))
    return unknown();
  Draft &draft = emit(isWait ? control::gridWait : control::nothing, Class::Control, 1);
  draft.isOrdering = isWait;
}

/// Hints that change no result: nanosleep, setmaxnreg.
void Decoder::decodeNop() {
  std::fill(taken_.begin(), taken_.end(), true);
  emit(control::nothing, Class::Control, 1);
}

/// createpolicy: a hint for caches, whatever it is.
void Decoder::decodeCreatePolicy() {
  std::fill(taken_.begin(), taken_.end(), true);
  copyValue(destination(operand(0), Type::B64), constant(0, 8), 8);
}

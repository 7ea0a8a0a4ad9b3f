// Which family an instruction belongs to, and the order of decoding.
#include "runtime/device/sim/Control.h"
#include "runtime/device/sim/Decoder.h"

using namespace mamba;
using namespace mamba::sim;

const std::map<std::string_view, Decoder::DecodeFn> &Decoder::table() {
  using D = Decoder;
  static const std::map<std::string_view, DecodeFn> functions = {
      {"abs", &D::decodeAbsNeg},
      {"activemask", &D::decodeActivemask},
      {"add", &D::decodeAddSub},
      {"addc", &D::decodeAddSub},
      {"and", &D::decodeLogic},
      {"atom", &D::decodeAtom},
      {"bar", &D::decodeBar},
      {"barrier", &D::decodeBar},
      {"bfe", &D::decodeBfeBfi},
      {"bfi", &D::decodeBfeBfi},
      {"bfind", &D::decodeBits},
      {"bmsk", &D::decodeBitMask},
      {"bra", &D::decodeBra},
      {"brev", &D::decodeBits},
      {"brx", &D::decodeBrx},
      {"clz", &D::decodeBits},
      {"cnot", &D::decodeNot},
      {"copysign", &D::decodeCopysign},
      {"cos", &D::decodeSpecialFunction},
      {"cp", &D::decodeCpAsync},
      {"createpolicy", &D::decodeCreatePolicy},
      {"cvt", &D::decodeCvt},
      {"cvta", &D::decodeCvta},
      {"div", &D::decodeDivRem},
      {"dp2a", &D::decodeDot},
      {"dp4a", &D::decodeDot},
      {"elect", &D::decodeElect},
      {"ex2", &D::decodeSpecialFunction},
      {"exit", &D::decodeExit},
      {"fence", &D::decodeFence},
      {"fma", &D::decodeFma},
      {"fns", &D::decodeBitMask},
      {"griddepcontrol", &D::decodeGridDependency},
      {"isspacep", &D::decodeIsspacep},
      {"ld", &D::decodeLd},
      {"ldmatrix", &D::decodeLdmatrix},
      {"ldu", &D::decodeLd},
      {"lg2", &D::decodeSpecialFunction},
      {"lop3", &D::decodeLop3},
      {"mad", &D::decodeMad},
      {"mad24", &D::decodeMul24},
      {"madc", &D::decodeMad},
      {"match", &D::decodeMatch},
      {"max", &D::decodeMinMax},
      {"membar", &D::decodeFence},
      {"min", &D::decodeMinMax},
      {"mma", &D::decodeMma},
      {"mov", &D::decodeMov},
      {"movmatrix", &D::decodeMovmatrix},
      {"mul", &D::decodeMul},
      {"mul24", &D::decodeMul24},
      {"nanosleep", &D::decodeNop},
      {"neg", &D::decodeAbsNeg},
      {"not", &D::decodeNot},
      {"or", &D::decodeLogic},
      {"popc", &D::decodeBits},
      {"prefetch", &D::decodePrefetch},
      {"prefetchu", &D::decodePrefetch},
      {"prmt", &D::decodePrmt},
      {"rcp", &D::decodeRoot},
      {"red", &D::decodeAtom},
      {"redux", &D::decodeRedux},
      {"rem", &D::decodeDivRem},
      {"ret", &D::decodeRet},
      {"rsqrt", &D::decodeRoot},
      {"sad", &D::decodeSad},
      {"selp", &D::decodeSelp},
      {"set", &D::decodeSet},
      {"setmaxnreg", &D::decodeNop},
      {"setp", &D::decodeSetp},
      {"shf", &D::decodeShf},
      {"shfl", &D::decodeShfl},
      {"shl", &D::decodeShift},
      {"shr", &D::decodeShift},
      {"sin", &D::decodeSpecialFunction},
      {"slct", &D::decodeSlct},
      {"sqrt", &D::decodeRoot},
      {"st", &D::decodeSt},
      {"stmatrix", &D::decodeStmatrix},
      {"sub", &D::decodeAddSub},
      {"subc", &D::decodeAddSub},
      {"szext", &D::decodeBitMask},
      {"tanh", &D::decodeSpecialFunction},
      {"testp", &D::decodeTestp},
      {"trap", &D::decodeTrap},
      {"vote", &D::decodeVote},
      {"xor", &D::decodeLogic},
  };
  return functions;
}

void Decoder::decodeOne(const Flat &flat) {
  in_ = flat.source;
  at_ = &flat;
  taken_.assign(in_->modifiers.size(), false);
  if (flat.callee >= 0) {
    take("uni");
    if (in_->guard >= 0) { // lanes that do not call go around the body
      Draft &draft = emit(control::branch, Class::Control, kBranchLatency);
      draft.inst.guard ^= 1;
      draft.isBranch = draft.isOrdering = true;
      draft.target = frames_[flat.callee].starts.back();
    }
  } else {
    auto found = table().find(in_->opcode);
    if (found == table().end())
      return unknown();
    (this->*found->second)();
  }
  for (bool isTaken : taken_)
    if (!isTaken)
      unknown();
}

Result<std::unique_ptr<Program>> Decoder::run() {
  program_ = std::make_unique<Program>();
  openFrame(kernel_, -1);
  if (hasFailed())
    return error_;
  for (uint32_t offset : kernel_.paramOffsets)
    frames_[0].params.push_back(kParamWindow + offset);
  flatten(0);
  if (!hasFailed())
    placeModuleShared();
  for (const Flat &flat : flat_) {
    if (hasFailed())
      break;
    draftOf_.push_back(uint32_t(drafts_.size()));
    decodeOne(flat);
  }
  in_ = nullptr;
  if (hasFailed())
    return error_;
  // What falls off the end has ended.
  draftOf_.push_back(uint32_t(drafts_.size()));
  Draft &end = emit(control::exitLanes, Class::None, 0);
  end.isExit = true;
  resolveTargets();
  findJoins();
  assignRows();
  build();
  return std::move(program_);
}

// Small random modules over ssm ops, and values for their arguments.
#pragma once

#include "compiler/reference/Reference.h"
#include "test/unit/reference/TestTensors.h"

#include <map>
#include <string>
#include <vector>

namespace mamba {

/// One function `@f` with `ssm.entry`, as text, whose ops follow one another as
/// in models often enough for the fusions to find something, and else at
/// random.
struct RandomModule {
  /// `lengths`: of the sequences of the batch that the function is given.
  RandomModule(uint32_t seed, const std::vector<int64_t> &lengths);

  std::string text;
  std::vector<reference::Value> inputs;
  std::map<std::string, reference::Tensor> weights;

private:
  struct Row {
    std::string name;
    int64_t width;
  };

  struct Pool {
    std::string current, type, attributes;
  };

  /// A value of that width, mostly one of the last.
  std::string pick(int64_t width);
  std::string weight(std::vector<int64_t> shape);
  std::string define(int64_t width, const std::string &op);
  void split(const std::string &x);
  std::string linear(const std::string &x, int64_t from, int64_t to);
  std::string norm(const std::string &x);
  std::string elementwise(const std::string &op, const std::string &x);
  void addResult(const std::string &value, const std::string &type,
                 const std::string &attributes);
  Pool &addPool(std::vector<int64_t> shape);
  /// The pool's version so far; `current` is the next from then on.
  std::string advance(Pool &pool);
  std::string conv(const std::string &x, Pool &pool);
  std::string scan(const std::string &u, const std::string &delta);
  void step();

  reference::RandomTensors random;
  std::vector<Row> rows;
  std::vector<Pool> pools;
  std::string arguments, body, returned, returnedTypes, resultTypes;
  int64_t names = 0, slots = 0;
};

} // namespace mamba

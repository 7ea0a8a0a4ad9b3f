#include "test/unit/fusion/RandomModule.h"

namespace mamba {

using reference::BatchValue;
using reference::Tensor;

static constexpr int64_t E = 8, N = 3, W = 3;

static std::string shapeOf(const std::vector<int64_t> &shape,
                           const std::string &first) {
  std::string text = "tensor<" + first;
  for (int64_t dim : shape)
    text += std::to_string(dim) + "x";
  return text + "f32>";
}
static std::string rowsType(int64_t width) { return shapeOf({width}, "?x"); }

RandomModule::RandomModule(uint32_t seed, const std::vector<int64_t> &lengths)
    : random(seed) {
  BatchValue batch = reference::makeBatch(lengths);
  slots = batch.sequences() + 1;
  for (int64_t &slot : batch.slot)
    slot = slots - 1 - slot;
  for (const char *name : {"%x", "%z"}) {
    arguments += std::string(name) + ": " + rowsType(E) + ", ";
    rows.push_back({name, E});
    inputs.push_back(random({batch.tokens(), E}));
  }
  arguments += "%batch: !ssm.batch";
  inputs.push_back(batch);

  for (int64_t i = 0, steps = random.integer(3, 8); i < steps; ++i)
    step();
  for (const Pool &pool : pools)
    addResult(pool.current, pool.type, pool.attributes);

  // The last value, and now and then another, which then has one more reader.
  for (size_t i = 2; i < rows.size(); ++i)
    if (i + 1 == rows.size() || random.integer(0, 9) == 0)
      addResult(rows[i].name, rowsType(rows[i].width), "");
  text = "module attributes {ssm.target = \"cpu:x86-64-v4\"} {\nfunc.func @f(" +
         arguments + ") -> (" + resultTypes.substr(2) +
         ") attributes {ssm.entry = \"f\"} {\n" + body + "  return " +
         returned.substr(2) + " : " + returnedTypes.substr(2) + "\n}\n}\n";
}

std::string RandomModule::pick(int64_t width) {
  std::vector<std::string> fitting;
  for (const Row &row : rows)
    if (row.width == width)
      fitting.push_back(row.name);
  int64_t back =
      random.integer(0, 2) ? 0 : random.integer(0, fitting.size() - 1);
  return fitting[fitting.size() - 1 - back];
}

std::string RandomModule::weight(std::vector<int64_t> shape) {
  std::string name = "w" + std::to_string(weights.size());
  body += "  %" + name + " = ssm.weight \"" + name +
          "\" : " + shapeOf(shape, "") + "\n";
  weights[name] = random(shape);
  return "%" + name;
}

std::string RandomModule::define(int64_t width, const std::string &op) {
  std::string name = "%v" + std::to_string(names++);
  body += "  " + name + " = " + op + "\n";
  rows.push_back({name, width});
  return name;
}

void RandomModule::split(const std::string &x) {
  std::string a = "%v" + std::to_string(names++),
              b = "%v" + std::to_string(names++);
  body += "  " + a + ", " + b + " = ssm.split " + x + " : " + rowsType(2 * E) +
          " -> " + rowsType(E) + ", " + rowsType(E) + "\n";
  rows.push_back({a, E});
  rows.push_back({b, E});
}

std::string RandomModule::linear(const std::string &x, int64_t from,
                                 int64_t to) {
  std::string w = weight({to, from});
  return define(to, "ssm.linear " + x + ", " + w + " : " + rowsType(from) +
                        ", " + shapeOf({to, from}, "") + " -> " + rowsType(to));
}

std::string RandomModule::norm(const std::string &x) {
  if (random.integer(0, 1))
    return define(E, "ssm.rms_norm " + x + " eps 1.0e-05 : " + rowsType(E));
  std::string w = weight({E});
  return define(E, "ssm.rms_norm " + x + " weight " + w + " eps 1.0e-05 : " +
                       rowsType(E) + ", " + shapeOf({E}, ""));
}

std::string RandomModule::elementwise(const std::string &op,
                                      const std::string &x) {
  return define(E, "ssm." + op + " " + x + " : " + rowsType(E));
}

void RandomModule::addResult(const std::string &value, const std::string &type,
                             const std::string &attributes) {
  returned += ", " + value;
  returnedTypes += ", " + type;
  resultTypes += ", " + type + attributes;
}

RandomModule::Pool &RandomModule::addPool(std::vector<int64_t> shape) {
  std::string number = std::to_string(pools.size());
  pools.push_back({"%s" + number, shapeOf(shape, "?x"),
                   " {ssm.state = \"s" + number + "\"}"});
  Pool &pool = pools.back();
  arguments += ", " + pool.current + ": " + pool.type + pool.attributes;
  shape.insert(shape.begin(), slots);
  inputs.push_back(random(shape));
  return pool;
}

std::string RandomModule::advance(Pool &pool) {
  std::string before = pool.current;
  pool.current = "%s" + std::to_string(names++) + "_next";
  return before;
}

std::string RandomModule::conv(const std::string &x, Pool &pool) {
  std::string w = weight({E, W}), y = "%v" + std::to_string(names++);
  std::string before = advance(pool);
  body += "  " + y + ", " + pool.current + " = ssm.conv1d " + x + ", " + w +
          " state " + before + " of %batch : (" + rowsType(E) + ", " +
          shapeOf({E, W}, "") + ", " + pool.type + ", !ssm.batch) -> (" +
          rowsType(E) + ", " + pool.type + ")\n";
  rows.push_back({y, E});
  return y;
}

std::string RandomModule::scan(const std::string &u, const std::string &delta) {
  std::string B = linear(pick(E), E, N), C = linear(pick(E), E, N);
  std::string log = weight({E, N}), a = log + "_a",
              y = "%v" + std::to_string(names++);
  std::string aType = shapeOf({E, N}, "");
  Pool &pool = addPool({E, N});
  std::string before = advance(pool);
  body += "  " + a + " = ssm.decay " + log + " : " + aType + "\n";
  body += "  " + y + ", " + pool.current + " = ssm.selective_scan " + u +
          " delta " + delta + " A " + a + " B " + B + " C " + C + " state " +
          before + " of %batch : (" + rowsType(E) + ", " + rowsType(E) + ", " +
          aType + ", " + rowsType(N) + ", " + rowsType(N) + ", " + pool.type +
          ", !ssm.batch) -> (" + rowsType(E) + ", " + pool.type + ")\n";
  rows.push_back({y, E});
  return y;
}

void RandomModule::step() {
  switch (random.integer(0, 7)) {
  case 0:
    split(linear(norm(pick(E)), E, 2 * E));
    return;
  case 1: {
    // Now and then the pool goes on before SiLU reads y: the reader of the pool
    // stands between the two kernels.
    Pool &pool = addPool({W - 1, E});
    std::string y = conv(pick(E), pool);
    if (random.integer(0, 1))
      conv(pick(E), pool);
    elementwise("silu", y);
    return;
  }
  case 2:
  case 3: {
    std::string u = pick(E),
                dt = elementwise("softplus", linear(pick(E), E, E));
    std::string y = scan(u, dt);
    define(E, "ssm.gate " + y + ", " + pick(E) + " : " + rowsType(E));
    return;
  }
  case 4: {
    std::string r = pick(E), y = linear(pick(E), E, E);
    bool first = random.integer(0, 1);
    define(E, "ssm.add " + (first ? y + ", " + r : r + ", " + y) + " : " +
                  rowsType(E));
    return;
  }
  case 5:
    define(E, "ssm.gate " + pick(E) + ", " + pick(E) + " : " + rowsType(E));
    return;
  case 6:
    linear(norm(pick(E)), E, E);
    return;
  default:
    elementwise("silu", pick(E));
  }
}

} // namespace mamba

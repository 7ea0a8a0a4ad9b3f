// Names of NVIDIA's chips as code is made for them.
#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace mamba {

/// "sm_90a" is {90, "a"}. Later is newer.
struct GpuArch {
  unsigned number = 0;
  std::string_view suffix;

  /// Of a verified target's arch, from which the suffix is borrowed.
  static GpuArch of(std::string_view arch) {
    GpuArch result;
    arch.remove_prefix(3);
    while (!arch.empty() && arch[0] >= '0' && arch[0] <= '9') {
      result.number = result.number * 10 + static_cast<unsigned>(arch[0] - '0');
      arch.remove_prefix(1);
    }
    result.suffix = arch;
    return result;
  }
  auto operator<=>(const GpuArch &) const = default;

  /// Whether its PTX can become code of the chip (90 for 9.0). With "a" it is
  /// for that chip alone, with "f" for its family.
  bool compilesFor(unsigned chip) const {
    if (suffix.empty())
      return number <= chip;
    return suffix == "f" ? isOfFamily(chip) : number == chip;
  }
  /// Whether its machine code runs on the chip.
  bool runsOn(unsigned chip) const {
    return suffix == "a" ? number == chip : isOfFamily(chip);
  }

private:
  bool isOfFamily(unsigned chip) const {
    return number / 10 == chip / 10 && number <= chip;
  }
};

} // namespace mamba

#include "tools/mamba-run/Interrupt.h"
#include "tools/mamba-run/LineSource.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <unistd.h>

namespace mamba::run {

namespace {

class PlainLines : public LineSource {
public:
  Result<LineEvent> next(std::string &line) override;

private:
  Result<LineEvent> readMore();

  std::string pending_; // read, not yet given
  size_t searched_ = 0; // bytes of it that hold no end of a line
  bool atEnd_ = false;
};

/// Line where there are more bytes.
Result<LineEvent> PlainLines::readMore() {
  pollfd ready[] = {{STDIN_FILENO, POLLIN, 0},
                    {interruptDescriptor(), POLLIN, 0}};
  while (true) {
    if (interrupted())
      return LineEvent::Interrupted;
    if (poll(ready, 2, -1) < 0 && errno != EINTR)
      return ioError(std::string("cannot wait for stdin: ") +
                     std::strerror(errno));
    if (interrupted() || ready[0].revents == 0)
      continue;
    std::array<char, 4096> bytes;
    ssize_t count = read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count > 0) {
      pending_.append(bytes.data(), count);
      return LineEvent::Line;
    }
    if (count == 0)
      return LineEvent::End;
    if (errno != EINTR && errno != EAGAIN)
      return ioError(std::string("cannot read stdin: ") + std::strerror(errno));
  }
}

Result<LineEvent> PlainLines::next(std::string &line) {
  while (true) {
    size_t end = pending_.find('\n', searched_);
    if (end != std::string::npos || (atEnd_ && !pending_.empty())) {
      line = pending_.substr(0, end);
      if (!line.empty() && line.back() == '\r')
        line.pop_back();
      pending_.erase(0, end == std::string::npos ? end : end + 1);
      searched_ = 0;
      return LineEvent::Line;
    }
    if (atEnd_)
      return LineEvent::End;
    searched_ = pending_.size();
    if (searched_ > kMaxLineBytes)
      return invalidData("a line of stdin is longer than " +
                         std::to_string(kMaxLineBytes) + " bytes, cut it");
    MAMBA_ASSIGN_OR_RETURN(LineEvent event, readMore());
    if (event == LineEvent::Interrupted)
      return event;
    atEnd_ = event == LineEvent::End;
  }
}

} // namespace

std::unique_ptr<LineSource> plainLines() {
  return std::make_unique<PlainLines>();
}

} // namespace mamba::run

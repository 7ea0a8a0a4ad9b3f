// Line editing by libedit.
#include "runtime/support/Utf8.h"
#include "tools/mamba-run/Common.h"
#include "tools/mamba-run/Interrupt.h"
#include "tools/mamba-run/LineHistory.h"
#include "tools/mamba-run/LineSource.h"

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstring>
#include <histedit.h>
#include <langinfo.h>
#include <optional>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace mamba::run {

namespace {

std::wstring toWide(std::string_view text) {
  std::wstring wide;
  while (!text.empty()) {
    size_t length = utf8SequenceLength(text);
    auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    uint32_t code = length == 1   ? byte(0)
                    : length == 2 ? byte(0) & 0x1f
                    : length == 3 ? byte(0) & 0x0f
                                  : byte(0) & 0x07;
    for (size_t i = 1; i < length; ++i)
      code = code << 6 | (byte(i) & 0x3f);
    wide += length == 0 ? L'\ufffd' : static_cast<wchar_t>(code);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return wide;
}

std::string toUtf8(std::wstring_view wide) {
  std::string text;
  for (wchar_t c : wide)
    appendUtf8(text, static_cast<uint32_t>(c));
  return text;
}

class EditedLines : public LineSource {
public:
  static Result<std::unique_ptr<LineSource>> open(const std::string &prompt,
                                                  std::string historyFile);
  EditedLines(const std::string &prompt, std::string historyFile)
      : prompt_(toWide(prompt)), file_(std::move(historyFile)) {}
  ~EditedLines() override;
  Result<LineEvent> next(std::string &line) override;

private:
  static wchar_t *showPrompt(EditLine *editor);
  static int readCharacter(EditLine *editor, wchar_t *character);
  int readByte(unsigned char &byte);
  void loadHistory();
  void remember(const std::wstring &wide, const std::string &line);
  void giveUpHistory(const Status &why);

  std::wstring prompt_;
  std::string file_; // Empty: lines are not kept.
  EditLine *editor_ = nullptr;
  HistoryW *history_ = nullptr;
  std::string last_;                   // the newest line of the history
  std::optional<unsigned char> ahead_; // read, of the next character
};

Result<std::unique_ptr<LineSource>> EditedLines::open(const std::string &prompt,
                                                      std::string historyFile) {
  // libedit writes characters as the locale says; text is UTF-8 everywhere.
  if (!std::setlocale(LC_CTYPE, "") ||
      std::strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
    std::setlocale(LC_CTYPE, "C.UTF-8");
  auto lines = std::make_unique<EditedLines>(prompt, std::move(historyFile));
  lines->history_ = history_winit();
  lines->editor_ = el_init("mamba-run", stdin, stderr, stderr);
  if (!lines->history_ || !lines->editor_)
    return unavailable("lines cannot be edited on this terminal; "
                       "'cat | mamba-run chat' reads them as they are");
  EditLine *editor = lines->editor_;
  HistEventW event;
  history_w(lines->history_, &event, H_SETSIZE,
            static_cast<int>(kHistoryLines));
  el_wset(editor, EL_CLIENTDATA, lines.get());
  el_wset(editor, EL_PROMPT, showPrompt);
  el_wset(editor, EL_EDITOR, L"emacs");
  el_wset(editor, EL_SIGNAL, 1); // Stopped and resized, it redraws the line.
  el_wset(editor, EL_HIST, history_w, lines->history_);
  el_wset(editor, EL_GETCFN, readCharacter);
  lines->loadHistory();
  return std::unique_ptr<LineSource>(std::move(lines));
}

EditedLines::~EditedLines() {
  if (editor_)
    el_end(editor_);
  if (history_)
    history_wend(history_);
}

wchar_t *EditedLines::showPrompt(EditLine *editor) {
  EditedLines *self = nullptr;
  el_wget(editor, EL_CLIENTDATA, &self);
  return self->prompt_.data();
}

/// 1, 0 at the end, -1 when interrupted or broken.
int EditedLines::readByte(unsigned char &byte) {
  pollfd ready[] = {{STDIN_FILENO, POLLIN, 0},
                    {interruptDescriptor(), POLLIN, 0}};
  while (!interrupted()) {
    if (poll(ready, 2, -1) < 0 && errno != EINTR)
      return -1;
    if (interrupted() || ready[0].revents == 0)
      continue;
    ssize_t count = read(STDIN_FILENO, &byte, 1);
    if (count >= 0)
      return static_cast<int>(count);
    if (errno != EINTR && errno != EAGAIN)
      return -1;
  }
  errno = EINTR;
  return -1;
}

/// libedit's own would read once more after an interruption, and bytes as the
/// locale has them.
int EditedLines::readCharacter(EditLine *editor, wchar_t *character) {
  EditedLines *self = nullptr;
  el_wget(editor, EL_CLIENTDATA, &self);
  unsigned char byte = 0;
  if (self->ahead_)
    byte = *std::exchange(self->ahead_, std::nullopt);
  else if (int count = self->readByte(byte); count != 1)
    return count;
  std::string bytes(1, static_cast<char>(byte));
  size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
  while (bytes.size() < length) {
    if (int count = self->readByte(byte); count != 1)
      return count;
    if ((byte & 0xc0) != 0x80) { // The character before it is broken.
      self->ahead_ = byte;
      break;
    }
    bytes += static_cast<char>(byte);
  }
  *character = toWide(bytes)[0];
  return 1;
}

void EditedLines::giveUpHistory(const Status &why) {
  report(why.message());
  file_.clear();
}

void EditedLines::loadHistory() {
  if (file_.empty())
    return;
  Result<std::vector<std::string>> lines = readHistory(file_);
  if (!lines.ok())
    return giveUpHistory(lines.status());
  HistEventW event;
  for (const std::string &line : *lines)
    history_w(history_, &event, H_ENTER, toWide(line).c_str());
  if (!lines->empty())
    last_ = lines->back();
}

/// But not a line like the one before.
void EditedLines::remember(const std::wstring &wide, const std::string &line) {
  if (line.empty() || line == last_)
    return;
  last_ = line;
  HistEventW event;
  history_w(history_, &event, H_ENTER, wide.c_str());
  if (file_.empty())
    return;
  if (Status kept = appendHistory(file_, line); !kept.ok())
    giveUpHistory(kept);
}

Result<LineEvent> EditedLines::next(std::string &line) {
  int count = 0;
  // el_wgets would do so after the prompt: a Ctrl-D typed between the two would
  // be taken by the terminal, and lost.
  el_wset(editor_, EL_PREP_TERM, 1);
  const wchar_t *typed = el_wgets(editor_, &count);
  if (interrupted()) {
    el_reset(editor_);
    return LineEvent::Interrupted;
  }
  if (!typed || count <= 0)
    return LineEvent::End;
  std::wstring wide(typed, count);
  while (!wide.empty() && (wide.back() == L'\n' || wide.back() == L'\r'))
    wide.pop_back();
  line = toUtf8(wide);
  remember(wide, line);
  return LineEvent::Line;
}

} // namespace

Result<std::unique_ptr<LineSource>>
editedLines(const std::string &prompt, const std::string &historyFile) {
  return EditedLines::open(prompt, historyFile);
}

} // namespace mamba::run

# RUN: bash %s %t
# A signal in the middle of a large file: the program ends as the signal wants it, and
# nothing of the file is left.
. "$(dirname "$0")/Inputs/common.sh"

cat >config.json <<'JSON'
{"model_type": "mamba", "hidden_size": 512, "num_hidden_layers": 12, "vocab_size": 1000}
JSON
python3 - <<'PYTHON'
import glob
import os
import signal
import subprocess
import time


def half_written():
    sizes = []
    for path in glob.glob("made/.mamba-*"):
        try:
            sizes.append(os.path.getsize(path))
        except FileNotFoundError:
            pass
    return any(size > 1 << 20 for size in sizes)


stopped = 0
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    process = subprocess.Popen(
        ["mamba-import", "config.json", "--random-weights=1", "-o", "made"],
        stderr=subprocess.PIPE, preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    while process.poll() is None and not half_written():
        time.sleep(0.001)
    process.send_signal(number)
    err = process.communicate(timeout=120)[1]
    assert process.returncode in (0, -number), (number, process.returncode, err)
    assert not glob.glob("made/.mamba-*"), number
    stopped += process.returncode != 0
    assert os.path.exists("made/model.safetensors") == (process.returncode == 0), number
    for name in glob.glob("made/*"):
        os.remove(name)
    if os.path.isdir("made"):
        os.rmdir("made")
assert stopped, "it was never in the middle"
PYTHON

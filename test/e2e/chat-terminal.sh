# RUN: bash %s %t
# A conversation on a terminal: editing, history, Ctrl-C, Ctrl-D.
. "$(dirname "$0")/Inputs/common.sh"

mpk=$(pack models/shakespeare)
python3 "$MAMBA_SOURCE/test/e2e/Inputs/chat-terminal.py" "$mpk"

# RUN: bash %s %t
# Ctrl-C at any moment: a verb ends with 130, or 0 if it was done, in one line at
# most; what it writes is whole or not there, and nothing else is left.
. "$(dirname "$0")/Inputs/common.sh"

mpk=$(pack models/shakespeare)
for _ in $(seq 12); do cat "$data/models/shakespeare/sample.txt"; done >text
python3 "$MAMBA_SOURCE/test/e2e/Inputs/interrupt.py" "$mpk"

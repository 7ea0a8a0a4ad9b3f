# RUN: bash %s %t
# The scan alone on the simulated GPU: y, gated y and the last state of every
# golden case.
. "$(dirname "$0")/Inputs/common.sh"

golden=$data/golden/selective_scan.safetensors
for case in short:E=16,N=16 odd:E=19,N=5 long:E=4,N=16 one:E=32,N=8; do
  name=${case%%:*}
  mamba-import --op=scan --sizes="${case#*:}" -o "$name.mlir"
  mamba-pack build "$name.mlir" -o "$name.mpk" --target=cuda:sm_80
  for entry in scan scan_gated; do
    result=y=y
    [ $entry = scan ] || result=y=y_gated
    mamba-run call "$name.mpk" --device=sim --entry $entry --input "$golden" \
      --prefix "$name." --output "$name.$entry"
    echo "$name, $entry:"
    test-tensors compare "$name.$entry" "$golden" $result h_last \
      --expected-prefix "$name." --tolerance 2e-4
  done
done

# RUN: bash %s %t
# The scan alone, from its operator module: y, gated y and the last state of
# every golden case, the same bits for any threads.
. "$(dirname "$0")/Inputs/common.sh"

golden=$data/golden/selective_scan.safetensors
for case in short:E=16,N=16 odd:E=19,N=5 long:E=4,N=16 one:E=32,N=8; do
  name=${case%%:*}
  mamba-import --op=scan --sizes="${case#*:}" -o "$name.mlir"
  mamba-pack build "$name.mlir" -o "$name.mpk"
  for entry in scan scan_gated; do
    result=y=y
    [ $entry = scan ] || result=y=y_gated
    for threads in 1 2 5; do
      mamba-run call "$name.mpk" --entry $entry --input "$golden" --prefix "$name." \
        --output "$name.$entry.$threads" --threads $threads
      test-tensors compare "$name.$entry.$threads" "$name.$entry.1" --bits
    done
    echo "$name, $entry:"
    test-tensors compare "$name.$entry.1" "$golden" $result h_last \
      --expected-prefix "$name." --tolerance 2e-4
  done
done

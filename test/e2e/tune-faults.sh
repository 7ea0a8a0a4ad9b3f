# RUN: bash %s %t
# A sweep where files cannot be written or read: one line says why, a candidate's
# trouble is in the report, and nothing is left behind.
. "$(dirname "$0")/Inputs/common.sh"

model=$data/models/shakespeare
kernel='rows last_rows f32->f32 prefill'
export TMPDIR=$PWD/tmp
mkdir tmp
sweep() { mamba-tune "$model" --kernels "$kernel" --quiet "$@"; }
# With --db FILE it fails with this line, and leaves nothing.
refuses() { # PATTERN FILE [OPTION...]
  fails 1 "$1" mamba-tune "$model" --kernels "$kernel" --db "${@:2}"
  [ -z "$(ls tmp)" ] || die "left behind: $(ls tmp)"
}

# What is no file is not opened: a pipe would wait for its other end.
mkfifo fifo pipe.tune.journal
for file in fifo /dev/full /dev/null .; do
  refuses "'$file' is not a regular file, name another database" $file
done
refuses "'pipe.tune.journal' is not a regular file, name another database" pipe.tune --resume
[ ! -e pipe.tune ] || die 'a database is there'
refuses "cannot write 'no/such/x.tune': No such file or directory" no/such/x.tune

# A folder that cannot be written, for who is not root.
mkdir closed
chmod 555 closed
if [ "$(id -u)" != 0 ]; then
  refuses "cannot write 'closed/x.tune': Permission denied" closed/x.tune
elif setpriv --reuid=65534 --regid=65534 --clear-groups mamba-tune --version >none 2>&1; then
  status=0
  setpriv --reuid=65534 --regid=65534 --clear-groups \
    mamba-tune "$model" --kernels "$kernel" --db closed/x.tune >none 2>stderr || status=$?
  [ $status = 1 ] && grep -Eq "^mamba-tune: cannot (write|open) 'closed/x.tune': Permission denied$" stderr ||
    die "status $status: $(cat stderr)"
fi

# Without a folder for temporary files, none at home, no environment at all.
TMPDIR=/no/such refuses 'there is no folder for temporary files, set TMPDIR to one' x.tune
TMPDIR=/proc refuses "cannot make a folder for the candidates in '/proc', set TMPDIR to one" x.tune
absent x.tune
env -i "$(command -v mamba-tune)" "$model" --kernels "$kernel" --db bare.tune --quiet >report
grep -q '^geometric mean' report

# A file that cannot be written ends the sweep, which names the kernel.
(ulimit -f 1 && fails 1 "scan .*: cannot write '.*': File too large; what was found is in limit.tune, --resume goes on$" \
  mamba-tune "$model" --kernels 'selective_scan+split+gate' --db limit.tune --quiet)
[ -e limit.tune ] && [ ! -s limit.tune ] || die 'a kernel that was not tuned has a record'
[ -z "$(ls tmp)" ] || die "left behind: $(ls tmp)"

# A full disk, where a test may have one.
mkdir full
on_full() { unshare "$@" bash -c "mount -t tmpfs -o size=16k none full && head -c $fill /dev/zero >full/fill 2>none; $command"; }
fill=16k
command='[ -s full/fill ]'
for how in --mount '--map-root-user --mount'; do
  read -ra options <<<"$how"
  ! on_full "${options[@]}" 2>none || break
  options=()
done
if [ ${#options[@]} = 0 ]; then
  echo 'no file system may be mounted here: a full disk is not tested'
  exit
fi
export model kernel
command='mamba-tune "$model" --kernels "$kernel" --db full/x.tune --quiet'
status=0
on_full "${options[@]}" >report 2>stderr || status=$?
[ $status = 1 ] && grep -q "^mamba-tune: cannot write 'full/x.tune.journal': No space left on device$" stderr ||
  die "status $status: $(cat stderr)"
[ -z "$(ls tmp)" ] || die "left behind: $(ls tmp)"
command='mamba-tune "$model" --kernels "$kernel" --db full.tune --quiet; status=$?; ls full >remains; exit $status'
for fill in 16k 12k; do # all of it; all but a page
  status=0
  TMPDIR=$PWD/full on_full "${options[@]}" >report 2>stderr || status=$?
  [ $status = 1 ] && [ "$(wc -l <stderr)" = 1 ] &&
    grep -Eq "^mamba-tune: ($kernel.*: )?cannot (write|make) .*(No space left on device|can be written)" stderr ||
    die "status $status, said: $(cat report stderr)"
  [ "$(cat remains)" = fill ] || die "left behind: $(cat remains)"
done

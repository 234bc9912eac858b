#!/usr/bin/env bash
# Builds, tests and installs effattn; `./build.sh help` lists what it does.
set -euo pipefail

usage() {
  cat <<'EOF'
usage: ./build.sh [COMMAND] [--debug | --asan]

  build           compile everything; the tools are in build/bin/ (default)
  demo [TEXT]     build, then show a small language model, and layers over TEXT
  check           build, then run every test that takes seconds, a few of them
                  with checks of every load and store of compiled code
  check-long      the same with the long tests, many with those checks,
                  clang-tidy, and a search for IR that breaks the compiler, in
                  build-fuzz/
  bench [ARG...]  build, then measure beside PyTorch and other peers, which are
                  installed into .venv-bench/ (`bench --help`, `bench --quick`)
  docs            build the documentation, with the reference of ops and passes,
                  as a site in build/docs/site/
  install PREFIX  build, then install into PREFIX
  clean           remove the build trees and the virtual environments
  help            print this text

  --debug         unoptimised with assertions, in build-debug/
  --asan          with AddressSanitizer and UndefinedBehaviorSanitizer, in
                  build-asan/

Any command can be the first one in a fresh clone: missing Debian packages are
installed when run as root and named otherwise, and the Python package goes
into a virtual environment in .venv/. The output of each step is in logs/ of
the build tree. CMAKE_BUILD_PARALLEL_LEVEL limits the number of compilers, and
LIT_OPTS and PYTEST_ADDOPTS reach the test runners.
EOF
}

packages=(
  libmlir-22-dev mlir-22-tools llvm-22-dev llvm-22-tools clang-22 lld-22
  libclang-rt-22-dev libomp-22-dev libdlpack-dev nlohmann-json3-dev
  libsentencepiece-dev
  ninja-build ccache cmake python3-dev python3-venv
)
llvm=/usr/lib/llvm-22

caller=$PWD
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
venv=$root/.venv
python=$venv/bin/python
ticker=

bad_usage() {
  echo "build.sh: $1; './build.sh help' lists the commands" >&2
  exit 2
}

# --- Steps: one line each, details in a log ---------------------------------

stop_ticker() {
  [[ -n $ticker ]] || return 0
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  ticker=
  printf '\r\033[K'
}

interrupted() {
  stop_ticker
  echo "build.sh: interrupted" >&2
  exit "$1"
}
trap stop_ticker EXIT
trap 'interrupted 130' INT
trap 'interrupted 143' TERM HUP

# On a terminal, a long step shows its age and the last line of its log.
tick() {
  local name=$1 log=$2 start=$SECONDS line width=$((${COLUMNS:-80} - 24))
  while sleep 1; do
    line=$(tail -c 1000 "$log" | tr '\r\t' '\n ' | tail -n 1 || true)
    printf '\r\033[K%-10s %7d s  %s' "$name" $((SECONDS - start)) \
      "${line:0:$((width > 0 ? width : 0))}"
  done
}

# try_step NAME COMMAND...: runs COMMAND, prints its time, returns its status;
# after a failure also the end of the log.
try_step() {
  local name=$1 log=$logs/$1.log status=0 start now word=
  shift
  mkdir -p "$logs"
  : >"$log"
  start=${EPOCHREALTIME//[!0-9]/}
  if [[ -t 1 ]]; then
    tick "$name" "$log" 2>/dev/null &
    ticker=$!
  fi
  "$@" >"$log" 2>&1 </dev/null || status=$?
  stop_ticker
  now=${EPOCHREALTIME//[!0-9]/}
  ((status == 0)) || word='  failed'
  printf '%-10s %5d.%d s%s\n' "$name" $(((now - start) / 1000000)) \
    $(((now - start) / 100000 % 10)) "$word"
  if ((status != 0)); then
    tail -n 40 "$log"
    echo "build.sh: step '$name' failed; its whole output is in $log"
  fi >&2
  return "$status"
}

step() { try_step "$@" || exit; }

# --- packages ----------------------------------------------------------------

missing_packages() {
  local package
  for package in "${packages[@]}"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) \
      == installed ]] || printf '%s\n' "$package"
  done
}

# Without dpkg nobody knows the names of the packages, but the tools are known.
check_tools() {
  local tool missing=()
  for tool in cmake ninja ccache python3 clang-22 clang++-22; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  for tool in lib/cmake/mlir/MLIRConfig.cmake bin/mlir-opt bin/FileCheck \
    bin/lit bin/ld.lld; do
    [[ -e $llvm/$tool ]] || missing+=("$llvm/$tool")
  done
  ((${#missing[@]} == 0)) && return
  echo "LLVM and MLIR 22 and the usual build tools are needed, and this" \
    "system has no apt to install them with; not found: ${missing[*]}"
  return 1
}

apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  local package lost=()
  apt-get update || apt-get update || return
  for package in "$@"; do
    # In a pipe to grep -q, which stops reading, the tool could fail instead.
    [[ $(LC_ALL=C apt-cache policy "$package") == *"Candidate: "[^\(]* ]] ||
      lost+=("$package")
  done
  if ((${#lost[@]} > 0)); then
    echo "no apt source has ${lost[*]}: configure one with LLVM 22" \
      "(apt.llvm.org) and run this again"
    return 1
  fi
  apt-get install -y --no-install-recommends "$@" ||
    apt-get install -y --no-install-recommends "$@"
}

install_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    check_tools
    return
  fi
  local missing
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]} == 0)) && return
  if ((EUID == 0)); then
    apt_install "${missing[@]}"
    return
  fi
  echo "missing Debian packages: ${missing[*]}"
  echo "install them with: sudo apt-get install ${missing[*]}"
  return 1
}

# --- python ------------------------------------------------------------------

# python_fingerprint REQUIREMENTS
python_fingerprint() {
  { printf '%s\n' "$root" && python3 --version && cat "$1"; } | sha256sum
}

# The package is used where it stands, with the extension and the tools of the
# build tree; PYTHONPATH comes before it.
link_package() {
  local folder
  folder=$("$1/bin/python" -c \
    'import sysconfig; print(sysconfig.get_path("purelib"))') &&
    printf '%s\n' "$root/python/src" >"$folder/effattn.pth"
}

# install_python VENV REQUIREMENTS [STAMP]: installs once, which the file STAMP
# of the environment says.
install_python() {
  local venv=$1 requirements=$2 stamp=$1/${3:-installed} fingerprint
  local python=$venv/bin/python
  fingerprint=$(python_fingerprint "$requirements") || return
  [[ -x $python && -e $stamp && $(<"$stamp") == "$fingerprint" ]] && return
  if ! python3 -c 'import ensurepip, venv'; then
    echo "python3 cannot make a virtual environment: its modules venv and" \
      "ensurepip are missing (Debian: python3-venv)"
    return 1
  fi
  rm -f "$stamp"
  "$python" -m pip --version 2>/dev/null ||
    python3 -m venv --clear "$venv" || return
  "$python" -m pip install --disable-pip-version-check --no-input \
    -r "$requirements" || return
  link_package "$venv" || return
  printf '%s\n' "$fingerprint" >"$stamp"
}

# --- configure, build --------------------------------------------------------

# A cache folder that cannot be written would fail every compilation.
check_ccache() {
  local folder
  folder=$(ccache --get-config cache_dir 2>/dev/null) || folder=
  if ! mkdir -p "$folder" 2>/dev/null || [[ ! -w $folder ]]; then
    export CCACHE_DISABLE=1
  fi
}

# Ninja notices changes of CMakeLists.txt, but not of presets, and a tree that
# was moved cannot be used again.
configure() {
  local stamp=$build/configured fresh=()
  if [[ -e $build/CMakeCache.txt ]] && ! grep -qxF \
    "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$build/CMakeCache.txt"; then
    fresh=(--fresh)
  elif [[ -e $build/build.ninja && -e $stamp &&
    ! $root/CMakePresets.json -nt $stamp ]]; then
    return
  fi
  cmake -S "$root" --preset "$preset" ${fresh[@]+"${fresh[@]}"} \
    -DPython3_EXECUTABLE="$python" && touch "$stamp" &&
    ln -sfn "${build##*/}/compile_commands.json" "$root/compile_commands.json"
}

prepare() {
  step packages install_packages
  step python install_python "$venv" "$root/python/requirements-dev.txt"
  check_ccache
  step configure configure
}

build_all() {
  prepare
  step build cmake --build "$build"
}

# --- check -------------------------------------------------------------------

# sum_tests LIT_STATUS LIT_REPORT [PYTEST_STATUS PYTEST_REPORT]...: prints the
# sums and fails when a test did or none ran. A runner that failed without
# naming a failed test (a crash, a bad option) counts as one failure.
sum_tests() {
  "$python" - "$@" <<'EOF'
import functools
import json
import sys
import xml.etree.ElementTree

lit_status, lit_report, *pytest_runs = sys.argv[1:]
PASSED, FAILED, SKIPPED = range(3)


def lit_outcomes():
    with open(lit_report) as report:
        for test in json.load(report)["tests"]:
            if test["code"] in ("PASS", "FLAKYPASS", "XFAIL"):
                yield PASSED
            elif test["code"] in ("UNSUPPORTED", "SKIPPED", "EXCLUDED"):
                yield SKIPPED
            else:
                yield FAILED


def pytest_outcomes(report):
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            yield FAILED
        elif skip is not None and skip.get("type") != "pytest.xfail":
            yield SKIPPED
        else:
            yield PASSED


runs = [(lit_status, lit_outcomes)]
for status, report in zip(pytest_runs[::2], pytest_runs[1::2]):
    runs.append((status, functools.partial(pytest_outcomes, report)))
sums = [0, 0, 0]
for status, outcomes in runs:
    found = []
    try:
        found.extend(outcomes())
    except (OSError, ValueError, xml.etree.ElementTree.ParseError):
        pass
    if status != "0" and FAILED not in found:
        found.append(FAILED)
    for outcome in found:
        sums[outcome] += 1
print("%d passed, %d failed, %d skipped" % tuple(sums))
sys.exit(1 if sums[FAILED] or not sums[PASSED] else 0)
EOF
}

run_tests() {
  local folder folders=() lit_status=0 pytest_status=0 sanitized=()
  local lit_report=$logs/lit.json pytest_report=$logs/pytest.xml
  local sanitized_report=$logs/sanitized.xml
  for folder in Python Integration; do
    [[ -d $root/test/$folder ]] && folders+=("$root/test/$folder")
  done
  rm -f "$lit_report" "$pytest_report" "$sanitized_report"
  export EFFATTN_BUILD_DIR=$build
  # MLIR is built without AddressSanitizer, so memory that our code poisons in
  # an arena shared with it stays poisoned when MLIR hands it out again.
  export ASAN_OPTIONS=${ASAN_OPTIONS-allow_user_poisoning=0}
  try_step lit "$python" "$llvm/bin/lit" -sv -o "$lit_report" "$@" \
    "$build/test" || lit_status=$?
  try_step pytest run_pytest --junit-xml="$pytest_report" "${folders[@]}" ||
    pytest_status=$?
  # Tools that were built with it want to bring their own runtime.
  if [[ $preset != asan ]]; then
    sanitized=(0 "$sanitized_report")
    try_step sanitized run_sanitized --junit-xml="$sanitized_report" ||
      sanitized[0]=$?
  fi
  sum_tests "$lit_status" "$lit_report" "$pytest_status" "$pytest_report" \
    ${sanitized[@]+"${sanitized[@]}"}
}

# Everything as kernels of a GPU, run by the emulator in three orders, which give
# the same bits.
run_emulated() (
  unset EFFATTN_LONG EFFATTN_EMULATOR_SEED
  export EFFATTN_TARGET=nvptx-emulated EFFATTN_EMULATOR_SEEDS='0 1 2'
  run_pytest "$root/test/Integration"
)

# The same on a GPU; each test says that it is skipped where there is none.
run_on_gpu() (
  unset EFFATTN_LONG
  export EFFATTN_TARGET=nvptx
  run_pytest "$root/test/Integration"
)

# Mistakes that a compiler does not see.
run_tidy() {
  run-clang-tidy-22 -quiet -p "$build" -j "$(nproc)" \
    "^$root/(lib|tools|python/extension)/"
}

# Mutated IR, for the parser, the verifiers and the passes.
run_fuzz() {
  cmake -S "$root" --preset fuzz -DPython3_EXECUTABLE="$python" &&
    cmake --build "$root/build-fuzz" --target effattn-fuzz &&
    "$python" "$root/tools/dev/fuzz.py" --seconds "${EFFATTN_FUZZ_SECONDS:-600}"
}

# What of compiled code is checked on every change: operands with strides,
# blocks that are not full, and results that lie between others.
sanitized_slice=(
  sanitizer.py
  products.py::test_results_between_others_stay_whole
  embeddings.py::test_lora_of_columns_that_lie_apart
  memory.py::test_top_k_of_many_in_bad_order
  address_memory.py::test_memory_of_columns_that_lie_apart
  'quantized_products.py::test_scattered_operands[i8]'
)

# run_sanitized ARG...: compiled code, each of whose loads and stores
# AddressSanitizer checks. Its runtime has to be in the process from the start;
# what Python leaks is Python's.
run_sanitized() {
  local runtime tests=("${sanitized_slice[@]}")
  runtime=$(clang-22 -print-file-name="libclang_rt.asan-$(uname -m).so")
  if [[ -n ${EFFATTN_LONG-} ]]; then
    tests=({sanitizer,attention,concepts,contractions,embeddings}.py
      {separator_attention,feed_forward,memory,address_memory,products}.py
      {quantized_products,tilings}.py)
  fi
  (
    unset EFFATTN_LONG
    export EFFATTN_SANITIZE=address LD_PRELOAD=$runtime
    export ASAN_OPTIONS=detect_leaks=0:alloc_dealloc_mismatch=0
    run_pytest "$@" "${tests[@]/#/$root/test/Integration/test_}"
  )
}

# A process for each core, which threads of compiled code then share. pytest
# exits with 5 when there is no test, which sum_tests judges.
run_pytest() {
  local status=0
  (
    cd "$root"
    export OMP_WAIT_POLICY=${OMP_WAIT_POLICY-passive}
    "$python" -m pytest -q --tb=short -ra -n "$(nproc)" --dist loadfile "$@"
  ) || status=$?
  ((status == 5)) || return "$status"
}

# --- bench -------------------------------------------------------------------

# The peers are heavy, and nothing else needs them. llama.cpp is built from its
# source; where that fails, its rows are empty.
install_peers() {
  local venv=$root/.venv-bench folder=$root/python/benchmarks
  step peers install_python "$venv" "$folder/requirements.txt"
  [[ -e $venv/llama ]] ||
    echo "llama.cpp is built from its source once, which takes some minutes"
  try_step llama.cpp install_python "$venv" "$folder/requirements-llama.txt" \
    llama || echo "llama.cpp is not measured"
}

# --- Commands ----------------------------------------------------------------

command=
preset=
arguments=()
while (($# > 0)); do
  case $1 in
  --debug | --asan)
    [[ -z $preset || $preset == "${1#--}" ]] ||
      bad_usage "--debug and --asan exclude each other"
    preset=${1#--}
    ;;
  -h | --help)
    # That of the benchmarks is their own.
    if [[ $command == bench ]]; then
      arguments+=("$1")
    else
      command=help
    fi
    ;;
  *)
    if [[ -z $command ]]; then
      case $1 in
      build | demo | check | check-long | bench | docs | install | clean | help)
        command=$1
        ;;
      *) bad_usage "unknown command '$1'" ;;
      esac
    elif [[ $command == demo || $command == bench ]] ||
      [[ $command == install && ${#arguments[@]} -eq 0 && $1 != -* ]]; then
      arguments+=("$1")
    else
      bad_usage "unexpected '$1' after '$command'"
    fi
    ;;
  esac
  shift
done
command=${command:-build}
build=$root/build${preset:+-$preset}
preset=${preset:-release}
logs=$build/logs

case $command in
help) usage ;;
build) build_all ;;
demo)
  build_all
  exec "$python" "$root/docs/examples/demo/run.py" --build-dir "$build" \
    ${arguments[@]+"${arguments[@]}"}
  ;;
check)
  build_all
  run_tests
  ;;
check-long)
  export EFFATTN_LONG=1
  packages+=(clang-format-22 clang-tidy-22)
  build_all
  status=0
  run_tests --param long=1 || status=$?
  step emulated run_emulated
  step gpu run_on_gpu
  step tidy run_tidy
  # Not a part of check: it builds all code once more.
  step fuzz run_fuzz
  exit "$status"
  ;;
bench)
  for argument in ${arguments[@]+"${arguments[@]}"}; do
    if [[ $argument == -h || $argument == --help ]]; then
      exec python3 "$root/python/benchmarks" --help
    fi
  done
  build_all
  install_peers
  exec env EFFATTN_BUILD_DIR="$build" \
    PYTHONPATH="$root/python${PYTHONPATH:+:$PYTHONPATH}" \
    "$root/.venv-bench/bin/python" -m benchmarks \
    ${arguments[@]+"${arguments[@]}"}
  ;;
docs)
  prepare
  step docs cmake --build "$build" --target effattn-site
  echo "$build/docs/site/index.html"
  ;;
install)
  ((${#arguments[@]} == 1)) || bad_usage "install needs a PREFIX"
  prefix=${arguments[0]}
  [[ $prefix == /* ]] || prefix=$caller/$prefix
  build_all
  step install cmake --install "$build" --prefix "$prefix"
  ;;
clean)
  rm -rf "$root/build" "$root"/build-*/ "$venv" "$root/.venv-bench" \
    "$root/compile_commands.json"
  ;;
esac

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiling, loading, calling, saving: ``effattn.compile``, ``effattn.load`` and ``Compiled``."""

import gc
import os
import pathlib
import resource
import signal
import subprocess
import sys
import threading
import time

import ml_dtypes
import numpy as np
import pytest
from compiler import needs_compiler

import effattn

pytestmark = needs_compiler
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "docs" / "examples"

ELEMENTS = {
    "i1": np.bool_,
    "i8": np.int8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "f32": np.float32,
    "f64": np.float64,
}

# x + y, and x scale + total.
FUNCTIONS = """
func.func @add(%x: tensor<?x?xf32> {effattn.name = "x", effattn.shape = "M N"},
               %y: tensor<?x?xf32> {effattn.name = "y", effattn.shape = "M N"})
    -> (tensor<?x?xf32> {effattn.name = "sum", effattn.shape = "M N"}) {
  %0 = linalg.add ins(%x, %y : tensor<?x?xf32>, tensor<?x?xf32>) outs(%x : tensor<?x?xf32>)
      -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
func.func @accumulate(%x: tensor<?xf32> {effattn.name = "x", effattn.shape = "N"},
                      %total: tensor<?xf32> {effattn.name = "total", effattn.shape = "N"}, %scale: f32)
    -> (tensor<?xf32> {effattn.name = "next", effattn.shape = "N"}) {
  %0 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
                       iterator_types = ["parallel"]}
      ins(%x : tensor<?xf32>) outs(%total : tensor<?xf32>) {
  ^bb0(%a: f32, %b: f32):
    %p = arith.mulf %a, %scale : f32
    %s = arith.addf %p, %b : f32
    linalg.yield %s : f32
  } -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
"""
MEMORY = """
func.func @accumulate(%w: tensor<?x1x1xf32> {effattn.name = "weights"}, %i: tensor<?x1x1xi32>,
    %v: tensor<?x1x1xf32>, %memory: tensor<?x2x1xf32> {effattn.name = "memory"},
    %mass: tensor<?x2xf32> {effattn.name = "mass"})
    -> (tensor<?x1x1xf32>, tensor<?x2x1xf32>, tensor<?x2xf32>) {
  %c0 = arith.constant 0 : index
  %b = tensor.dim %v, %c0 : tensor<?x1x1xf32>
  %out = tensor.empty(%b) : tensor<?x1x1xf32>
  %0:3 = effattn.address_memory
      ins(%w, %i, %v, %w, %i : tensor<?x1x1xf32>, tensor<?x1x1xi32>, tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<?x1x1xi32>)
      outs(%out, %memory, %mass : tensor<?x1x1xf32>, tensor<?x2x1xf32>, tensor<?x2xf32>)
  return %0#0, %0#1, %0#2 : tensor<?x1x1xf32>, tensor<?x2x1xf32>, tensor<?x2xf32>
}
"""


@pytest.fixture(scope="module")
def functions():
    return effattn.compile(FUNCTIONS)


@pytest.fixture(scope="module")
def add(functions):
    return functions["add"]


@pytest.fixture(scope="module")
def memory():
    return effattn.compile(MEMORY)


def memory_operands(rows=2):
    return [
        np.full((rows, 1, 1), 0.5, np.float32),
        np.ones((rows, 1, 1), np.int32),
        np.full((rows, 1, 1), 8, np.float32),
        np.ones((rows, 2, 1), np.float32),
        np.ones((rows, 2), np.float32),
    ]


def arange(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


# --- What goes in and comes out --------------------------------------------------------------------


def test_names_are_listed_before_they_are_loaded():
    program = "import effattn; print(*dir(effattn))"
    listed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"Module", "compile", "load", "ops", "reference"} <= set(listed.stdout.split())
    assert all(hasattr(effattn, name) for name in listed.stdout.split() if name != "torch")


@pytest.mark.parametrize("element", ELEMENTS)
def test_every_element_type_goes_in_and_comes_out(element):
    kind = f"tensor<?x3x{element}>"
    identity = effattn.compile(f"func.func @f(%x: {kind}) -> {kind} {{ return %x : {kind} }}")
    x = np.array([[1, 0, 1], [0, 0, 1]]).astype(ELEMENTS[element])
    for given in (x, x[::-1], x[:0], np.asfortranarray(x)):
        found = identity(given)
        assert found.dtype == x.dtype and np.array_equal(found, given)
    frozen = x.copy()
    frozen.flags.writeable = False
    assert np.array_equal(identity(frozen), x)


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a,
        lambda a: a.T,
        lambda a: a[::-1, ::-2],
        lambda a: a[:, 1:3],
        lambda a: a[:0],
        lambda a: a[..., :0],
    ],
)
def test_strides_of_any_kind(add, view):
    x, y = view(arange(4, 6)), view(arange(4, 6) ** 2)
    assert np.array_equal(add(x, y), x + y)


def test_broadcast_views_are_read(add):
    x = np.broadcast_to(np.float32(3), (2, 5))
    assert np.array_equal(add(x, x), x + x)


def test_scalars_may_be_numbers(functions):
    x = arange(3)
    assert np.array_equal(functions["accumulate"](x, x, 2), 3 * x)
    assert np.array_equal(functions["accumulate"](x, x, np.float32(2)), 3 * x)
    with pytest.raises(effattn.Error, match="input 2"):
        functions["accumulate"](x, x, x)


def test_bool_inputs_may_be_bytes():
    identity = effattn.compile("func.func @f(%x: tensor<?xi1>) -> tensor<?xi1> { return %x : tensor<?xi1> }")
    assert np.array_equal(identity(np.array([0, 1, 7], np.uint8)), [False, True, True])


def test_a_donated_state_is_updated_where_it_is(memory):
    want = memory(*memory_operands())
    operands = memory_operands()
    found = memory(*operands, donate=True)
    assert found[1] is operands[3] and found[2] is operands[4]
    assert all(np.array_equal(a, b) for a, b in zip(found, want))
    operands = memory_operands()
    found = memory(*operands, donate="memory")
    assert found[1] is operands[3] and found[2] is not operands[4]
    assert np.array_equal(operands[4], np.ones((2, 2)))
    assert memory(*operands, donate=[4])[2] is operands[4]


def test_a_donated_state_may_be_strided(memory):
    operands = memory_operands(4)
    whole = operands[3]
    operands = [a[::2] for a in operands]
    found = memory(*operands, donate=True)
    assert np.shares_memory(found[1], whole)
    assert np.array_equal(whole[:, 1, 0], [4.5, 1, 4.5, 1])


def test_what_cannot_be_donated(memory):
    operands = memory_operands()
    with pytest.raises(
        effattn.Error, match=r"inputs that a result succeeds \(memory, mass\), but got 'weights'"
    ):
        memory(*operands, donate=["weights"])
    operands[3].flags.writeable = False
    with pytest.raises(effattn.Error, match="'memory' of accumulate to be writable, as it is donated"):
        memory(*operands, donate=True)
    operands = memory_operands()
    operands[3] = operands[3][::-1]
    with pytest.raises(effattn.Error, match="stride"):
        memory(*operands, donate=True)


def test_states_stay_as_they_are_without_donation(memory):
    operands = memory_operands()
    copies = [a.copy() for a in operands]
    memory(*operands)
    operands[1][:] = 7
    with pytest.raises(effattn.Error, match="7"):
        memory(*operands, donate=True)
    assert np.array_equal(operands[3], copies[3])


def test_results_that_the_function_allocates():
    concepts = effattn.compile(EXAMPLES / "concepts.mlir")
    assert concepts.signature.outputs[3].shape == ("B", "?", "C")
    h, square = arange(2, 3, 4), np.eye(4, dtype=np.float32)
    last, started = np.zeros((2, 4), np.float32), np.zeros(2, bool)
    found = concepts(h, square, square, square, last, started, last)[3]
    assert found.shape[0] == 2 and np.array_equal(found[:, 0], h[:, 0])
    keep = found.copy()
    del concepts
    gc.collect()
    assert np.array_equal(found, keep)


def test_empty_results_that_the_function_allocates():
    concepts = effattn.compile(EXAMPLES / "concepts.mlir")
    h, square = arange(0, 3, 4), np.eye(4, dtype=np.float32)
    last = np.zeros((0, 4), np.float32)
    assert concepts(h, square, square, square, last, np.zeros(0, bool), last)[3].shape == (0, 0, 4)


# --- Other libraries -------------------------------------------------------------------------------


def test_torch_goes_in_and_comes_out(add, memory):
    torch = pytest.importorskip("torch")
    x, y = torch.arange(6.0).reshape(2, 3), torch.ones(2, 3)
    found = add(x, y)
    assert isinstance(found, torch.Tensor) and torch.equal(found, x + y)
    assert torch.equal(add(x.T, y.T), (x + y).T)
    assert torch.equal(add(x.numpy(), y), x + y)
    signs = torch.complex(x, x).conj().imag
    assert signs.is_neg() and torch.equal(add(signs, y), y - x)
    operands = [torch.from_numpy(a) for a in memory_operands()]
    found = memory(*operands, donate=True)
    assert found[1] is operands[3]
    with pytest.raises(effattn.Error, match="detach"):
        add(x.requires_grad_(), y)


def test_torch_without_memory_or_of_another_class(add):
    torch = pytest.importorskip("torch")
    x = torch.arange(6.0).reshape(2, 3)
    for strange in (x.to_sparse(), x.to("meta"), x.to(torch.complex64)):
        with pytest.raises(effattn.Error, match=r"\A.*input 0 'x'.*\Z"):
            add(strange, x)
    weights = torch.nn.Parameter(x, requires_grad=False)
    assert torch.equal(add(weights, x.expand(2, 3)), x + x)
    row = torch.ones(3).expand(2, 3)
    assert torch.equal(add(row, row), row + row)


@pytest.mark.parametrize("element", ELEMENTS)
def test_torch_element_types(element):
    torch = pytest.importorskip("torch")
    kind = f"tensor<?x{element}>"
    identity = effattn.compile(f"func.func @f(%x: {kind}) -> {kind} {{ return %x : {kind} }}")
    name = {"i1": "bool", "bf16": "bfloat16"}.get(element, element.replace("i", "int").replace("f", "float"))
    x = torch.tensor([1, 0, 1]).to(getattr(torch, name))
    assert identity(x).dtype == x.dtype and torch.equal(identity(x), x)


class Foreign:
    """An array of some other library: DLPack, and the array API's namespace."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

    def __array_namespace__(self):
        return Foreign

    @staticmethod
    def asarray(array):
        return Foreign(array)


def test_anything_with_dlpack_goes_in_and_comes_out(add):
    x = arange(2, 3)
    found = add(Foreign(x), x)
    assert isinstance(found, Foreign) and np.array_equal(found.array, 2 * x)


def test_dlpack_memory_is_given_back(add):
    x = arange(2, 3)
    before = sys.getrefcount(x)
    for _ in range(10):
        add(Foreign(x), x)
    gc.collect()
    assert sys.getrefcount(x) == before


# --- Signatures, stages, files, times --------------------------------------------------------------


def test_signature(add, memory):
    assert str(add.signature) == "add(x f32[M, N], y f32[M, N]) -> (sum f32[M, N])"
    assert memory.signature.outputs[2].state == 4
    assert "add" in repr(add)


def test_one_of_several_functions(functions):
    assert functions.functions == ("accumulate", "add")
    with pytest.raises(effattn.Error, match="choice among the functions accumulate, add"):
        functions(1)
    with pytest.raises(effattn.Error, match="entry to be one of accumulate, add, but got 'sub'"):
        functions["sub"]
    assert effattn.compile(FUNCTIONS, entry="add").signature.name == "add"
    renamed = effattn.compile(FUNCTIONS.replace("@add", "@main"))
    assert renamed.signature.name == "main"


def test_stages(add):
    assert "linalg.add" in add.ir()
    assert "linalg.generic" in add.ir("mlir-linalg")
    assert "define" in add.ir("llvm-ir")
    assert list(add.stage_times)[0] == "parse" and min(add.stage_times.values()) >= 0
    with pytest.raises(effattn.Error, match="unknown stage 'linalg'"):
        add.ir("linalg")
    with pytest.raises(effattn.Error, match="binary"):
        add.ir("obj")


def test_saved_and_loaded(add, tmp_path):
    x = arange(2, 3)
    add.save(tmp_path / "model.so")
    assert {path.name for path in tmp_path.iterdir()} == {"model.so", "model.h", "model.json"}
    loaded = effattn.load(tmp_path / "model.so", entry="add")
    assert np.array_equal(loaded(x, x), 2 * x)
    loaded.save(tmp_path / "copy.so")
    assert np.array_equal(effattn.load(tmp_path / "copy.so")["add"](x, x), 2 * x)
    with pytest.raises(effattn.Error, match="its IR is not known"):
        loaded.save(tmp_path / "copy.o")
    with pytest.raises(effattn.Error, match="its IR is not known"):
        loaded.ir()
    add.save(tmp_path / "model.o")
    assert (tmp_path / "model.o").read_bytes().startswith(b"\x7fELF")
    add.save(tmp_path / "model.ll")
    assert "define" in (tmp_path / "model.ll").read_text()


def test_a_file_of_the_same_name_is_loaded_anew(tmp_path):
    path = tmp_path / "model.so"
    for value in (1.0, 2.0):
        text = f"func.func @f() -> f32 {{ %0 = arith.constant {value} : f32 return %0 : f32 }}"
        effattn.compile(text).save(path)
        assert effattn.load(path)() == value


def test_time(add):
    timing = add.time(arange(2, 3), arange(2, 3), repeat=5)
    assert 0 < timing.min <= timing.median <= timing.max and timing.calls == 5
    with pytest.raises(effattn.Error, match="repeat to be at least 1"):
        add.time(repeat=0)


# --- Bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ((), "add: expected 2 inputs, but got 0"),
        ((arange(2, 3),) * 3, "add: expected 2 inputs, but got 3"),
        ((arange(2, 3), arange(2, 4)), r"input 1 'y': expected f32\[M, N\] with N = 3 as in input 0 'x'"),
        ((arange(2, 3), arange(3)), r"expected f32\[M, N\], but got f32\[3\]"),
        ((arange(2, 3).astype(np.float64),) * 2, r"expected f32\[M, N\], but got f64\[2, 3\]"),
        ((arange(2, 3).astype(">f4"),) * 2, "byte order"),
        (([[1.0]], [[1.0]]), "input 0 'x' of add to be an array .*, but got list"),
        ((None, None), "but got NoneType"),
        ((np.array([["a"]]), arange(1, 1)), "input 0 'x' of add to hold"),
        ((np.array([[None]]), arange(1, 1)), "input 0 'x' of add to hold"),
        ((np.zeros((1, 1), "M8[s]"), arange(1, 1)), "input 0 'x' of add to hold"),
        ((np.zeros((1, 1), ml_dtypes.float8_e4m3fn), arange(1, 1)), "input 0 'x' of add to hold"),
        ((np.zeros((2, 2), [("a", "f4"), ("b", "i2")])["a"],) * 2, "strides of input 0 'x' of add"),
        ((np.zeros((1, 1), "c8"),) * 2, "input 0 'x' of add to hold"),
    ],
)
def test_bad_arguments(add, arguments, sentence):
    with pytest.raises(effattn.Error, match=sentence):
        add(*arguments)


def test_numbers_that_do_not_fit(functions):
    identity = effattn.compile("func.func @f(%x: i32) -> i32 { return %x : i32 }")
    assert identity(7) == 7
    with pytest.raises(effattn.Error, match="input 0 'arg0' to fit i32, but got 4294967296"):
        identity(2**32)


@pytest.mark.parametrize(
    "source, sentence",
    [
        ("", "the file is empty"),
        ("func.func @f() {", r"<text>:1:15: error: expected"),
        ("func.func @f() {\n  effattn.chonk\n}", r"<text>:2:3: error: .*effattn.chonk"),
        ("module {}", "expected at least one public function"),
        (b"ML\xefR\x00\x00\x00", "<bytes>"),
        ("nowhere.mlir", "cannot read nowhere.mlir: no such file or directory"),
        (pathlib.Path("/"), "cannot read /: is a directory"),
        ("a\0b", "cannot read a\0b"),
        (
            3,
            "expected IR as text, bytecode, an effattn.Module, the path of a file, a torch.nn.Module or an"
            " ExportedProgram, but got int",
        ),
    ],
)
def test_bad_sources(source, sentence):
    with pytest.raises(effattn.Error, match=sentence):
        effattn.compile(source)


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"target": "tpu"}, "expected target to be cpu or nvptx or nvptx-emulated, but got 'tpu'"),
        ({"target": "nvptx", "gpu": "sm_20"}, "unknown GPU 'sm_20': expected one of .*sm_90"),
        ({"cpu": "486DX"}, "486DX"),
        ({"threads": "many"}, "expected threads to be openmp or none"),
        ({"lowering": "fast"}, "expected lowering to be tuned or linalg"),
        ({"symbol_prefix": "a b"}, "expected symbol_prefix to be an identifier of C, but got 'a b'"),
        ({"cpu": 3}, "expected cpu to be a name, but got 3"),
        ({"gpu_tf32": True}, "expected gpu_tf32 with tuned kernels of a GPU only, but got target 'cpu'"),
        (
            {"gpu_tf32": True, "target": "nvptx-emulated", "lowering": "linalg"},
            "expected gpu_tf32 with tuned kernels of a GPU only, but got lowering 'linalg'",
        ),
        ({"gpu_tf32": "yes", "target": "nvptx"}, "expected gpu_tf32 to be True or False, but got 'yes'"),
        ({"optimization": 4}, "expected optimization to be 0, 1, 2 or 3, but got 4"),
        ({"entry": "g"}, "expected entry to be one of accumulate, add, but got 'g'"),
        ({"example_inputs": (1,)}, "example_inputs with a PyTorch module only"),
    ],
)
def test_bad_options(options, sentence):
    with pytest.raises(effattn.Error, match=sentence):
        effattn.compile(FUNCTIONS, **options)


def test_bad_libraries(tmp_path):
    for content, sentence in (
        (b"text", "is no shared library"),
        (b"\x7fELF cut", "library"),
    ):
        path = tmp_path / "x.so"
        path.write_bytes(content)
        with pytest.raises(effattn.Error, match=sentence) as problem:
            effattn.load(path)
        assert str(path) in str(problem.value)
    with pytest.raises(effattn.Error, match="cannot read .*nowhere.so: no such file or directory"):
        effattn.load(tmp_path / "nowhere.so")


def test_a_folder_that_cannot_be_written(add, tmp_path):
    with pytest.raises(
        effattn.Error, match="cannot write .*: the folder .* does not exist; nothing was written"
    ):
        add.save(tmp_path / "nowhere" / "x.o")
    with pytest.raises(effattn.Error, match="it is a folder"):
        (tmp_path / "x.so").mkdir()
        add.save(tmp_path / "x.so")
    if os.geteuid():
        (tmp_path / "closed").mkdir(mode=0o500)
        with pytest.raises(effattn.Error, match="permission denied"):
            add.save(tmp_path / "closed" / "x.o")


# --- Threads, memory, signals ----------------------------------------------------------------------


def in_threads(count, work):
    problems = []

    def guarded(index):
        try:
            work(index)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems


def test_threads_call_the_same_function(add):
    def work(index):
        x = np.full((index + 1, 64), index, np.float32)
        for _ in range(200):
            assert np.array_equal(add(x, x), 2 * x)
            with pytest.raises(effattn.Error, match=f"expected f32.*{index + 1}"):
                add(x, np.zeros((index + 2, 64), np.float32))

    in_threads(4, work)


def test_threads_compile():
    def work(index):
        text = f"func.func @f(%x: i32) -> i32 {{ %0 = arith.constant {index} : i32 return %0 : i32 }}"
        for _ in range(3):
            assert effattn.compile(text)(0) == index

    in_threads(3, work)


def test_calls_do_not_leak(add):
    x = np.ones((64, 64), np.float32)

    def calls(count):
        for _ in range(count):
            add(x, x)
            with pytest.raises(effattn.Error):
                add(x, x[:1])
        gc.collect()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = calls(1000)
    # A leak of one array a call would be 160 MiB.
    assert calls(10000) - before < 10_000


def test_call_overhead(add, capsys):
    x = np.ones((1, 1), np.float32)
    timing = add.time(x, x, repeat=2000)
    with capsys.disabled():
        print(f"\na call of a compiled function takes {1e6 * timing.median:.1f} us", end=" ")


def test_signal_handlers_stay_python_s():
    caught = []
    previous = signal.signal(signal.SIGUSR1, lambda *_: caught.append(1))
    try:
        effattn.compile("func.func @f() -> i32 { %0 = arith.constant 1 : i32 return %0 : i32 }")
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.01)
        assert caught
    finally:
        signal.signal(signal.SIGUSR1, previous)


INTERRUPTED = f"""
import effattn, os, signal, threading, pathlib, tempfile
text = pathlib.Path({str(EXAMPLES / "concepts.mlir")!r}).read_text()
effattn.compile(text)
threading.Timer(0.2, os.killpg, (0, signal.SIGINT)).start()
try:
    for _ in range(20):
        effattn.compile(text)
except KeyboardInterrupt:
    print("interrupted")
print(effattn.compile("func.func @f() -> i32 {{ %0 = arith.constant 5 : i32 return %0 : i32 }}")())
print(os.listdir(tempfile.gettempdir()))
"""


def test_interrupted_compilation_leaves_a_working_compiler(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        start_new_session=True,
    )
    assert done.stdout == "interrupted\n5\n[]\n", done.stderr


def test_deep_nesting_does_not_end_the_interpreter():
    # 100,000 regions inside each other.
    with pytest.raises(effattn.Error):
        effattn.compile("module {" * 100_000)

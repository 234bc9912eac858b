# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compressed tables in files, and the command line that writes them."""

import dataclasses
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest

from effattn import Error
from effattn.compress import (
    Report,
    extract_lora,
    learn_codebook,
    load,
    quantize_rows,
    read_table,
    save,
    tensor_train,
)
from effattn.compress.command import main

TABLE = np.random.default_rng(0).normal(size=(21, 6))
WAYS = {
    "tt": lambda table: tensor_train(table, rank=3),
    "mixed": lambda table: quantize_rows(table, compensation="nearest"),
    "mixed residual": lambda table: quantize_rows(table, width=4, compensation="residual"),
    "vq": lambda table: learn_codebook(table, codes=5, groups=2),
    "lora": lambda table: extract_lora(table, [table * np.float32(0.5).astype(table.dtype)], rank=2),
}


def same(first, second):
    assert type(first) is type(second) and first.attributes() == second.attributes()
    assert first.parts().keys() == second.parts().keys()
    for name, array in first.parts().items():
        assert second.parts()[name].dtype == array.dtype
        np.testing.assert_array_equal(second.parts()[name], array)
    assert second.report == first.report and second.report.row_errors is None


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_saved_and_loaded(tmp_path, way, dtype, suffix):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    compressed = WAYS[way](TABLE.astype(dtype))
    compressed.save(tmp_path / f"table{suffix}")
    loaded = load(tmp_path / f"table{suffix}")
    same(compressed, loaded)
    np.testing.assert_array_equal(loaded.reconstruct(), compressed.reconstruct())
    assert [path.name for path in tmp_path.iterdir()] == [f"table{suffix}"]


def test_sizes_of_numpy_can_be_saved(tmp_path):
    learned = learn_codebook(TABLE, codes=np.int64(4), groups=np.int32(2))
    train = tensor_train(
        TABLE, rank=np.int64(2), row_factors=np.array([3, 7]), column_factors=np.array([2, 3])
    )
    for compressed in (learned, train):
        compressed.save(tmp_path / "table.npz")
        same(compressed, load(tmp_path / "table.npz"))


def test_a_table_without_report(tmp_path):
    compressed = dataclasses.replace(WAYS["mixed"](TABLE), report=None)
    compressed.save(tmp_path / "table.npz")
    assert load(tmp_path / "table.npz").report is None


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch, suffix):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    path = tmp_path / f"table{suffix}"
    save(WAYS["tt"](TABLE), path)
    before = path.read_bytes()

    def fail(*arguments):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError):
        save(WAYS["vq"](TABLE), path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_files_that_hold_no_compressed_table(tmp_path):
    compressed = WAYS["tt"](TABLE)
    with pytest.raises(Error, match=r"table.npy to end in .npz or .safetensors"):
        save(compressed, tmp_path / "table.npy")
    with pytest.raises(Error, match="the folder of .*/none/table.npz to exist"):
        save(compressed, tmp_path / "none" / "table.npz")
    np.savez(tmp_path / "other.npz", a=TABLE)
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "text.safetensors").write_text("no tensors")
    np.savez(tmp_path / "broken.npz", effattn=np.array('{"class": "Table"}'))
    found = {
        "other.npz": "to hold a compressed table, but got arrays of another origin",
        "text.npz": "to hold a compressed table, but got",
        "broken.npz": "to hold a compressed table, but got KeyError: 'Table'",
    }
    for name, message in found.items():
        with pytest.raises(Error, match=message):
            load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.npz")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "broken.npz",
        "other.npz",
        "text.npz",
        "text.safetensors",
    ]


def test_tables_to_compress(tmp_path):
    np.save(tmp_path / "table.npy", TABLE)
    np.testing.assert_array_equal(read_table(tmp_path / "table.npy"), TABLE)
    for text in ("no array", ""):
        (tmp_path / "text.npy").write_text(text)
        with pytest.raises(Error, match="text.npy to be a .npy file of numbers"):
            read_table(tmp_path / "text.npy")
    with pytest.raises(Error, match="table.txt to end in .npy or .safetensors"):
        read_table(tmp_path / "table.txt")


def test_tables_of_safetensors(tmp_path):
    tensors = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "model.safetensors"
    narrow = TABLE.astype(ml_dtypes.bfloat16)
    tensors.save_file({"bias": TABLE[0], "embed": narrow}, path)
    assert read_table(path).dtype == narrow.dtype
    np.testing.assert_array_equal(read_table(path), narrow)
    with pytest.raises(Error, match=r"to have a tensor 'none', but got \(bias, embed\)"):
        read_table(path, "none")
    tensors.save_file({"embed": TABLE, "head": TABLE + 1}, path)
    np.testing.assert_array_equal(read_table(path, "head"), TABLE + 1)
    with pytest.raises(Error, match=r"has 2 of rank 2 \(embed, head\)"):
        read_table(path)
    with pytest.raises(Error, match="to hold a compressed table, but got arrays of another origin"):
        load(path)
    path.write_text("text")
    with pytest.raises(Error, match="model.safetensors to be a .safetensors file"):
        read_table(path)


def test_a_report_is_a_small_table():
    report = Report("op", 10, 4, 0.125, 1.5, 0.25, 160, 40, 0.5, {"ranks": [2, 3], "error bound": 0.5})
    assert report.ratio == 4.0 and report.bits_per_value == 8.0
    assert str(report).splitlines() == [
        "op, 10 x 4",
        "  relative error  0.125",
        "  largest error   1.5",
        "  mean cosine     0.2500",
        "  bytes           160 -> 40, 4 times smaller",
        "  bits a value    8",
        "  seconds         0.50",
        "  ranks           2 3",
        "  error bound     0.5",
    ]


COMMANDS = {
    "tt --rank 3": "tt",
    "tt --rank 3,2 --row-factors 3,7,1 --column-factors 1,2,3": None,
    "tt --max-error 0.5 --cores 2": None,
    "mixed --compensation nearest": "mixed",
    "mixed --width 4 --compensation residual": "mixed residual",
    "mixed --group 3 --clip mse --scale-type f16 --importance {folder}/importance.npy": None,
    "vq --codes 5 --groups 2": "vq",
    "vq --codes 5 --metric cosine --seed 4 --iterations 3": None,
    "lora {folder}/domain.npy --rank 2": "lora",
    "lora {folder}/domain.npy --max-error 0.5 --alpha 2": None,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(tmp_path, capsys, command):
    np.save(tmp_path / "table.npy", TABLE)
    np.save(tmp_path / "domain.npy", TABLE * 0.5)
    np.save(tmp_path / "importance.npy", np.arange(21).reshape(21))
    way, *options = command.format(folder=tmp_path).split()
    output = tmp_path / "out.npz"
    status = main([way, str(tmp_path / "table.npy"), *options, "-o", str(output)])
    printed = capsys.readouterr()
    assert (status, printed.err) == (0, "")
    loaded = load(output)
    assert printed.out == f"{loaded.report}\n"
    if COMMANDS[command]:
        expected = WAYS[COMMANDS[command]](TABLE)
        for name, array in expected.parts().items():
            np.testing.assert_array_equal(loaded.parts()[name], array)

    assert main(["show", str(output)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(str(loaded.report))
    assert all(f"\n{name}: {array.dtype}[" in shown for name, array in loaded.parts().items())


def test_refused_commands(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("table.npy", TABLE)
    refused = {
        "mixed table.npy --width 9 -o out.npz": "expected width to lie in [4, 8], but got 9",
        "mixed none.npy -o out.npz": "none.npy: no such file or directory",
        "mixed table.npy -o out.txt": "expected out.txt to end in .npz or .safetensors",
        "mixed none.npy -o none/out.npz": "expected the folder of none/out.npz to exist",
        "mixed table.npy --importance table.npy -o out.npz": "expected importance to have shape (21,), one for "
        "each row, but got (21, 6)",
        "show table.npy": "expected table.npy to end in .npz or .safetensors",
    }
    for command, message in refused.items():
        assert main(command.split()) == 1
        assert capsys.readouterr() == ("", f"effattn compress: {message}\n")
    for command in (
        "",
        "zip table.npy",
        "tt table.npy -o out.npz",
        "tt table.npy --rank a -o out.npz",
        "mixed table.npy",
    ):
        with pytest.raises(SystemExit) as ended:
            main(command.split())
        assert ended.value.code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["table.npy"]


def test_command_with_a_picture_and_progress(tmp_path):
    np.save(tmp_path / "table.npy", TABLE)
    done = subprocess.run(
        [sys.executable, "-m", "effattn", "compress", "mixed", "table.npy"]
        + ["-o", "out.npz", "--plot", "errors.png", "--progress"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("quantized_embedding, 21 x 6\n")
    assert {path.name for path in tmp_path.iterdir()} == {"table.npy", "out.npz", "errors.png"}

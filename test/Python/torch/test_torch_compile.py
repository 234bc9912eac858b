# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Modules of PyTorch to compiled functions: layers, models, and what is refused."""

import re
import subprocess

import pytest
import torch
from compiler import needs_compiler
from torch import nn as torch_nn
from torch.nn import functional as F

import effattn
from effattn import Error
from effattn.torch import nn
from effattn.torch.program import Program, export

pytestmark = needs_compiler


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def check(module, *batches, tolerance=1e-5, **options):
    """Compile with the first batch, and compare with PyTorch on all."""
    module = module.eval()
    compiled = effattn.compile(module, batches[0], optimization=0, **options)
    for batch in batches:
        with torch.no_grad():
            wanted = module(*batch)
        found = compiled(*batch)
        assert type(found) is type(wanted)
        pairs = zip(found, wanted) if isinstance(wanted, (tuple, list)) else [(found, wanted)]
        for found_one, wanted_one in pairs:
            assert found_one.dtype == wanted_one.dtype
            torch.testing.assert_close(found_one, wanted_one, rtol=tolerance, atol=tolerance)
    return compiled


class TransformerBlock(torch_nn.Module):
    """As most are written, of PyTorch's own layers."""

    def __init__(self, width=32, heads=4):
        super().__init__()
        self.heads = heads
        self.norms = torch_nn.ModuleList(torch_nn.LayerNorm(width) for _ in range(2))
        self.mix, self.output = torch_nn.Linear(width, 3 * width), torch_nn.Linear(width, width)
        self.ffn = torch_nn.Sequential(
            torch_nn.Linear(width, 4 * width), torch_nn.GELU(), torch_nn.Linear(4 * width, width)
        )

    def forward(self, x):
        batch, tokens, width = x.shape
        mixed = self.mix(self.norms[0](x)).view(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = mixed.permute(2, 0, 3, 1, 4)
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.output(out.transpose(1, 2).reshape(batch, tokens, width))
        return x + self.ffn(self.norms[1](x))


def test_transformer_block(tmp_path):
    sizes = (2, 7), (3, 12), (1, 1), (0, 4), (2, 0)
    compiled = check(TransformerBlock(), *[(torch.randn(*size, 32),) for size in sizes])
    assert [argument.name for argument in compiled.signature.inputs[:2]] == ["x", "norms_0_weight"]
    compiled.save(tmp_path / "block.o")
    symbols = subprocess.run(["nm", tmp_path / "block.o"], capture_output=True, text=True).stdout
    assert " T forward" in symbols


class GemmaLayer(torch_nn.Module):
    """A layer of Gemma 3 with a window, in plain PyTorch."""

    def __init__(self, width=32, heads=4, key_heads=1, size=16, hidden=48, window=4):
        super().__init__()
        self.heads, self.key_heads, self.size, self.window = heads, key_heads, size, window
        self.q = torch_nn.Linear(width, heads * size, bias=False)
        self.k = torch_nn.Linear(width, key_heads * size, bias=False)
        self.v = torch_nn.Linear(width, key_heads * size, bias=False)
        self.o = torch_nn.Linear(heads * size, width, bias=False)
        self.gate = torch_nn.Linear(width, hidden, bias=False)
        self.up = torch_nn.Linear(width, hidden, bias=False)
        self.down = torch_nn.Linear(hidden, width, bias=False)
        widths = dict.fromkeys(("before", "after", "before_ffn", "after_ffn"), width) | {"q": size, "k": size}
        self.scales = torch_nn.ParameterDict(
            {name: torch_nn.Parameter(0.1 * torch.randn(size)) for name, size in widths.items()}
        )
        self.register_buffer("inverse", 1.0 / 1e4 ** (torch.arange(0, size, 2) / size), persistent=False)

    def norm(self, x, name):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * (1.0 + self.scales[name])

    def turn(self, x, positions):
        angles = positions[:, None].float() * self.inverse
        angles = torch.cat([angles, angles], -1)
        left, right = x.chunk(2, dim=-1)
        return x * angles.cos() + torch.cat([-right, left], -1) * angles.sin()

    def forward(self, x):
        batch, tokens, _ = x.shape
        rows, positions = self.norm(x, "before"), torch.arange(tokens, device=x.device)

        def split(y, heads):
            return y.view(batch, tokens, heads, self.size).transpose(1, 2)

        q = self.turn(self.norm(split(self.q(rows), self.heads), "q"), positions)
        k = self.turn(self.norm(split(self.k(rows), self.key_heads), "k"), positions)
        v = split(self.v(rows), self.key_heads)
        k, v = (part.repeat_interleave(self.heads // self.key_heads, dim=1) for part in (k, v))
        behind = positions[:, None] - positions[None, :]
        keep = (behind >= 0) & (behind < self.window)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=keep[None, None], scale=self.size**-0.5)
        out = self.o(out.transpose(1, 2).reshape(batch, tokens, -1))
        x = x + self.norm(out, "after")
        rows = self.norm(x, "before_ffn")
        hidden = F.gelu(self.gate(rows), approximate="tanh") * self.up(rows)
        return x + self.norm(self.down(hidden), "after_ffn")


def test_layer_of_gemma():
    check(GemmaLayer(), *[(torch.randn(*size, 32),) for size in ((2, 7), (1, 13), (3, 1))])


class Elementwise(torch_nn.Module):
    """One of each op by element, so that all are compiled at once."""

    def forward(self, x, y, ids):
        positive = x.abs() + 0.5
        return (
            x + 2 * y - y.exp() / positive,
            positive.log() + positive.sqrt() * positive.rsqrt() + x.sin() * y.cos() + x.tanh() - torch.erf(y),
            F.relu(x) + x.sigmoid() + F.silu(y) + F.gelu(x) + x**3 + positive**1.5 + 1 / positive,
            torch.where(x > y, x, -1.0) + torch.maximum(x, y) * torch.minimum(x, y).clamp(-1, 0.5),
            (x.floor() < y) & ~(x == x.ceil()) | torch.logical_not(y.bool()),
            ids * 3 - ids // -2 + (ids != 2).long(),
            ids / 2 + x[:, 0] * x.shape[1] + x[:, 0] // 0.3,
            (x.double() * 2).to(torch.bfloat16),
        )


def test_ops_by_element():
    check(
        Elementwise(),
        (torch.randn(4, 3), torch.randn(4, 3), torch.arange(4)),
        (torch.randn(7, 2), torch.randn(7, 2), torch.arange(7)),
    )


class Places(torch_nn.Module):
    """Ops that choose elements by their places, and sums of those before."""

    def forward(self, x, places, rows):
        return (
            *x.topk(2, dim=1),
            *x.topk(1, dim=-1, largest=False),
            x.cumsum(1),
            x.cumsum(-1),
            places.cumsum(0),
            x.gather(1, places),
            x.index_select(2, rows),
            x[rows],
            x[:, rows - 1],
            x[rows, rows[:, None]],
            x[:, places[0], rows[:1]],
        )


def places_of(*sizes, count=5):
    torch.manual_seed(sum(sizes))
    places = torch.randint(0, sizes[1], (sizes[0], 4, sizes[2]))
    return torch.randn(*sizes), places, torch.randint(0, min(sizes), (count,))


def test_ops_of_places():
    batches = [places_of(3, 6, 7), places_of(2, 4, 5), places_of(1, 2, 1, count=1)]
    compiled = check(Places(), *batches)
    x, places, rows = batches[0]
    for wrong, sentence in (
        ((x, places + 6, rows), "gather: expected indices to lie in .0, 6., but got"),
        ((x, places - 7, rows), "gather: expected indices to lie in .0, 6., but got -"),
        ((x, places, rows * 0 - 3), "index_select: expected indices to lie in .0, 7., but got -3"),
        ((x, places, rows * 0 + 3), "index: expected indices to lie in .-3, 3., but got 3"),
    ):
        with pytest.raises(Error, match=sentence):
            compiled(*wrong)


class Shapes(torch_nn.Module):
    """One of each op that moves numbers or adds them up."""

    def forward(self, x, ids):
        batch, tokens, width = x.shape
        first, second = x.split([2, width - 2], dim=-1)
        return (
            torch.cat([x[:, 1:], x[:, :1]], 1) + x[:, -1:],
            x.reshape(batch * tokens, width).view(batch, tokens, width).unsqueeze(1).squeeze(1).mT,
            x[:, -1] + x.select(1, 0) + x.unbind(2)[3][:, :1],
            torch.cat([first, second, x], -1).permute(2, 0, 1),
            x.sum(1) + x.mean(1) + x.amax(1) + x.amin(1) + x.sum(),
            x.softmax(-1) + x.mean(dim=(1, 2), keepdim=True) + torch.full_like(x, 0.5),
            torch.stack([x.sum(-1), x.mean(-1)], -1) + (x > 1).any(-1, keepdim=True),
            F.embedding(ids, torch.arange(12.0).view(4, 3)) + torch.arange(3, dtype=x.dtype),
            x @ x.transpose(1, 2),
            torch.zeros(tokens, tokens) + torch.arange(1, 2 * tokens, 2),
        )


def test_ops_of_shapes():
    check(
        Shapes(),
        (torch.randn(2, 5, 6), torch.tensor([0, 3, 1])),
        (torch.randn(3, 1, 6), torch.tensor([2])),
    )


class Remembering(torch_nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.RamNet(8, 4, digits=2, base=3, kept=2)

    def forward(self, x, memory):
        return self.layer(x, memory=memory)


def test_structures_and_changed_weights():
    """Inputs and results in the structure of the module's; weights where they are."""
    module, x = Remembering(), torch.randn(2, 5, 8)
    memory = module.layer.start(x)
    compiled = effattn.compile(module, (x, memory), optimization=0, entry="remember")
    assert compiled.signature.name == "remember"
    assert list(compiled.weights) == [f"layer.{name}.weight" for name in ("write", "read", "value", "output")]
    with torch.no_grad():
        module.layer.value.weight.mul_(2)
        wanted, after = module(x, memory)
    found, found_after = compiled(x, memory)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    assert isinstance(found_after, nn.Memory)
    torch.testing.assert_close(found_after.mass, after.mass, rtol=1e-5, atol=1e-5)


def test_exported_programs():
    exported = export(TransformerBlock().eval(), (torch.randn(2, 7, 32),))
    module = Program(exported, "block").module
    assert "effattn.attention" in str(module) and "func.func @block" in str(module)
    assert "S0, S1, 32" in str(effattn.compile(exported, optimization=0).signature)


@pytest.mark.parametrize("module", [TransformerBlock], ids=lambda module: module.__name__)
def test_as_a_backend(module):
    module = module().eval()
    fast = torch.compile(
        module, backend="effattn", dynamic=True, fullgraph=True, options={"optimization": 0}
    )
    with torch.no_grad():
        for size in ((2, 7), (3, 12)):
            x = torch.randn(*size, 32)
            torch.testing.assert_close(fast(x), module(x), rtol=1e-5, atol=1e-5)


# --- What is refused ---------------------------------------------------------------------------------


class Sorting(torch_nn.Module):
    def forward(self, x):
        return x.msort() + 1


class Branching(torch_nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


class Counting(torch_nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x):
        self.count.add_(1)
        return x + self.count


class Changing(torch_nn.Module):
    def forward(self, x):
        return x.add_(1)


class Counted(torch_nn.Module):
    def forward(self, x):
        return x, 3


@pytest.mark.parametrize(
    "module, words",
    [
        (Sorting, "aten.sort.default (FILE: return x.msort() + 1): there is no lowering of it"),
        (Branching, "(FILE: return x if x.sum() > 0 else -x): it depends on data which way the program goes"),
        (Counting, "cannot compile a program that changes count in place: give the new value as a result"),
        (Changing, "cannot compile a program that changes x in place"),
        (Counted, "expected tensors as results of the program, but got 3"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_mistakes(module, words):
    """One sentence, with the line where there is one."""
    with pytest.raises(Error) as raised:
        effattn.compile(module(), (torch.randn(3, 4),))
    message = re.sub(re.escape(__file__) + r":\d+", "FILE", str(raised.value))
    assert words in message and "\n" not in message


def test_wrong_sources():
    x = torch.randn(2, 3, 32)
    with pytest.raises(Error, match="expected example_inputs with a torch.nn.Module"):
        effattn.compile(TransformerBlock())
    with pytest.raises(Error, match="expected a torch.nn.Module or an ExportedProgram, but got Tensor"):
        effattn.compile(x)
    with pytest.raises(Error, match="expected example_inputs with a PyTorch module only"):
        effattn.compile("func.func @f() { return }", (x,))
    with pytest.raises(Exception, match="cannot compile aten.sort"):
        torch.compile(Sorting(), backend="effattn")(torch.randn(3, 4))
    with pytest.raises(Exception, match="expected torch.no_grad"):
        torch.compile(TransformerBlock(), backend="effattn")(x)

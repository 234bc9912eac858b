# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every op of PyTorch against the reference in NumPy, and what PyTorch asks of an op."""

import os
import re
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from operands import FLOATS, FORMS, Draw
from tensors import to_numpy, to_torch
from test_ops import check
from torch.utils._pytree import tree_leaves

import effattn.torch as torch_ops
from effattn import Error, ops
from effattn.torch import reference as torch_reference
from effattn.torch.library import OPS

LONG = bool(os.environ.get("EFFATTN_LONG"))
EXAMPLES = settings(deadline=None, max_examples=200 if LONG else 15, derandomize=not LONG)
CASES = [
    pytest.param(name, form, dtype, id=f"{form.__name__}-{dtype}")
    for number, (name, form) in enumerate((name, form) for name, forms in FORMS.items() for form in forms)
    for place, dtype in enumerate(FLOATS)
    if LONG or place == number % 3
]


def draw(form, dtype, seed):
    operands, options = form(Draw(np.random.default_rng(seed), dtype))
    return tuple(map(to_torch, operands)), {key: to_torch(value) for key, value in options.items()}


@pytest.mark.parametrize("name, form, dtype", CASES)
@EXAMPLES
@given(seed=st.integers(0, 2**32 - 1))
def test_ops_agree_with_the_reference(name, form, dtype, seed):
    """As functions, which autograd can look into, and as ops."""
    operands, options = draw(form, dtype, seed)
    arrays, keywords = form(Draw(np.random.default_rng(seed), dtype))
    wanted = getattr(ops, name)(*arrays, **keywords, lowering="reference")
    function = getattr(torch_ops, name)
    check(to_numpy(function(*operands, **options)), wanted, name)
    with torch.no_grad():
        check(to_numpy(function(*operands, **options)), wanted, name)


def calls(name, form, seed):
    """The arguments of ``torch.ops.effattn`` that a function is called with, all with gradients."""
    operands, options = draw(form, "f32", seed)
    for tensor in tree_leaves((operands, options)):
        if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
            tensor.requires_grad_()
    compute = OPS[name].compute
    with mock.patch.object(OPS[name], "compute", side_effect=compute) as spy:
        getattr(torch_ops, name)(*operands, **options)
    return spy.call_args.kwargs


@pytest.mark.parametrize("name, form", [(name, form) for name, forms in FORMS.items() for form in forms])
@pytest.mark.parametrize("seed", range(4 if LONG else 1))
def test_pytorch_accepts_the_op(name, form, seed):
    """Its schema, its shapes for fake tensors, and its derivative, also of sizes that are symbols."""
    checks = ["test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic"]
    arguments = calls(name, form, seed)
    # The last cannot know sizes that data decide, and adds results up in the type of the first.
    if name == "vector_quantize" or name == "chunk" and arguments["capacity"] is None:
        checks.remove("test_aot_dispatch_dynamic")
    torch.library.opcheck(getattr(torch.ops.effattn, name).default, (), arguments, test_utils=checks)


@pytest.mark.parametrize("name, form", [(name, form) for name, forms in FORMS.items() for form in forms])
def test_the_derivative_is_that_of_what_is_computed(name, form):
    for seed in range(5):
        arguments = calls(name, form, seed)
        leaves = [x for x in tree_leaves(arguments) if isinstance(x, torch.Tensor)]
        leaves = [x for x in leaves if x.requires_grad]
        gradients = []
        for function in (OPS[name].compute, getattr(torch.ops.effattn, name)):
            results = [x for x in tree_leaves(function(**arguments)) if x.requires_grad]
            finite = [torch.where(x.isfinite(), x, 0).float() for x in results]
            total = sum((x.sin().sum() for x in finite), torch.zeros(()))
            gradients.append(
                torch.autograd.grad(total, leaves, allow_unused=True) if results else [None] * len(leaves)
            )
        for direct, through_op in zip(*gradients):
            direct = torch.zeros_like(through_op) if direct is None and through_op is not None else direct
            assert direct is through_op is None or torch.equal(direct.nan_to_num(), through_op.nan_to_num())


def test_every_op_is_there():
    assert set(OPS) == set(FORMS)
    assert set(ops.__all__) <= set(torch_ops.__all__)


def random(*shape, positive=False):
    numbers = torch.rand(shape, dtype=torch.float64) if positive else torch.randn(shape, dtype=torch.float64)
    return numbers.requires_grad_()


def test_derivatives_are_slopes():
    """In float64, of what autograd sees through detached, sorted and scanned numbers."""
    torch.manual_seed(0)
    check = torch.autograd.gradcheck

    q, k, v = random(2, 4, 3, 2), random(2, 2, 5, 2), random(2, 2, 5, 3)
    keys = torch.rand(2, 5) < 0.5
    mask = "separator_mask(is_separator, initial=1, window=2)"
    assert check(lambda *x: torch_reference.attention(*x, [keys], mask, softcap=3.0), (q, k, v))

    out, lse = random(1, 2, 3, 2), random(1, 2, 3)
    assert check(torch_reference.merge_attention, (out, lse, random(1, 2, 3, 2), random(1, 2, 3)))

    slots = torch.stack([torch.randperm(4) for _ in range(24)]).reshape(2, 2, 6, 4)[..., :2]
    operands = random(2, 6, 2, positive=True), random(2, 6, 3), random(2, 6, 2), random(2, 4, 3)

    def memory(w, v, r, s, z):
        return torch_reference.address_memory(w, slots[0], v, r, slots[1], s, z, gamma=1.5)

    assert check(memory, (*operands, random(2, 4, positive=True)))

    boundaries = torch.rand(2, 6) < 0.5
    changes = torch.tensor([[0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0]])

    def smooth(y, p, state):
        return torch_reference.dechunk(y, p, boundaries, state, sequence_ids=changes)[0]

    assert check(smooth, (random(2, 6, 3), random(2, 6, positive=True), random(2, 3)))

    x = random(2, 3, 4)
    assert check(lambda x: torch_reference.product_softmax_top_k(x, 5, normalize=True)[0], (x,))


def test_a_residual_passes_the_gradient_straight_through():
    torch.manual_seed(0)
    y, h, p = random(1, 4, 3), random(1, 4, 3), random(1, 4, positive=True)
    mask = torch.tensor([[True, False, True, False]])
    out, _ = torch_reference.dechunk(y, p, mask, residual=h)
    smooth, _ = torch_reference.dechunk(y, p, mask)
    assert torch.equal(out, h + smooth)
    weights = torch.randn_like(out)
    (found,) = torch.autograd.grad((out * weights).sum(), p)
    (of_average,) = torch.autograd.grad((smooth * weights).sum(), p)
    straight = torch.where(mask, 1, -1) * (weights * smooth).sum(-1)
    torch.testing.assert_close(found, of_average + straight)


X, HEADS = torch.zeros(2, 3), torch.zeros(3, 1, 2, 3, 4)
MISTAKES = {
    "expected ids to lie in [0, 5), but got 7 at [1]": lambda: torch_ops.embedding(
        torch.tensor([0, 7]), torch.zeros(5, 2)
    ),
    "expected weight C (dim 0) to equal x C (dim 1)": lambda: torch_ops.rms_norm(X, torch.zeros(4)),
    "expected x to hold f32 or bf16 or f16, but got f64": lambda: torch_ops.rms_norm(X.double(), X[0]),
    "expected at most 2 boundaries (capacity), but got 3 in row 0": lambda: torch_ops.chunk(
        torch.zeros(1, 3, 2), torch.ones(1, 3).bool(), capacity=2
    ),
    "expected a mask, but got Tensor": lambda: torch_ops.attention(*HEADS, mask=X),
    "expected lengths to lie in [0, 3], but got 9 for row 0": lambda: torch_ops.attention(
        *HEADS, lengths=torch.tensor([9])
    ),
    "expected a mask such as": lambda: torch.ops.effattn.attention(*HEADS, [], "window_mask(3)"),
    "expected a tensor of mask_operands for keep": lambda: torch.ops.effattn.attention(
        *HEADS, [], "dense_mask(keep)"
    ),
    "but got more for 'causal_mask()'": lambda: torch.ops.effattn.attention(*HEADS, [X], "causal_mask()"),
}


@pytest.mark.parametrize("words", MISTAKES)
def test_mistakes(words):
    with torch.no_grad(), pytest.raises(Error, match=re.escape(words)):
        MISTAKES[words]()

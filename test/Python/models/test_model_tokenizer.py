# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Text to ids and back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_model import PIECES

from effattn import Error
from effattn.models.gguf_file import GGUFModel
from effattn.models.tokenizer import Tokenizer, sentencepiece_model


@pytest.fixture(scope="module")
def tokenizer(tiny_gguf):
    return Tokenizer(sentencepiece_model(GGUFModel(tiny_gguf).vocabulary()))


def pieces(tokenizer, text):
    return [PIECES[token] for token in tokenizer.encode(text)]


def test_pieces_are_merged_by_score(tokenizer):
    assert pieces(tokenizer, "the inner  one") == [
        "<bos>",
        "the",
        "\u2581",
        "in",
        "n",
        "er",
        "  ",
        "o",
        "n",
        "e",
    ]
    # Pieces that are given come first, the longest of them.
    assert pieces(tokenizer, "a\n\n\nwhere.") == ["<bos>", "a", "\n\n", "\n", "w", "he", "r", "e", "."]


def test_what_has_no_piece_is_spelt_in_bytes(tokenizer):
    assert pieces(tokenizer, "\u00fc") == ["<bos>", "<0xC3>", "<0xBC>"]


@given(st.text(alphabet=st.characters(exclude_characters="\u2581\0", exclude_categories=["Cs"])))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_texts_come_back(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)[1:]) == text


def test_ids_of_their_own(tokenizer):
    assert (tokenizer.begin, tokenizer.end, len(tokenizer)) == (2, 1, len(PIECES))
    assert tokenizer.encode("") == [2]


def test_the_unknown_piece_is_known_as_such(tokenizer):
    # Versions of sentencepiece before 0.2 refuse a vocabulary without one.
    assert tokenizer._processor.unk_id() == 3


def test_separators_are_pieces_of_their_characters(tokenizer):
    flags = tokenizer.separators(".,\n ")
    assert [PIECES[token] for token in flags.nonzero()[0]] == ["\n", "\n\n", ".", ","]


def test_unknown_separators_are_refused(tokenizer):
    with pytest.raises(Error, match="to be pieces of the vocabulary, but '#' is none"):
        tokenizer.separators(".#")
    with pytest.raises(Error, match="to have a character that is no space, but got ' '"):
        tokenizer.separators(" ")


def test_a_broken_vocabulary_is_refused():
    with pytest.raises(Error, match="expected the vocabulary to be one of sentencepiece"):
        Tokenizer(b"nonsense")

"""Sentences as batches of token ids, of like length: with ``tokenizers`` and numpy alone, for training and scoring."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.task import Sentence

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: Tokens in one batch, padding included: keeps the arithmetic busy and memory flat at any sentence length.
_TOKENS = 2048
#: Sentences that are tokenised at once, while batches of the ones before are computed.
_AHEAD = 1024
Feed = dict[str, NDArray[np.int64]]


def encode(tokenizer: "Tokenizer", sentences: list[Sentence], context: bool, longest: int) -> dict[str, list[list[int]]]:
    """Token ids of sentence and context, with ``own_mask`` 1 on the sentence's own tokens; not padded.

    Of more than ``longest`` tokens, the context's last are cut. Where the sentence alone is too long, both are cut to
    the same length, the shorter one last.
    """
    pairs = [(s.text or " ", s.context) if context else s.text or " " for s in sentences]
    tokenizer.no_padding()
    tokenizer.no_truncation()
    encodings = tokenizer.encode_batch(pairs)
    for i, encoding in enumerate(encodings):
        if len(encoding.ids) > longest:
            spare = encoding.sequence_ids.count(1) if context else 0
            fits = len(encoding.ids) - spare < longest
            tokenizer.enable_truncation(longest, strategy="only_second" if fits else "longest_first")
            encodings[i] = tokenizer.encode_batch([pairs[i]])[0]
    tokenizer.no_truncation()
    return {"input_ids": [e.ids for e in encodings], "token_type_ids": [e.type_ids for e in encodings],
            "own_mask": [[int(part == 0) for part in e.sequence_ids] for e in encodings]}


def pad(rows: list[dict[str, Any]], pad_id: int) -> Feed:
    """Rows of ``encode`` as arrays of shape (rows, longest row), with their ``attention_mask``."""
    lengths = np.array([len(row["input_ids"]) for row in rows])
    feed: Feed = {"attention_mask": (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)}
    for name, fill in (("input_ids", pad_id), ("token_type_ids", 0), ("own_mask", 0)):
        if name in rows[0]:
            feed[name] = np.full(feed["attention_mask"].shape, fill, dtype=np.int64)
            for at, row in enumerate(rows):
                feed[name][at, :lengths[at]] = row[name]
    return feed


def batches(tokenizer: "Tokenizer", sentences: list[Sentence], context: bool, longest: int,
            pad_id: int) -> Iterator[tuple[list[int], Feed]]:
    """Positions of sentences of like length, and their feed; lazily, so that tokenising runs beside computing."""
    size = [len(s.text) + len(s.context) * context for s in sentences]
    order = sorted(range(len(sentences)), key=size.__getitem__, reverse=True)  # letters foretell tokens
    for start in range(0, len(order), _AHEAD):
        slice_ = order[start:start + _AHEAD]
        encoded = encode(tokenizer, [sentences[i] for i in slice_], context, longest)
        for rows in _group([len(ids) for ids in encoded["input_ids"]]):
            yield [slice_[i] for i in rows], pad([{key: column[i] for key, column in encoded.items()} for i in rows], pad_id)


def _group(lengths: list[int]) -> Iterator[list[int]]:
    """Positions of like length, longest first, at most _TOKENS padded tokens a group."""
    rows: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        if rows and lengths[rows[0]] * (len(rows) + 1) > _TOKENS:
            yield rows
            rows = []
        rows.append(i)
    if rows:
        yield rows

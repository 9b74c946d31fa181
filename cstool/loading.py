"""Loading what was trained: from a Hugging Face folder or the hub, and what may go wrong."""

import os
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import transformers
from safetensors import SafetensorError

from cstool.errors import CstoolError

# What loading raises: also for a damaged file, and for a .bin that holds more than tensors.
UNLOADABLE = (OSError, ValueError, RuntimeError, SafetensorError, UnpicklingError)


def load_tokenizer(name: str) -> Any:
    """Load the tokenizer of a folder or a model of the hub; CstoolError if there is none."""
    try:
        found = transformers.AutoTokenizer.from_pretrained(local(name), trust_remote_code=False)
    except UNLOADABLE as error:
        raise unloadable(name, error) from error
    # Where there are no files, transformers makes one that knows its special tokens alone.
    if set(found.get_vocab()) <= set(found.all_special_tokens):
        raise CstoolError(f"{name}: has no tokenizer, or one without a vocabulary")
    return found


def fitting_tokenizer(name: str, model: Any) -> Any:
    """Load the tokenizer of a model, which gets its padding token; CstoolError if none fits."""
    tokenizer, config = load_tokenizer(name), model.config
    rows = model.get_input_embeddings().num_embeddings
    highest = max(tokenizer.get_vocab().values(), default=-1)
    if highest >= rows:
        raise CstoolError(
            f"{name}: the tokenizer is not the model's: it gives ids up to {highest}, and the "
            f"model has embeddings up to {rows - 1}"
        )
    kinds = getattr(config, "type_vocab_size", 0)  # 0: it has no embeddings of types
    if kinds and "token_type_ids" in tokenizer.model_input_names:
        highest = max(tokenizer("a", "a")["token_type_ids"])
        if highest >= kinds:
            raise CstoolError(
                f"{name}: the tokenizer is not the model's: it gives token types up to {highest}, "
                f"and the model has {kinds}"
            )
    if config.pad_token_id is None:
        if tokenizer.pad_token_id is None:
            raise CstoolError(f"{name}: neither the model nor its tokenizer has a padding token")
        config.pad_token_id = tokenizer.pad_token_id
    return tokenizer


def drawn(name: str, model: Any, info: Mapping[str, Any]) -> set[str]:
    """Name the weights that were not loaded but drawn, by what `from_pretrained` tells.

    CstoolError if some are of the encoder itself. Its pooler may be among them: an encoder that was
    pre-trained by masked language modelling has none.
    """
    found = {*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])}
    encoder = f"{model.base_model_prefix}."
    lost = sorted(key for key in found if key.startswith(encoder) and "pooler" not in key)
    if lost:
        raise CstoolError(
            f"{name}: {len(lost)} weights of the encoder are missing or do not fit its "
            f"config.json, {lost[0]} first"
        )
    return found


def check_model(name: str) -> None:
    """Complain at once about a model that cannot be there: CstoolError."""
    folder = Path(local(name))
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise CstoolError(f"{name}: has no config.json, so it is no model")


def local(name: str) -> str:
    """Tell a folder from a name on the hub, so that a mistyped path is not looked for there."""
    if not Path(name).is_dir() and (name.startswith((".", os.sep)) or name.count("/") > 1):
        raise CstoolError(f"{name}: no such folder")
    return name


def positions(model: Any) -> int:
    """Count the tokens that fit: RoBERTa's family numbers its positions from padding + 1.

    CstoolError for a model that has no such limit.
    """
    config = model.config
    positions = getattr(config, "max_position_embeddings", None) or 512
    if "roberta" in config.model_type or config.model_type in ("camembert", "longformer", "mpnet"):
        positions -= config.pad_token_id + 1
    if positions < 1:
        raise CstoolError(f"models of the kind {config.model_type} are not supported")
    return int(positions)


def unloadable(name: str, error: Exception) -> CstoolError:
    """Say in one sentence why a model cannot be loaded."""
    place = "" if Path(name).exists() else "no folder, and from the hub: "
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    hint = f"; beforehand: hf download {name} --local-dir FOLDER" if place else ""
    return CstoolError(f"{name}: {place}{reason.rstrip('.')}{hint}")

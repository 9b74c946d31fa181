"""An encoder that is pre-trained: of a checkpoint or from scratch, to a Hugging Face folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import torch
import transformers

from cstool import __version__
from cstool.errors import CstoolError
from cstool.files import CARD
from cstool.loading import UNLOADABLE, drawn, local, positions, unloadable
from cstool.pretraining.objectives import pooled
from cstool.settings import Pretraining


@dataclass
class Encoder:
    """A masked language model with its tokenizer, of which a run may train the encoder alone."""

    model: Any
    tokenizer: Any

    @classmethod
    def begin(cls, settings: Pretraining, tokenizer: Any) -> "Encoder":
        """Load the base, or make a model with random weights that the seed alone decides.

        The same model is made for every objective, head included, so that all start alike.
        CstoolError if it does not load, or has no fast tokenizer, or none with a mask for an
        objective that masks.
        """
        name = settings.base or str(settings.init_config)
        if getattr(tokenizer, "backend_tokenizer", None) is None:
            raise CstoolError(f"{name}: the tokenizer has no fast (tokenizer.json) version")
        if settings.masks and tokenizer.mask_token_id is None:
            raise CstoolError(
                f"{name}: the tokenizer has no mask token, which --objective {settings.objective} "
                "needs"
            )
        if tokenizer.pad_token_id is None:
            raise CstoolError(f"{name}: the tokenizer has no padding token")
        torch.manual_seed(settings.seed)
        model = _load(settings.base) if settings.base else _make(settings, tokenizer)
        rows = model.get_input_embeddings().num_embeddings
        if len(tokenizer) > rows:
            raise CstoolError(f"{name}: has {rows} embeddings for {len(tokenizer)} tokens")
        found = cls(model, tokenizer)
        if settings.masks:
            found.head()
        return found

    def head(self) -> Any:
        """Give what turns states of tokens into logits; CstoolError for a build unknown here."""
        heads = [part for part in self.model.children() if part is not self.model.base_model]
        if len(heads) != 1:
            raise CstoolError(
                f"{self.model.config.model_type}: expected a masked language model of the build of "
                "BERT or XLM-R"
            )
        return heads[0]

    def states(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Give the states of the tokens (n, length, d)."""
        found: torch.Tensor = self.model.base_model(**inputs).last_hidden_state
        return found

    def embeddings(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Give the embeddings of texts (n, d)."""
        return pooled(self.states(inputs), inputs["attention_mask"])

    def fitting(self, wanted: int | None, name: str) -> int:
        """Give the length of texts in tokens; CstoolError if there are fewer positions."""
        limit = positions(self.model)
        if wanted is not None and wanted > limit:
            raise CstoolError(f"{name}: has {limit} positions, fewer than --max-length {wanted}")
        return wanted or limit

    def save(self, folder: Path, *, with_head: bool, card: dict[str, Any], readme: str) -> None:
        """Write weights (safetensors), tokenizer, config, a model card and, last, `card`."""
        (self.model if with_head else self.model.base_model).save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        for file in folder.glob("*.safetensors"):  # safetensors lets nobody else read them
            file.chmod((folder / "config.json").stat().st_mode)
        (folder / "README.md").write_text(readme, encoding="utf-8")
        content = {"version": __version__, **card}
        (folder / CARD).write_bytes(
            orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )


def token_types(settings: Pretraining) -> int:
    """Count the token types that the configuration has."""
    return int(getattr(_config(settings), "type_vocab_size", 0) or 1)


def _load(name: str) -> Any:
    try:
        model, info = transformers.AutoModelForMaskedLM.from_pretrained(
            local(name), dtype=torch.float32, output_loading_info=True, trust_remote_code=False
        )
    except UNLOADABLE as error:
        raise unloadable(name, error) from error
    drawn(name, model, info)
    return model


def _make(settings: Pretraining, tokenizer: Any) -> Any:
    config = _config(settings)
    config.vocab_size = len(tokenizer)
    for token in ("pad", "bos", "eos"):
        setattr(config, f"{token}_token_id", getattr(tokenizer, f"{token}_token_id"))
    try:
        model = transformers.AutoModelForMaskedLM.from_config(config)
    except (ValueError, TypeError, RuntimeError, AttributeError) as error:
        raise CstoolError(f"{settings.init_config}: {str(error).splitlines()[0]}") from error
    tokenizer.model_max_length = positions(model)
    return model


def _config(settings: Pretraining) -> Any:
    path = Path(str(settings.init_config))
    try:
        given = orjson.loads(path.read_bytes())
        kind = given.pop("model_type")
        given.pop("architectures", None)
        return transformers.AutoConfig.for_model(kind, **given)
    except (orjson.JSONDecodeError, AttributeError, TypeError, KeyError, ValueError) as error:
        raise CstoolError(
            f"{path}: is no config.json of a model that transformers knows: it has to be a JSON "
            f"object with model_type ({str(error).splitlines()[0]})"
        ) from error

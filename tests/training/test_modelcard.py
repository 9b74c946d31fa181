from pathlib import Path

from cstool.training import modelcard

ACCOUNT = {
    "command": "cstool train",
    "version": "1",
    "settings": {
        "batch_size": 4,
        "lexicon": "wiki",
        "resume": True,
        "data": None,
        "warmup_steps": 0,
    },
    "inputs": [{"path": "/data/en-de.tsv", "sha256": "abcdef0123456789" * 4, "lines": 12}],
    "counts": {
        "examples": 30,
        "max_steps": 9,
        "validation": [{"step": 5, "loss": 0.25, "mrr@10": 0.5}],
        "kept_step": 5,
    },
}


def test_it_tells_what_the_model_was_made_of_and_how_it_is_loaded():
    page = modelcard.page(Path("models/ml-cs"), ACCOUNT)
    assert page.startswith("---\nlibrary_name: sentence-transformers\n")
    assert "# `ml-cs`\n" in page
    assert "30 training examples, in 9 steps." in page
    assert "| `en-de.tsv` | 12 | `abcdef0123456789` |" in page
    assert "| batch_size | `4` |" in page
    assert "| warmup_steps | `0` |" in page
    assert "resume" not in page
    assert "The weights are those of step 5." in page
    assert "| 5 | 0.25 | 0.5 |" in page
    for how in ("cstool rerank ml-cs ", "CrossEncoder('ml-cs')", "from_pretrained('ml-cs')"):
        assert how in page


def test_names_cannot_write_the_page():
    """Names come from outside: no sign in them ends the code that they stand as."""
    name = "a`b|c\n# headline <script>"
    given = {"path": f"/x/{name}", "sha256": None, "lines": 1}
    page = modelcard.page(Path("m'; rm -rf x"), ACCOUNT | {"inputs": [given]})
    assert "| ``a`b\\|c # headline <script>`` | 1 | `-` |" in page
    assert "\n# headline" not in page
    assert "cstool rerank 'm'\\''; rm -rf x' --queries" in page
    assert """CrossEncoder("m'; rm -rf x")""" in page

"""`cnnkit recipes`: the networks that come with cnnkit."""

import sys
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from cnnkit.cli.request import Request
from cnnkit.cli.tables import print_table
from cnnkit.documents import count

EXAMPLE = "cnnkit recipes   or   cnnkit recipes --copy lenet5 > net.toml"


@dataclass(frozen=True)
class RecipesRequest(Request):
    """The recipe to print, if one is."""

    copy: Annotated[
        str | None, typer.Option("--copy", metavar="NAME", help="Print this recipe as a model file of yours to change.")
    ] = None


def command(request: RecipesRequest) -> int:
    """List the recipes: networks and their training options, by the name for --recipe."""
    from cnnkit import recipes

    output = request.output
    if request.copy is not None:
        text = recipes.text(request.copy)
        if not request.json:
            sys.stdout.write(text)
        output.result({"name": request.copy, "toml": text})
        return 0
    listed = [_describe(recipes.get(name)) for name in recipes.names()]
    rows = [
        (
            facts["name"],
            count(facts["parameters"]),
            facts["data"],
            facts["task"],
            _append_source(facts["description"], facts["source"] if output.verbose else ""),
        )
        for facts in listed
    ]
    print_table(output, ("recipe", "parameters", "data", "task", "what"), rows, " r  w")
    output.note("train one with: cnnkit train --recipe NAME   its layers: cnnkit summary --recipe NAME")
    output.result({"recipes": listed})
    return 0


def _describe(recipe: Any) -> dict[str, Any]:
    from cnnkit.data import KNOWN
    from cnnkit.summary import summarise

    tasks = {entry.name: entry.task for entry in KNOWN}
    network, shape = recipe.network()
    kept = {key: value for key, value in asdict(recipe).items() if key != "architecture"}
    return kept | {
        "task": tasks.get(recipe.data, "that of your data"),
        "parameters": summarise(network, shape).parameters,
        "input_shape": list(shape),
    }


def _append_source(description: str, source: str) -> str:
    return f"{description} After {source.removeprefix('after ')}." if source else description

"""`cnnkit gradcheck`: gradients of the backward pass against differences of the loss."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cnnkit.cli.choice import choose_recipe
from cnnkit.cli.options import BackendName, Device, ModelFile, RecipeName, Threads
from cnnkit.cli.output import Output
from cnnkit.cli.request import Request
from cnnkit.cli.tables import print_table
from cnnkit.documents import TableEntry

if TYPE_CHECKING:
    from cnnkit.finite_differences import GradientReport

EXAMPLE = "cnnkit gradcheck --recipe lenet5 --backend torch --per-parameter"


@dataclass(frozen=True)
class GradcheckRequest(Request):
    """A network, a backend, and what to check."""

    recipe: RecipeName = None
    model: ModelFile = None
    backend: BackendName = "numpy"
    device: Device = None
    seed: Annotated[int, typer.Option(min=0, help="For weights, inputs and directions.")] = 0
    samples: Annotated[int, typer.Option(min=1, max=256, help="Images in the batch.")] = 2
    per_parameter: Annotated[
        bool, typer.Option("--per-parameter", help="Check single entries of each tensor as well.")
    ] = False
    threads: Threads = None


def command(request: GradcheckRequest) -> int:
    """Compare a network's gradients with differences of its loss, in float64; exit status 1 when they do not agree."""
    from cnnkit import losses
    from cnnkit.backends import get_backend
    from cnnkit.finite_differences import gradient_check
    from cnnkit.layers import Graph
    from cnnkit.training import Options

    output = request.output
    chosen = choose_recipe(request.recipe, request.model)
    network, shape = chosen.network()
    ready = get_backend(request.backend, request.device, request.threads)
    loss = Options(**chosen.training).loss
    names = network.output_names if isinstance(network, Graph) else ("output",)
    fitted = losses.fit_outputs(losses.parse(loss), names)
    output.note(f"{chosen.name}, {loss}, on {ready.name} ({ready.device}), float64, seed {request.seed}")
    report = gradient_check(
        network, fitted, shape,
        backend=ready, seed=request.seed, samples=request.samples, per_parameter=request.per_parameter,
    )  # fmt: skip
    _print_report(output, report)
    output.result({
        "recipe": chosen.name, "backend": ready.name, "device": ready.device, "dtype": "float64", "seed": request.seed,
        "loss": loss, "passed": report.passed,
        "rows": [vars(row) | {"passed": row.passed} for row in report.rows],
    })  # fmt: skip
    return 0 if report.passed else 1


def _print_report(output: Output, report: "GradientReport") -> None:
    rows = [
        (
            row.name,
            f"{row.numeric:.9g}",
            f"{row.analytic:.9g}",
            f"{row.error:.1e}",
            TableEntry("ok", style="green") if row.passed else TableEntry("WRONG", style="bold red"),
        )
        for row in report.rows
    ]
    print_table(output, ("tensor", "numeric", "analytic", "relative error", ""), rows, "wrrr")
    wrong = [row.name for row in report.rows if not row.passed]
    bound = report.rows[0].bound
    if wrong:
        output.say(f"{len(wrong)} of {len(report.rows)} differ by more than {bound:g}: {', '.join(wrong)}")
    else:
        output.say(f"all {len(report.rows)} agree within {bound:g}")

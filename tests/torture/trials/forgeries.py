"""Forged files of a training: each must be refused or told to differ, and what was forged must be named."""

import time

from cnnkit import load_data, verify
from cnnkit.errors import CnnkitError
from torture.forged import Forgery, list_forgeries, train
from torture.trial import Budget, Found, Trial


def _judge(forgery: Forgery) -> str | None:
    """Return what is wrong with the judgement on a forged file, None where it is caught and named."""
    try:
        verdict = verify(forgery.file, forgery.data)
        texts = [difference.text for difference in verdict.differences]
    except CnnkitError as error:
        texts = [str(error)]
    if not texts:
        return "not seen"
    if any("\n" in text or len(text) > 1200 for text in texts):
        return f"told in more than one line: {texts[0][:200]}"
    named = not forgery.names or any(name in text for name in forgery.names for text in texts)
    return None if named else f"expected one of {forgery.names}, got {texts[0]}"


def run(budget: Budget) -> Found:
    """Forge the file of a training in `count` ways."""
    data, found, started = load_data("digits"), Found(), time.perf_counter()
    honest = train(data)
    if not verify(honest, data).same:
        found.faults.append("the honest file is told to differ")
    for forgery in list_forgeries(budget.count, budget.seed, honest, data):
        problem = _judge(forgery)
        found.attempts += 1
        if problem is not None:
            found.faults.append(f"{forgery.what}: {problem}")
        if time.perf_counter() - started > budget.seconds:
            break
    found.figures["milliseconds per file"] = round(1000 * (time.perf_counter() - started) / found.attempts, 1)
    return found


TRIAL = Trial("forgeries", "forged files of trainings", "all caught and named", run, short=52, usual=1000, long=10_000)

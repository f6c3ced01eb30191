"""Words of other programs, and what they are called here."""

COMMANDS = {
    "fit": "train", "learn": "train", "run": "train", "test": "evaluate", "eval": "evaluate", "validate": "evaluate",
    "score": "evaluate", "infer": "predict", "classify": "predict", "convert": "export", "save": "export",
    "info": "inspect", "dump": "inspect", "ls": "inspect", "cat": "inspect", "weights": "inspect", "plot": "show",
    "draw": "show", "view": "show", "visualize": "show", "visualise": "show", "compare": "diff", "cmp": "diff",
    "model": "summary", "models": "recipes", "zoo": "recipes", "networks": "recipes", "datasets": "data list",
    "dataset": "data list", "download": "data fetch", "check": "gradcheck", "devices": "backends", "help": "--help",
    "version": "--version",
}  # fmt: skip

OPTIONS = {
    "--lr": "--learning-rate", "--rate": "--learning-rate", "--eta": "--learning-rate", "--opt": "--optimizer",
    "--optim": "--optimizer", "--bs": "--batch-size", "--batch": "--batch-size", "--epoch": "--epochs",
    "--dataset": "--data", "--train-data": "--data", "--output": "--out", "--save": "--out", "--outfile": "--out",
    "--net": "--model", "--network": "--model", "--architecture": "--model", "--config": "--model",
    "--arch": "--recipe",
    "--init": "--initializer", "--pretrained": "--init-from", "--weights": "--init-from", "--load": "--init-from",
    "--continue": "--resume", "--force": "--overwrite", "--early-stopping": "--patience", "--val": "--validation-split",
    "--validation": "--validation-split", "--val-split": "--validation-split", "--precision": "--dtype",
    "--fp64": "--dtype float64", "--double": "--dtype float64", "--workers": "--threads", "--num-workers": "--threads",
    "--jobs": "--threads", "--lr-schedule": "--schedule", "--scheduler": "--schedule", "--criterion": "--loss",
    "--loss-function": "--loss", "--n": "--limit", "--layers": "--layer", "--type": "--format", "--to": "--format",
    "--tol": "--atol", "--tolerance": "--atol", "--picture": "--image", "--file": "--image",
    "--random-seed": "--seed", "--subset": "--limit", "--samples": "--limit", "--report": "--html",
    "--gpu": "--backend cupy", "--cuda": "--backend cupy",
    "--momentum": "--optimizer sgd:momentum=0.9", "--nesterov": "--optimizer sgd:momentum=0.9,nesterov=true",
    "--clip": "--optimizer adam:clip_norm=1", "--clip-norm": "--optimizer adam:clip_norm=1",
    "--clip-value": "--optimizer adam:clip_value=1", "--layer-lr": "--layer-rate", "--lr-mult": "--layer-rate",
    "--weight-decay": "--optimizer adamw:weight_decay=0.01", "--beta1": "--optimizer adam:beta1=0.9",
}  # fmt: skip

# What cnnkit does not do, and what to do instead.
MISSING = {
    "--augmentation": "did you mean --augment?",
    "--shuffle": "the training images are shuffled in each epoch, by --seed",
    "--dropout": "dropout is a layer: name a file with your network with --model",
    "--tensorboard": "--log FILE.jsonl writes the figures of each epoch, --plot FILE.svg draws them",
}

NUMBERS = {
    word: number
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    )
} | {"twenty": 20, "fifty": 50, "hundred": 100, "thousand": 1000}

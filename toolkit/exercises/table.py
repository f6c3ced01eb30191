"""The exercises by name, in the order in which they are best done."""

from cnnkit.exercises.batch_norm import BATCH_NORM
from cnnkit.exercises.broken_net import BROKEN_NET
from cnnkit.exercises.chance import DROPOUT, INITIALIZATION
from cnnkit.exercises.columns import IM2COL
from cnnkit.exercises.convolution import CONV2D
from cnnkit.exercises.convolution_gradients import CONV2D_BACKWARD
from cnnkit.exercises.cross_entropy import SOFTMAX_CROSS_ENTROPY
from cnnkit.exercises.dense import DENSE
from cnnkit.exercises.exercise import Exercise
from cnnkit.exercises.pooling import POOLING
from cnnkit.exercises.updates import ADAM, SGD

EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (
        DENSE, SOFTMAX_CROSS_ENTROPY, SGD, INITIALIZATION, CONV2D, POOLING, IM2COL, CONV2D_BACKWARD, DROPOUT,
        BATCH_NORM, ADAM, BROKEN_NET,
    )
}  # fmt: skip

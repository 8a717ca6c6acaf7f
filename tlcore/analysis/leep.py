"""LEEP and NCE: what the old classifier's answers tell about the new labels, before anything is trained.

Both are mean log-likelihoods in nats (natural logarithm) for each image: at most 0, and minus the entropy of the labels where
the answers tell nothing. Neither looks below the logits, so that they belong to the whole network and to no layer.
"""

from __future__ import annotations

import numpy as np

from tlcore.analysis.undefined import Undefined, memberships, table

ROUNDING = 1e-3  # by how much a row of probabilities may miss a sum of 1


def leep(source_probabilities: np.ndarray, labels: np.ndarray) -> float:
    """LEEP (Nguyen et al. 2020, "LEEP: a new measure to evaluate transferability of learned representations").

    `source_probabilities` (N, Z) are the old classifier's answers p(z | x_i) on the new images, `labels` int (N,) the new
    labels. With P(y, z) = 1/N sum over images of class y of p(z | x_i), it is the mean of ln sum_z P(y_i | z) p(z | x_i).
    Old classes that get no probability at all play no part. Raises `Undefined` for rows that are no probabilities, and
    where there is only one new class.
    """
    answers = table(source_probabilities, "probabilities")
    if answers.min() < 0 or np.abs(answers.sum(1) - 1).max() > ROUNDING:
        raise Undefined("LEEP needs the old classifier's probabilities: not negative, and 1 in sum for each image.")
    return _mean_log(answers, memberships(labels, len(answers)))


def nce(source_labels: np.ndarray, labels: np.ndarray) -> float:
    """NCE, minus the conditional entropy H(Y | Z) (Tran et al. 2019, "Transferability and hardness of supervised
    classification tasks").

    `source_labels` int (N,) are the classes z_i that the old classifier names on the new images, `labels` int (N,) the new
    labels. It is the mean of ln P(y_i | z_i), P counted on the same images: LEEP, had the old classifier no doubts. Raises
    `Undefined` where there is only one new class. (One old class alone is an answer too: the score is then -H(Y).)
    """
    source_labels = np.asarray(source_labels)
    if source_labels.ndim != 1 or not len(source_labels):
        raise Undefined(f"There must be one old class for each image, not an array of shape {source_labels.shape}.")
    answers = (source_labels[:, None] == np.unique(source_labels)).astype(np.float64)
    return _mean_log(answers, memberships(labels, len(answers)))


def _mean_log(answers: np.ndarray, members: np.ndarray) -> float:
    """The mean over images of ln sum_z P(y_i | z) p(z | x_i), from p (N, Z) and the images' classes (N, C)."""
    joint = members.T @ answers
    total = joint.sum(0)
    given = np.divide(joint, total, out=np.zeros_like(joint), where=total > 0)  # P(y | z), (C, Z)
    return float(np.log(np.einsum("nz,nz->n", answers, members @ given)).mean())

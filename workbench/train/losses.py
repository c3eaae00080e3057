"""What training minimises: functions of tensors, without weights or settings of their own.

Letters: B clips of a batch, D numbers that the last layer reads. Evidence is in nats, higher = more bona fide.
"""

from __future__ import annotations

import tensorflow as tf

_NEVER = 1e9


def cross_entropy(raw_score: tf.Tensor, bonafide: tf.Tensor, smoothing: float = 0.0) -> tf.Tensor:
    """Binary cross-entropy of each element [shape of ``raw_score``, nats].

    Parameters
    ----------
    bonafide : 1 for bona fide, 0 for spoof; broadcast to ``raw_score``.
    smoothing : the probability, in [0, 0.5], that a label is taken to be wrong (Szegedy et al. 2016).
    """
    targets = bonafide * (1.0 - 2.0 * smoothing) + smoothing
    return tf.nn.sigmoid_cross_entropy_with_logits(tf.broadcast_to(targets, tf.shape(raw_score)), raw_score)


def margin_loss(raw_score: tf.Tensor, bonafide: tf.Tensor, margin: float) -> tf.Tensor:
    """``log(1 + exp(margin - evidence))`` of a bona fide element, the same of minus the evidence of a spoof one.

    Parameters
    ----------
    bonafide : 1 for bona fide, 0 for spoof; broadcast to ``raw_score``.
    margin : nats, at least 0, that either class is to lie beyond 0; at 0 this is cross-entropy.

    Returns
    -------
    [shape of ``raw_score``]. Where the evidence is ``a (cos - (m0 + m1) / 2)`` and the margin ``a (m0 - m1) / 2``, this
    is OC-Softmax (Zhang, Jiang and Duan 2021, "One-class learning towards synthetic voice spoofing detection"); where
    they are ``s (cos_bonafide - cos_spoof)`` and ``s m``, additive-margin softmax of two classes (Wang et al. 2018,
    "Additive margin softmax for face verification"). `workbench.models.heads` computes such evidence.
    """
    return tf.math.softplus(margin - (2.0 * bonafide - 1.0) * raw_score)


def ranking_loss(raw_score: tf.Tensor, bonafide: tf.Tensor, sources: tf.Tensor) -> tf.Tensor:
    """Mean over pairs of one source of ``log(1 + exp(spoof - bona fide))``: a smooth 1 - AUC inside sources.

    Parameters
    ----------
    evidence, bonafide : [shape=(B,)]
    sources : whole numbers [shape=(B,)]; a clip with a negative one is in no pair.

    Returns
    -------
    scalar, at least 0; 0 without a pair. Burges et al. 2005, "Learning to rank using gradient descent".
    """
    pairs = (sources[:, None] == sources[None, :]) & (sources[:, None] >= 0)
    pairs &= (bonafide[:, None] > 0.5) & (bonafide[None, :] < 0.5)
    weights = tf.cast(pairs, raw_score.dtype)
    losses = tf.math.softplus(raw_score[None, :] - raw_score[:, None])
    return tf.math.divide_no_nan(tf.reduce_sum(weights * losses), tf.reduce_sum(weights))


def contrastive_loss(embeddings: tf.Tensor, classes: tf.Tensor, temperature: float) -> tf.Tensor:
    """Supervised contrastive loss: each clip nearer to those of its class than to the others.

    Parameters
    ----------
    embeddings : [shape=(B, D)]; their length does not count.
    classes : [shape=(B,)]; clips of one value belong together.
    temperature : above 0; smaller looks at the nearest clips alone.

    Returns
    -------
    scalar, the mean over clips that have another of their class; 0 without any. Khosla et al. 2020, "Supervised
    contrastive learning", eq. 2. They put a projection in between, which is thrown away after training; here the
    embedding itself is meant, since a linear layer is all that follows it.
    """
    units = tf.math.l2_normalize(embeddings, axis=1)
    itself = tf.eye(tf.shape(units)[0], dtype=units.dtype)
    similarity = tf.matmul(units, units, transpose_b=True) / temperature
    log_shares = similarity - tf.reduce_logsumexp(similarity - _NEVER * itself, axis=1, keepdims=True)
    positive = tf.cast(classes[:, None] == classes[None, :], units.dtype) - itself
    count = tf.reduce_sum(positive, axis=1)
    losses = -tf.math.divide_no_nan(tf.reduce_sum(positive * log_shares, axis=1), count)
    return tf.math.divide_no_nan(tf.reduce_sum(losses), tf.reduce_sum(tf.cast(count > 0, units.dtype)))


def distillation_loss(raw_score: tf.Tensor, taught: tf.Tensor, temperature: float) -> tf.Tensor:
    """Cross-entropy of the student's tempered probability against the teachers', times the temperature's square.

    Parameters
    ----------
    evidence, taught : of student and teachers [shape=(B,), nats].
    temperature : above 0; divides both. The square keeps the gradient's size (Hinton, Vinyals and Dean 2015,
        "Distilling the knowledge in a neural network", section 2).

    Returns
    -------
    scalar, the mean over clips; at its least, where both agree, it is the teachers' own entropy.
    """
    targets = tf.sigmoid(taught / temperature)
    losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, raw_score / temperature)
    return temperature**2 * tf.reduce_mean(losses)


@tf.custom_gradient
def reverse_gradient(values: tf.Tensor, strength: tf.Tensor) -> tuple[tf.Tensor, object]:
    """``values`` as they are; their gradient comes back times ``-strength``.

    Ganin et al. 2016, "Domain-adversarial training of neural networks", section 4.2.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return -strength * upstream, tf.zeros_like(strength)

    return tf.identity(values), gradient


def reversal_strength(progress: tf.Tensor) -> tf.Tensor:
    """How far the reversal is turned on after a share ``progress`` in [0, 1] of training: from 0 to almost 1.

    The schedule of Ganin et al. 2016 with their gamma of 10: at first the classifier of domains only guesses.
    """
    return 2.0 / (1.0 + tf.exp(-10.0 * progress)) - 1.0


def domain_loss(logits: tf.Tensor, domains: tf.Tensor) -> tf.Tensor:
    """Mean cross-entropy of ``logits`` [shape=(B, n)] against ``domains`` [shape=(B,)] in 0 … n - 1.

    A clip with a negative domain does not count; 0 without any that does.
    """
    known = tf.cast(domains >= 0, logits.dtype)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(domains, 0), logits)
    return tf.math.divide_no_nan(tf.reduce_sum(known * losses), tf.reduce_sum(known))

"""What scikit-learn, CLIP_benchmark and scipy find on random data: evaluation.safetensors.

    python Tests/Fixtures/evaluation.py                                  # the fixture
    python Tests/Fixtures/evaluation.py --cases 40 --seed 7 --output F   # more of them, as .ci/run asks for

Needs numpy, scipy, scikit-learn, torch, tqdm, safetensors, the metrics of clip_benchmark and the templates of open_clip:
pip install --no-deps clip_benchmark open_clip_torch. Made with scikit-learn 1.9.1, clip_benchmark 1.6.2, open_clip 3.3.0,
torch 2.13.0.

Names are `<kind>/<number>/<array>`. Where Pairwise counts a tie against the model, the right answers' scores are lowered
here by less than any two scores differ, which makes the references do the same.
"""

import argparse
import importlib.util
import pathlib
import runpy
import warnings

import numpy as np
import torch
from clip_benchmark.metrics import zeroshot_classification, zeroshot_retrieval
from safetensors.numpy import save_file
from scipy.stats import bootstrap
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier

warnings.filterwarnings("ignore")
parser = argparse.ArgumentParser()
parser.add_argument("--cases", type=int, default=3)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--output", default=pathlib.Path(__file__).with_suffix(".safetensors"))
options = parser.parse_args()

random = np.random.default_rng(options.seed)
arrays = {}


def number(low, high):
    return int(random.integers(low, high))


def normal(*shape):
    return random.standard_normal(shape).astype(np.float32)


def record(kind, case, **values):
    for name, value in values.items():
        value = np.ascontiguousarray(value)
        arrays[f"{kind}/{case}/{name}"] = np.atleast_1d(value.astype(np.int32) if value.dtype == np.int64 else value)


def lowered(scores, right):
    return np.where(right, scores.astype(np.float64) - 1e-9, scores.astype(np.float64))


def scores_of(images, classes, case):
    """Every other time with many ties."""
    scores = normal(images, classes)
    return np.round(scores * 2) / 2 if case % 2 else scores


def clustered(samples, classes, width, spread=1.5):
    """Features of classes that overlap, and their labels: every class has one at least."""
    labels = np.concatenate([np.arange(classes), random.integers(0, classes, samples - classes)])
    features = normal(classes, width)[labels] + spread * normal(samples, width)
    return (features + normal(width)).astype(np.float32), labels


def classification(case):
    images, classes = number(1, 200), number(5, 40)
    scores, labels = scores_of(images, classes, case), random.integers(0, classes, images)
    against = lowered(scores, np.eye(classes, dtype=bool)[labels])
    at = [metrics.top_k_accuracy_score(labels, against, k=k, labels=range(classes)) for k in (1, 5)]
    record("classification", case, scores=scores, labels=labels, accuracy=at[0], accuracyAt5=at[1],
           meanPerClass=metrics.balanced_accuracy_score(labels, against.argmax(1)))


def zero_shot(case):
    classes, templates, width = number(1, 12), number(1, 9), number(2, 30)
    texts = normal(classes * templates, width)

    class Model:
        def encode_text(self, rows):
            return torch.tensor(texts)[rows]

    names = [str(number) for number in range(classes)]
    weights = zeroshot_classification.zero_shot_classifier(
        Model(), lambda texts: torch.tensor([int(c) * templates + int(t) for c, t in map(str.split, texts)]), names,
        ["{c} " + str(template) for template in range(templates)], "cpu", amp=False)
    record("zeroShot", case, texts=texts, templates=templates, classifier=weights.T.numpy())


def templates(case):
    # The file alone: the package imports what is not needed here.
    folder = pathlib.Path(importlib.util.find_spec("open_clip").origin).parent
    known = runpy.run_path(str(folder / "zero_shot_metadata.py"))
    for name, key in (("openAI80", "OPENAI_IMAGENET_TEMPLATES"), ("openAI7", "SIMPLE_IMAGENET_TEMPLATES")):
        text = "\n".join(template("great auk") for template in known[key])
        record("templates", case, **{name: np.frombuffer(text.encode(), np.uint8)})


def retrieval(case):
    width = number(2, 20)
    while True:
        images, texts = number(2, 40), number(2, 80)
        x, y = normal(images, width), normal(texts, width)
        if case % 2:
            x, y = np.round(x), np.round(y)
        # Every image has a text and every text an image; some have several.
        right = random.random((images, texts)) < 0.03
        right[np.arange(images), random.integers(0, texts, images)] = True
        right[random.integers(0, images, texts), np.arange(texts)] = True
        scores = x.astype(np.float64) @ y.T.astype(np.float64)
        # Scores that only rounding could tell apart have no order to compare.
        gaps = np.abs(scores[right][:, None] - scores[~right][None])
        if case % 2 or gaps.size == 0 or gaps.min() > 1e-5:
            break
    found = dict(images=x, texts=y, right=right)
    for name, scores, right in [("imageToText", scores, right), ("textToImage", scores.T, right.T)]:
        against = np.where(right, scores - 1e-7, scores)
        recalls = []
        for k in (1, 5, 10):
            some = zeroshot_retrieval.recall_at_k(
                torch.tensor(against), torch.tensor(right), min(k, right.shape[1]))
            recalls.append((some > 0).double().mean().item())
        ranks = [(row > max(row[own])).sum() for row, own in zip(against, right)]
        precisions = [metrics.average_precision_score(own, row) for row, own in zip(scores, right)]
        found[name] = recalls + [np.median(ranks) + 1, np.mean(precisions)]
    record("retrieval", case, **found)


def multi_label(case):
    images, classes = number(2, 120), number(1, 12)
    scores = 1 / (1 + np.exp(-scores_of(images, classes, case)))
    has = random.random((images, classes)) < random.random(classes) * 0.5
    has[0, 0] = True
    precisions = [metrics.average_precision_score(own, column) if own.any() else np.nan
                  for own, column in zip(has.T, scores.T)]
    if case % 2 == 0:
        ours = zeroshot_classification.average_precision_per_class(torch.tensor(scores), torch.tensor(has))
        assert np.allclose(np.nan_to_num(precisions), ours, atol=1e-6)
    record("multiLabel", case, scores=scores, has=has, precisions=precisions, mean=np.nanmean(precisions))


def neighbors(case):
    classes, width = number(2, 8), number(2, 24)
    while True:
        samples, labels = clustered(number(classes + 20, 150), classes, width)
        queries = clustered(number(classes, 60), classes, width)[0]
        k = number(1, 20)
        unit = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in (queries.astype(float), samples.astype(float))]
        order = np.sort(unit[0] @ unit[1].T, axis=1)[:, ::-1]
        if (order[:, k - 1] - order[:, k]).min() > 1e-6:
            break

    def votes(weights):
        model = KNeighborsClassifier(k, metric="cosine", algorithm="brute", weights=weights)
        model.fit(samples.astype(float), labels)
        return model.predict_proba(queries.astype(float)), model.predict(queries.astype(float))

    (shares, answers), temperature = votes("uniform"), 0.07
    record("neighbors", case, queries=queries, samples=samples, labels=labels, classes=classes, k=k,
           shares=shares, answers=answers, weighted=votes(lambda distance: np.exp((1 - distance) / temperature))[0])


def ridge(case):
    classes, width = number(2, 8), number(1, 30)
    features, labels = clustered(number(classes, 60), classes, width)
    queries = clustered(classes + 5, classes, width)[0]
    mean, deviation = features.astype(float).mean(0), features.astype(float).std(0) + 1e-5
    samples, others = (np.pad((z - mean) / deviation, ((0, 0), (0, 1)), constant_values=100.0)
                       for z in (features, queries))
    penalty = 2.0 ** number(-3, 14)
    model = Ridge(alpha=penalty, fit_intercept=False, solver="cholesky")
    model.fit(samples, 2.0 * np.eye(classes)[labels] - 1)
    record("ridge", case, features=features, labels=labels, classes=classes, penalty=penalty, queries=queries,
           scores=model.predict(others))


def logistic(case):
    classes, width = number(2, 7), number(1, 16)
    features, labels = clustered(number(classes + 10, 120), classes, width)
    queries = clustered(classes + 5, classes, width)[0]
    c = 10.0 ** random.uniform(-3, 3)
    # One vector for two classes instead of two, whose squares are half as large.
    model = LogisticRegression(C=2 * c if classes == 2 else c, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    model.fit(features.astype(float), labels)
    squares = (model.coef_ ** 2).sum() / (2 if classes == 2 else 1)
    loss = metrics.log_loss(labels, model.predict_proba(features.astype(float))) + squares / (2 * c * len(labels))
    record("logistic", case, features=features, labels=labels, classes=classes, c=c, queries=queries, loss=loss,
           probabilities=model.predict_proba(queries.astype(float)))


def sweep(case):
    classes, width = number(3, 5), number(4, 12)
    features, labels = clustered(60, classes, width, spread=2)
    others, truth = clustered(50, classes, width, spread=2)
    found = {}

    def attempt(place):
        if place in found or not 0 <= place <= 96:
            return
        model = LogisticRegression(C=10.0 ** ((place - 48) / 8), solver="newton-cholesky", tol=1e-10, max_iter=1000)
        model.fit(features.astype(float), labels)
        found[place] = model.score(others.astype(float), truth)

    for place in range(0, 97, 16):
        attempt(place)
    for distance in (8, 4, 2, 1):
        best = max(sorted(found), key=found.get)
        attempt(best - distance)
        attempt(best + distance)
    places = sorted(found)
    record("sweep", case, features=features, labels=labels, classes=classes, others=others, truth=truth,
           places=places, accuracies=[found[place] for place in places])


def calibration(case):
    count, bins = number(1, 300), number(1, 20)
    probabilities = random.random(count).astype(np.float32)
    if case % 2:
        # On the edges of bins, whose numbers both precisions have.
        bins = 2 ** number(0, 5)
        probabilities = np.round(probabilities * 2 * bins).astype(np.float32) / np.float32(2 * bins)
    came = random.random(count) < probabilities ** 1.5
    came[0] = not came[1:].any()
    true, mean = calibration_curve(came, probabilities.astype(float), n_bins=bins, strategy="uniform")
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], probabilities.astype(float)), minlength=bins)
    shares = counts[counts > 0] / count
    record("calibration", case, probabilities=probabilities, came=came, bins=bins, counts=counts, shareTrue=true,
           meanProbability=mean, expectedError=(np.abs(true - mean) * shares).sum(), maximumError=np.abs(true - mean).max(),
           brierScore=metrics.brier_score_loss(came, probabilities.astype(float), pos_label=True))


def interval(case):
    values = random.random(number(30, 300)) ** number(1, 4)
    ends = bootstrap((values,), np.mean, method="percentile", n_resamples=20000, rng=random).confidence_interval
    record("interval", case, values=values, ends=[ends.low, ends.high], error=values.std() / len(values) ** 0.5)


kinds = [classification, zero_shot, retrieval, multi_label, neighbors, ridge, logistic, calibration]
for kind in kinds:
    for case in range(options.cases):
        kind(case)
templates(0)
for kind in (sweep, interval):
    for case in range((options.cases + 9) // 10):
        kind(case)
save_file(arrays, options.output)
print(f"{len({name.rsplit('/', 1)[0] for name in arrays})} cases")

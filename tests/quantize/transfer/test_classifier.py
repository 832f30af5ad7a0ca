"""Classifiers on features: folds that do not leak, exact rotations, honest accuracies."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from firebrick.quantize.transfer import classifier, validate
from firebrick.quantize.transfer.features import features
from firebrick.quantize.transfer.trunk import cuts
from tests.quantize import builders


def clusters(seed: int, count: int, classes: int, width: int, apart: float):
    """Features [N, 2, C] with a mean a class, a picture's two copies close to each other."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    rows = rng.normal(size=(classes, width))[labels] * apart + rng.normal(size=(count, width))
    return np.stack([rows, rows + 0.01 * rng.normal(size=rows.shape)], axis=1), labels


@pytest.mark.parametrize(("count", "classes"), [(10, 2), (57, 3), (400, 7)])
def test_every_picture_is_judged_once_by_what_has_not_seen_it(count, classes):
    labels = np.arange(count) % classes
    splits = classifier.folds(labels)
    assert sorted(np.concatenate([judge for _, judge in splits])) == list(range(count))
    for learn, judge in splits:
        assert not set(learn) & set(judge)
        assert len(learn) + len(judge) == count
        assert set(labels[learn]) == set(range(classes))


def test_answers_do_not_depend_on_the_pictures_that_are_judged():
    """Pictures of one fold, and their copies, become something else, under other labels: what is
    learnt for that fold stays."""
    values, labels = clusters(1, 40, 2, 12, 0.8)
    found = {"a": values, "b": values[..., :5]}
    _, splits, parts = validate.learn_all(found, labels)
    learn, judge = splits[3]
    altered, other = values.copy(), labels.copy()
    altered[judge] = 1e3
    other[judge] = 1 - labels[judge]
    inside = {"a": altered[learn], "b": altered[learn][..., :5]}
    again = validate.learn(inside, other[learn])
    assert again.choice == parts[3].choice
    np.testing.assert_array_equal(again.classifier.weights, parts[3].classifier.weights)


def test_features_without_information_are_judged_as_chance():
    """With 40 features and choices among cuts and strengths, anything that leaks would show."""
    rates = []
    for seed in range(4):
        values, labels = clusters(seed, 60, 2, 40, 0.0)
        found = {"a": values, "b": np.roll(values, 7, axis=2)[..., :20]}
        _, splits, parts = validate.learn_all(found, labels)
        answers = validate.float_logits(found, splits, parts).argmax(axis=1)
        rates.append(np.mean(answers == labels))
    assert 0.35 < np.mean(rates) < 0.62


def test_separable_classes_are_learnt():
    values, labels = clusters(2, 45, 3, 10, 5.0)
    whole, splits, parts = validate.learn_all({"a": values}, labels)
    logits = validate.float_logits({"a": values}, splits, parts)
    assert np.mean(logits.argmax(axis=1) == labels) >= 0.95
    assert whole.choice.accuracy >= 95


@pytest.mark.parametrize("classes", [2, 4])
def test_the_rotation_changes_nothing(classes):
    """Fewer rows than features: the same as scikit-learn on the features themselves."""
    values, labels = clusters(3, 24, classes, 60, 0.7)
    rows = values[:, 0]
    ours = classifier.fit(rows, labels, 0.3)
    centred = rows - rows.mean(axis=0)
    scale = np.sqrt(rows.var(axis=0).mean())
    plain = LogisticRegression(C=0.3 / 24, class_weight="balanced", tol=1e-8, max_iter=1000)
    plain.fit(centred / scale, labels)
    expected = plain.predict_proba(centred / scale)
    given = np.exp(ours.logits(rows))
    given /= given.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(given, expected, atol=2e-3)


def test_sharpness_makes_probabilities():
    rng = np.random.default_rng(4)
    logits = rng.normal(size=(4000, 3))
    share = np.exp(3 * logits) / np.exp(3 * logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(3, p=row) for row in share])
    assert classifier.sharpness(logits, labels) == pytest.approx(3, rel=0.1)


def test_interval():
    low, high = validate.interval(34, 35)
    assert (round(low, 1), round(high, 1)) == (85.5, 99.5)
    assert validate.interval(10, 10)[1] == 100.0


def test_features_are_the_averages_of_the_maps_mirrored_too():
    net = builders.fire_network(seed=3)
    pictures = builders.photos(1, 2)
    found = features(net, builders.BGR, pictures, cuts(net))
    again = features(net, builders.BGR, pictures[..., ::-1], cuts(net))
    for cut in cuts(net):
        assert found[cut].shape == (2, 2, net.shapes[cut][0])
        np.testing.assert_array_equal(found[cut], again[cut][:, ::-1])
        assert np.any(found[cut][:, 0] != found[cut][:, 1])

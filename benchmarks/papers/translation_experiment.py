"""The translation model of an experiment: trained, pruned, retrained and evaluated."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from sacrebleu.metrics.bleu import BLEU
from tokenizers import Tokenizer

import greedy_decoding
import translation
import translation_data
from coldpress.pruning.sparsity import Scheme, SparsityTarget, zero_smallest_in_place
from coldpress.training.loop import reseed
from translation import Translator
from translation_data import Corpus, Pairs, Texts

EPOCHS = 6
RETRAINING_EPOCHS = 1
LEARNING_RATE = 2e-3
QUICK_EPOCHS = 9


@dataclass(frozen=True)
class Experiment:
    """A trained translation model and the splits that it is evaluated on.

    Attributes:
        model: The whole model; not changed.
        tokenizer: Of both languages.
        train: Training pairs, for retraining.
        validation: Rows for selection.
        test: Rows for reporting.
        epochs: Of one retraining.
        seed: Of the order of rows in retraining.
    """

    model: Translator
    tokenizer: Tokenizer
    train: Pairs
    validation: Texts
    test: Texts
    epochs: int
    seed: int

    def bleu(self, model: Translator, texts: Texts) -> float:
        """Return the BLEU of a model's translations as a fraction."""
        pairs = translation_data.encode(self.tokenizer, texts, translation.MAX_TOKENS)
        decoded = self.tokenizer.decode_batch(greedy_decoding.translate(model, pairs.sources))
        hypotheses = [text.strip() for text in decoded]
        return float(BLEU().corpus_score(hypotheses, [list(texts.targets)]).score) / 100

    def zeroed(self, share: float, scheme: Scheme) -> Translator:
        """Return a copy of the model with the smallest weights zeroed.

        Args:
            share: Of all weights of all matrices.
            scheme: How weights of different matrices are compared.
        """
        pruned = copy.deepcopy(self.model)
        target = SparsityTarget(share, scheme)
        zero_smallest_in_place(translation.weight_matrices(pruned), target)
        return pruned

    def retrained(self, share: float) -> Translator:
        """Return the class-blind pruned model after retraining, its zeros held.

        Args:
            share: Of all weights of all matrices.
        """
        pruned = self.zeroed(share, "class-blind")
        reseed(self.seed, f"retrain {share}")
        translation.train(pruned, self.train, self.epochs, LEARNING_RATE / 2)
        return pruned


def prepare(corpus: Corpus, seed: int, quick: bool) -> Experiment:
    """Train the whole model.

    Args:
        corpus: The dataset.
        seed: Of the initial weights and the order of the rows.
        quick: Train on few sentences for more epochs.
    """
    tokenizer = translation_data.train_tokenizer(corpus.train)
    pairs = translation_data.encode(tokenizer, corpus.train, translation.MAX_TOKENS)
    reseed(seed, "train")
    model = translation.Translator(tokenizer.get_vocab_size())
    translation.train(model, pairs, QUICK_EPOCHS if quick else EPOCHS, LEARNING_RATE)
    epochs = QUICK_EPOCHS // 3 if quick else RETRAINING_EPOCHS
    return Experiment(model, tokenizer, pairs, corpus.validation, corpus.test, epochs, seed)

"""Lesson 05."""

POINTS = {"similar_targets": 2, "penalised_loss": 2, "best_temperature": 3, "repaired_moves": 1, "repaired_computes": 2}
BY_TEACHER = 2
TOLD = ("forgets_the_buffers", "the buffers are not the network")
SECRETS = ("_by_hand", "Categorical", "_follow", "A full answer")

WRONG = {
    "counts_the_diagonal": ("similar_targets", "others = similarity * (1 - own)", "others = similarity", {"similar_targets"}),
    "divides_by_zero": ("similar_targets", "others = torch.where(lonely, 1 - own, others)", "others = others", {"similar_targets"}),
    "rewards_certainty": ("penalised_loss", "(-right - beta * entropy)", "(-right + beta * entropy)", {"penalised_loss"}),
    "takes_a_logarithm_of_zero": (
        "penalised_loss",
        "log_probabilities = logits.log_softmax(dim=1)",
        "log_probabilities = logits.softmax(dim=1).log()",
        {"penalised_loss"},
    ),
    "gives_the_factor": ("best_temperature", "return 1 / middle", "return middle", {"best_temperature"}),
    "looks_too_near": ("best_temperature", "low, high = 0.01, 100.0", "low, high = 0.2, 1.0", {"best_temperature"}),
    "keeps_no_copy": (
        "repaired", "self.module = copy.deepcopy(net)", "self.module = net", {"repaired_moves", "repaired_computes"},
    ),
    "turns_the_decay": (
        "repaired", "self.decay * average + (1 - self.decay) * weight", "(1 - self.decay) * average + self.decay * weight",
        {"repaired_computes"},
    ),
    "forgets_the_buffers": ("repaired", "own.copy_(buffer)", "pass", {"repaired_computes"}),
    "writes_nowhere": (
        "repaired", "average.copy_(self.decay * average + (1 - self.decay) * weight)",
        "average = self.decay * average + (1 - self.decay) * weight", {"repaired_moves", "repaired_computes"},
    ),
}  # fmt: skip

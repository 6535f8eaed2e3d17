"""Lesson 7: Inception-ResNet-v1 and v2, and the scaling of residuals."""

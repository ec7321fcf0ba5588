"""Tests of models on published stops, and of the engines that fit them."""

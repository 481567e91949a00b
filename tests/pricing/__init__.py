"""What the pricing core promises, model by model, and the laws that hold for all."""

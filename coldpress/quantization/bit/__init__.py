"""Binary weights in steps (Liu et al. 2022, BiT)."""

"""SmoothQuant (Xiao et al. 2023)."""

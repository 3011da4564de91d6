"""Modules that stay in float32."""

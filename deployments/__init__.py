"""Prefect deployments, automations and work pools; a package, so that they come with Coldpress."""

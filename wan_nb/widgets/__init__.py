"""Board, form, comparison, vote, plan, and where their outputs stand."""

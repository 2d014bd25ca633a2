"""The questions that learners ask, answered by calling the floors below."""

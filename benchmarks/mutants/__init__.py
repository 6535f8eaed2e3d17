"""How sharp the lessons' checks are, measured: `make mutants`.

A slip is put into an exercise's solution (`operators`). If the answer then behaves otherwise (`differential`, on the arguments in
`cases`), its check must refuse it, and name the slip. A solution that is written in another way (`rewritings`) must be accepted.
`kept` lists what is known to go wrong, each with its reason.
"""

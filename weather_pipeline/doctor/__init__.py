"""What `weather doctor` looks at: each check finds facts, and a pure function judges them.

A check changes nothing: no directory, table or bucket is made. A new one is a module with a `Check`, and a line in
`checks.py`.
"""

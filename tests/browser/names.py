"""Class names that try to be markup."""

HOSTILE = ("<img src=x onerror=alert(1)>", "![a](stolen.png) **b** $c$ :red[d]")
